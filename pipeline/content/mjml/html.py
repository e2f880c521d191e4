"""HTML inside mj-text, mj-table, mj-button and mj-raw: what may stand there, and what the tools behind would break.

premailer reads the page with an HTML4 parser, which ends a paragraph or moves a table out of its link without a word;
so that is refused here. What mail programs drop or readers must not get, such as scripts and forms, as well.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import Final

from pipeline.content.mjml.elements import Element
from pipeline.content.mjml.values import URL
from pipeline.content.stylesheet import overlap


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS: Final = _names("address blockquote center div dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul")
_INLINE: Final = _names("a abbr b bdi bdo br cite code em i img q s small span strong sub sup u")
_PARTS: Final = _names("caption col colgroup dd dt li tbody td tfoot th thead tr")
_ELEMENTS: Final = _BLOCKS | _INLINE | _PARTS
_WHOLE: Final = frozenset({"br", "col", "hr", "img", "meta"})
_EVERYWHERE: Final = frozenset({"class", "dir", "id", "lang", "role", "style", "title"})
_OWN: Final = {
    "a": {"href", "name", "rel"},
    "div": {"align"},
    "p": {"align"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "img": {"align", "alt", "border", "height", "src", "width"},
    "li": {"value"},
    "meta": {"charset", "content", "name", "property"},
    "ol": {"start", "type", "reversed"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": {"align", "bgcolor", "colspan", "height", "headers", "nowrap", "rowspan", "valign", "width"},
    "th": {"align", "bgcolor", "colspan", "height", "headers", "rowspan", "scope", "valign", "width"},
    "tr": {"align", "bgcolor", "height", "valign"},
    "ul": {"type"},
}
_PARENTS: Final = {
    "li": {"ol", "ul"},
    "dd": {"dl", "div"},
    "dt": {"dl", "div"},
    "td": {"tr"},
    "th": {"tr"},
    "tr": {"table", "tbody", "thead", "tfoot", "mj-table"},
    "tbody": {"table", "mj-table"},
    "thead": {"table", "mj-table"},
    "tfoot": {"table", "mj-table"},
    "col": {"colgroup", "table", "mj-table"},
    "colgroup": {"table", "mj-table"},
    "caption": {"table", "mj-table"},
    "meta": {"mj-raw"},
}
_REASONS: Final = {
    "style": "Gmail ignores style rules in the body; put them into head.css",
    "link": "mail programs load no style sheets, and premailer would fetch it; put the rules into head.css",
    "script": "mail programs run no scripts",
    "iframe": "mail programs show no frames; link to the page",
    "form": "mail programs send no forms; link to a page with the form",
    "input": "mail programs send no forms; link to a page with the form",
    "button": "mail programs send no forms; use mj-button",
    "svg": "most mail programs show no SVG; use a PNG in an mj-image",
    "video": "most mail programs play no video; link a picture to it",
    "audio": "most mail programs play no sound; link to it",
    "picture": "few mail programs choose among several pictures; use mj-image",
    "base": "it would move every address of the page",
    "font": "write the colour and size into inline.css",
    "include": "use {% include %}",
}
_DECLARATION = re.compile(r"\s*([A-Za-z][A-Za-z-]*)\s*:[^:;{}<>@]+(?:;|\Z)")
_SLOT = re.compile("X[A-Za-z0-9]{8,64}N[0-9]+X")
"""What `slots` puts in the place of a merge tag."""
_LOADING = re.compile(r"url\s*\(|expression\s*\(|@import", re.IGNORECASE)
Problem = tuple[str, str]
"""What is wrong, and the attribute that it is about; empty for the element itself."""


def problems(element: Element) -> Iterator[Problem]:
    """What is wrong with one element of HTML where it stands."""
    tag = element.tag
    if tag not in _ELEMENTS and not (tag == "meta" and _in_head(element)):
        yield _unknown(tag), ""
        return
    yield from _nesting(element)
    yield from _attributes(element)
    if tag in _WHOLE and (element.children or element.text_end >= 0):
        yield f"<{tag}> holds nothing; write <{tag} />", ""
    if tag == "img":
        yield from _picture(element)


def _in_head(element: Element) -> bool:
    return any(above.tag == "mj-head" for above in element.ancestors())


def _unknown(tag: str) -> str:
    if tag.startswith("mj"):
        return f"<{tag}> is a component and cannot stand in HTML; close the mj-text or mj-raw before it"
    reason = _REASONS.get(tag, "mail programs show it differently or not at all")
    return f"<{tag}> may not stand in a mail: {reason}. There are {', '.join(sorted(_ELEMENTS))}"


def _nesting(element: Element) -> Iterator[Problem]:
    tag, parent = element.tag, element.parent
    allowed = _PARENTS.get(tag)
    if allowed and parent is not None and parent.tag not in allowed:
        yield f"<{tag}> may stand in {_either(allowed)} alone, not in <{parent.tag}>", ""
    above = {each.tag for each in element.ancestors()}
    if tag in _BLOCKS and "p" in above:
        yield f"HTML ends a <p> where <{tag}> begins; close the <p> before it", ""
    if tag == "table" and "a" in above:
        yield "premailer moves a table out of the <a> around it, and the link is lost; put the <a> into the cells", ""
    if tag == "a" and "a" in above:
        yield "HTML ends a link where the next begins; close the <a> before it", ""


def _attributes(element: Element) -> Iterator[Problem]:
    own = _OWN.get(element.tag, set())
    for name, value in element.attributes.items():
        if name.startswith("on"):
            yield f"{name} is a script, and mail programs run none; leave it out", name
        elif name not in _EVERYWHERE and name not in own and not name.startswith("aria-"):
            there = ", ".join(sorted(own | _EVERYWHERE))
            yield f"<{element.tag}> may not have {name}; there are {there} and aria-…", name
        elif name == "href" and not URL.fits(value):
            yield f"{value!r} is no address for readers; allowed is {URL.allowed}", name
        elif name == "style" and (problem := _style(value)):
            yield problem, name


@lru_cache(maxsize=1024)
def _style(value: str) -> str:
    """What is wrong with a style attribute; empty when nothing is."""
    if _LOADING.search(value):
        return "nothing may be loaded from a style; use an attribute such as background-url or src"
    if _SLOT.search(value):
        return "a merge tag has no place in a style, where premailer drops it; put it into the text or an address"
    names, at = list[str](), 0
    while at < len(value.rstrip()):
        found = _DECLARATION.match(value, at)
        if found is None:
            return f"{value[at:].strip()!r} is no declaration; write them as color:#12355b;margin:0"
        names.append(found[1].lower())
        at = found.end()
    for one, other in combinations(names, 2):
        if one == other:
            return f"{one} stands twice in one style, and premailer keeps the last alone; keep one"
        if overlap(one, other):
            return f"{one} and {other} set the same thing, and premailer may write them in the wrong order; keep one"
    return ""


def _picture(element: Element) -> Iterator[Problem]:
    if "alt" not in element.attributes:
        yield 'a picture needs alt: what it shows, or alt="" if it is decoration', ""
    if not element.attributes.get("src", "").startswith(("https://", "http://")):
        yield "a picture needs src, an address that begins with https://", "src" if "src" in element.attributes else ""


def _either(tags: set[str]) -> str:
    return " or ".join(f"<{tag}>" for tag in sorted(tags))
