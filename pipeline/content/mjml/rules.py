"""The checks of MJML: each component where it stands with its attributes, then what they make together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from pipeline.content.mjml import bans, html, widths
from pipeline.content.mjml.components import BODY, COMPONENTS
from pipeline.content.mjml.elements import Element

Problem: TypeAlias = tuple[Element, str, str]
"""The element, what is wrong with it, and the attribute that it is about; `_TEXT` for its text, else empty."""
TEXT: Final = "#text"

_NEEDED: Final = (
    ("mjml", "lang", 'without lang a page is read aloud in the wrong voice; write lang="{{ document.language }}"'),
    ("mj-image", "src", "a picture needs src, its address"),
    ("mj-image", "alt", 'a picture needs alt: what it shows, or alt="" if it is decoration'),
    ("mj-social-element", "src", "the picture needs src, its address; the compiler's own would be fetched elsewhere"),
    ("mj-social-element", "alt", 'a picture needs alt: what it shows, or alt="" beside a label'),
    ("mj-class", "name", "a class needs a name, by which mj-class calls it"),
)
_ONCE: Final = frozenset({"mj-head", "mj-body", "mj-title", "mj-preview", "mj-breakpoint", "mj-attributes"})
_WORDS_ONLY: Final = frozenset({"mj-title", "mj-preview", "mj-style"})


def problems(elements: Sequence[Element]) -> list[Problem]:
    """Everything that is wrong. How things stand together is looked at when each is right by itself."""
    root = elements[0]
    if root.tag != "mjml":
        return [(root, f"MJML begins with <mjml>, not with <{root.tag}>", "")]
    found: list[Problem] = []
    _walk(root, found)
    return found or [*_once(elements), *_classes(elements), *_groups(elements), *_images(elements)]


def _walk(element: Element, found: list[Problem]) -> None:
    found += _component(element)
    component = COMPONENTS.get(element.tag)
    if component is None or element.tag == "mj-class":
        return  # what it holds may be right elsewhere
    for child in element.children:
        if component.html:
            _walk_html(child, found)
        else:
            _walk(child, found)


def _walk_html(element: Element, found: list[Problem]) -> None:
    found += ((element, *problem) for problem in html.problems(element))
    for child in element.children:
        _walk_html(child, found)


def _component(element: Element) -> Iterator[Problem]:
    if element.tag not in COMPONENTS:
        yield element, _unknown(element), ""
        return
    yield from _standing(element)
    yield from _attributes(element)
    for tag, name, why in _NEEDED:
        if element.tag == tag and name not in element.attributes and not _is_default(element):
            yield element, why, ""


def _unknown(element: Element) -> str:
    tag = element.tag
    if reason := bans.COMPONENTS.get(tag):
        return f"<{tag}> is not used: {reason}"
    if tag.startswith("mj"):
        return f"there is no <{tag}>; there are {', '.join(COMPONENTS)}"
    parent = element.parent.tag if element.parent is not None else "mjml"
    return f"<{tag}> is HTML and may not stand in <{parent}>; put it into an mj-text, or into an mj-raw in a column"


def _is_default(element: Element) -> bool:
    """Whether it stands in mj-attributes for the defaults of its component."""
    return element.parent is not None and element.parent.tag == "mj-attributes" and element.tag != "mj-class"


def _standing(element: Element) -> Iterator[Problem]:
    tag, parent, component = element.tag, element.parent, COMPONENTS[element.tag]
    default = _is_default(element)
    if parent is not None and parent.tag not in component.parents and not (default and tag in BODY):
        allowed = " or ".join(f"<{each}>" for each in sorted(component.parents))
        why = bans.NESTING.get((tag, parent.tag), "")
        said = f"<{tag}> may stand in {allowed or 'nothing'} alone, not in <{parent.tag}>"
        yield element, f"{said}: {why}" if why else said, ""
    if element.text_end >= 0 and (not component.html or default):
        yield element, f"text may not stand directly in <{tag}>; put it into an mj-text", TEXT
    if element.children and tag == "mj-class":
        yield element.children[0], "mjml-python refuses elements in mj-class; write attributes on it", ""
    elif element.children and (tag in _WORDS_ONLY or default):
        yield element.children[0], f"<{tag}> may not hold elements here", ""


def _attributes(element: Element) -> Iterator[Problem]:
    tag, known = element.tag, COMPONENTS[element.tag].attributes
    for name, value in element.attributes.items():
        kind = known.get(name)
        if kind is None:
            yield element, _unknown_attribute(tag, name), name
        elif not kind.fits(value):
            reason = bans.VALUES.get((tag, name, value))
            yield element, f"{name}={value!r} is not used: {reason or f'allowed is {kind.allowed}'}", name


def _unknown_attribute(tag: str, name: str) -> str:
    reason = bans.EVERYWHERE if tag == "mj-all" else bans.ATTRIBUTES.get(tag, {}).get(name)
    if reason:
        return f"{name} on <{tag}> is not used: {reason}"
    known = ", ".join(sorted(COMPONENTS[tag].attributes))
    return f"<{tag}> may not have {name!r}; {f'there are {known}' if known else 'it has no attributes'}"


def _once(elements: Sequence[Element]) -> Iterator[Problem]:
    seen: set[str] = set()
    for element in elements:
        if _is_default(element):
            continue
        if element.tag in _ONCE and element.tag in seen:
            yield element, f"<{element.tag}> may stand only once in a layout; join the two", ""
        seen.add(element.tag)
    if "mj-body" not in seen:
        yield elements[0], "there is no <mj-body>, and so nothing to read", ""


def _classes(elements: Sequence[Element]) -> Iterator[Problem]:
    known: dict[str, set[str]] = {}
    for element in elements:
        if element.tag == "mj-class":
            known.setdefault(element.attributes["name"], set()).update(element.attributes.keys() - {"name"})
    for element in elements:
        if called := element.attributes.get("mj-class"):
            yield from ((element, problem, "mj-class") for problem in _called(element.tag, called.split(), known))


def _called(tag: str, names: Sequence[str], known: Mapping[str, set[str]]) -> Iterator[str]:
    """What is wrong with calling these classes on a component."""
    seen: set[str] = set()
    for name in names:
        if name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "write one into mj-attributes"
            yield f"there is no <mj-class name={name!r}>; {there}"
            continue
        if strange := ", ".join(sorted(known[name] - COMPONENTS[tag].attributes.keys())):
            yield f"the class {name!r} sets {strange}, which <{tag}> cannot have; write another class for it"
        if twice := ", ".join(sorted(known[name] & seen)):
            why = "mjml-python takes the first, other compilers the last"
            yield f"two of these classes set {twice}: {why}; set it in one of them"
        seen |= known[name]


def _groups(elements: Sequence[Element]) -> Iterator[Problem]:
    for group in elements:
        columns = [each for each in group.children if each.tag == "mj-column" and "width" not in each.attributes]
        if group.tag == "mj-group" and columns and 100 % len(columns):
            why = f"mjml-python makes {len(columns)} columns of a broken per cent each, and they shift on phones"
            yield group, f"{why}; give each a width, such as 33%, 34%, 33%", ""


def _images(elements: Sequence[Element]) -> Iterator[Problem]:
    get = widths.resolver(elements)
    for image in elements:
        width = get(image, "width") if image.tag == "mj-image" and not _is_default(image) else ""
        if width and int(width.removesuffix("px")) > (room := int(widths.room(image, get))):
            why = f"the picture is {width} wide, and its column has room for {room}px; mjml-python lets it run over"
            yield image, f"{why}. Write width={f'{room}px'!r} or leave it out", "width"
