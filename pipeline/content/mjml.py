"""MJML to HTML by mjml-python, made safe.

The source is checked first, because mrml accepts nearly anything silently, and rewritten, because mrml prints attribute
values through Rust's debug formatter, which breaks them at line ends and lets a quote end the attribute.
"""

import re
from html.entities import name2codepoint
from typing import Final

from lxml import etree
from mjml import mjml2html

from pipeline.content.types import ContentError

_BOX = frozenset({"css-class", "padding", "padding-top", "padding-right", "padding-bottom", "padding-left"})
_BACK = frozenset({"background-color", "border", "border-radius", "border-top", "border-bottom", "text-align"})
_FONT = frozenset(
    {"align", "color", "font-family", "font-size", "font-style", "font-weight", "line-height", "letter-spacing"}
)
_INSIDE_COLUMN = frozenset({"mj-column"})

# Component: its parents, its attributes. What is missing here is either broken in mrml (carousel, fluid hero, gap,
# mj-html-attributes, inline styles, includes) or poorly supported by mail programs (accordion, navbar).
_COMPONENTS: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "mjml": (frozenset(), frozenset({"lang", "dir"})),
    "mj-head": (frozenset({"mjml"}), frozenset()),
    "mj-title": (frozenset({"mj-head"}), frozenset()),
    "mj-preview": (frozenset({"mj-head"}), frozenset()),
    "mj-breakpoint": (frozenset({"mj-head"}), frozenset({"width"})),
    "mj-style": (frozenset({"mj-head"}), frozenset()),
    "mj-attributes": (frozenset({"mj-head"}), frozenset()),
    "mj-all": (frozenset({"mj-attributes"}), _FONT | _BOX),
    "mj-class": (frozenset({"mj-attributes"}), _FONT | _BOX | _BACK | {"name"}),
    "mj-body": (frozenset({"mjml"}), frozenset({"background-color", "css-class", "width"})),
    "mj-raw": (frozenset({"mj-head", "mj-body", "mj-column"}), frozenset()),
    "mj-wrapper": (frozenset({"mj-body"}), _BOX | _BACK | {"full-width"}),
    "mj-section": (frozenset({"mj-body", "mj-wrapper"}), _BOX | _BACK | {"full-width", "direction"}),
    "mj-group": (frozenset({"mj-section"}), frozenset({"css-class", "width", "vertical-align"})),
    "mj-column": (frozenset({"mj-section", "mj-group"}), _BOX | _BACK | {"width", "vertical-align"}),
    "mj-text": (_INSIDE_COLUMN, _BOX | _FONT | {"container-background-color", "height", "mj-class"}),
    "mj-image": (
        _INSIDE_COLUMN,
        _BOX | {"align", "alt", "border-radius", "href", "src", "title", "width", "fluid-on-mobile", "rel"},
    ),
    "mj-button": (
        _INSIDE_COLUMN,
        _BOX | _FONT | _BACK | {"href", "inner-padding", "rel", "title", "vertical-align", "width", "mj-class"},
    ),
    "mj-divider": (_INSIDE_COLUMN, _BOX | {"border-color", "border-style", "border-width", "width"}),
    "mj-spacer": (_INSIDE_COLUMN, _BOX | {"height"}),
    "mj-table": (_INSIDE_COLUMN, _BOX | _FONT | {"table-layout", "width", "container-background-color"}),
}
_HOLDS_HTML: Final = frozenset({"mj-raw", "mj-text", "mj-button", "mj-table", "mj-style", "mj-title", "mj-preview"})

# HTML's entities, in one line above the source: lxml counts one line more than there are.
_ENTITIES: Final = "".join(f'<!ENTITY {name} "&#{code};">' for name, code in name2codepoint.items() if code > 0x7F)
_DOCTYPE: Final = f"<!DOCTYPE mjml [{_ENTITIES}]>\n"

_MARKUP = re.compile(
    r"<!--.*?-->|<(?P<style>mj-style|style)\b.*?</(?P=style)>|<[A-Za-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL
)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_WHITE = re.compile(r"[\t\r\n ]+")
_REWRITTEN = re.compile(r'[^ -\[\]-~]|"')
_OFFSET = re.compile(r"position (\d+):")


def to_html(source: str, *, name: str = "layout.mjml") -> str:
    """Compile MJML. No fonts, no network, no includes. Raises ContentError with line and column."""
    check(source, name=name)
    safe = mrml_safe(source)
    try:
        html: str = mjml2html(safe, fonts={}, social_icon_origin="", include_loader=None)
    except ValueError as error:
        raise _located(error, safe, name=name) from error
    return html


def check(source: str, *, name: str = "layout.mjml") -> None:
    """Refuse what is not well-formed XML and every component, nesting and attribute that is not known to work."""
    parser = etree.XMLParser(no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring((_DOCTYPE + source).encode(), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position[0] - 1, error.position[1]
        raise ContentError(
            f"the MJML is not well formed: {error.msg}", source=name, line=line, column=column
        ) from error
    if root.tag != "mjml":
        raise ContentError(f"the MJML starts with <{root.tag}> and not with <mjml>", source=name, line=1)
    _check_component(root, name)


def mrml_safe(source: str) -> str:
    """Rewrite every tag so that mrml prints it as it was meant.

    Values get double quotes and no line breaks; all but printable ASCII in them becomes character references.
    """
    return _MARKUP.sub(_tag, source)


def _tag(found: re.Match[str]) -> str:
    if found[0].startswith("<!--") or found["style"]:
        return found[0]
    return _ATTRIBUTE.sub(lambda pair: f'{pair[1]}="{_attribute(pair[2] or pair[3] or "")}"', found[0])


def _attribute(value: str) -> str:
    return _REWRITTEN.sub(lambda found: f"&#{ord(found[0])};", _WHITE.sub(" ", value))


def _check_component(element: etree._Element, name: str) -> None:
    tag = str(element.tag)
    parents, attributes = _COMPONENTS[tag]
    parent = element.getparent()
    if parent is not None and parent.tag not in parents:
        raise _misuse(element, f"<{tag}> may not stand in <{parent.tag}>", name)
    # mj-attributes holds defaults for any component under that component's own name.
    for attribute in set(map(str, element.attrib)) - attributes:
        raise _misuse(element, f"<{tag}> may not have {attribute!r}", name)
    if tag in _HOLDS_HTML:
        return
    if (element.text or "").strip():
        raise _misuse(element, f"text may not stand directly in <{tag}>", name)
    for child in element:
        if child.tag not in _COMPONENTS:
            raise _misuse(child, f"<{child.tag}> may not stand in <{tag}>", name)
        if (child.tail or "").strip():
            raise _misuse(child, f"text may not stand directly in <{tag}>", name)
        if tag != "mj-attributes" or child.tag in {"mj-all", "mj-class"}:
            _check_component(child, name)


def _misuse(element: etree._Element, what: str, name: str) -> ContentError:
    return ContentError(f"the layout is wrong: {what}", source=name, line=_line(element))


def _line(element: etree._Element) -> int:
    line: object = element.sourceline
    return line - 1 if isinstance(line, int) else 0


def _located(error: ValueError, source: str, *, name: str) -> ContentError:
    """Mrml counts bytes of the MJML; people count lines."""
    found = _OFFSET.search(str(error))
    if not found:
        return ContentError(f"the MJML cannot be compiled: {error}", source=name)
    ahead = source.encode()[: int(found[1])].decode(errors="replace")
    line, column = ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n")
    return ContentError(f"the MJML cannot be compiled: {error}", source=name, line=line, column=column)
