"""Inline text as spans: from and to the canonical HTML subset, and its normal form.

Normal form of inline text: blanks, tabs and line ends collapse to one space; none stands at either end or beside a
line break; a space or break is strong, emphasised or linked only when it is so inside and both its neighbours are
too (so that no style begins or ends with a space); neighbours of equal style are one; of the styles at a place the
one that reaches furthest is the outermost. Every other character stays, the no-break and ideographic spaces too.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby, takewhile
from typing import TypeAlias

from pipeline.content.issuefile.fields import check_characters, normal_link
from pipeline.content.types import ContentError, Html

MAX_DEPTH = 20

BREAK = "\n"
"""A line break in a span's text; line ends of a file are spaces."""

_BLANKS = " \t\r\n"
_GAP = re.compile(f"[{_BLANKS}]+")

STYLES = ("a", "strong", "em")
"""Ties of reach are nested in this order, the first outermost."""


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    strong: bool = False
    em: bool = False
    href: str = ""

    def style(self, name: str) -> str | bool:
        """What the span has of one of STYLES: the address, or whether it is so."""
        return self.href if name == "a" else self.strong if name == "strong" else self.em


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    href: str
    children: "tuple[Node, ...]"


Node: TypeAlias = str | Element


def normal_html(html: Html) -> Html:
    """The canonical HTML of `html` in normal form. `<b>`, `<i>` and `<br>` are taken for strong, em and `<br/>`.

    Raises `ContentError` for any other element or attribute, a bad address, a forbidden character.
    """
    return html_of(normal_spans(spans_of(html)))


def normal_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Equal text in normal form. Raises `ContentError` for a forbidden character or an unusable address."""
    checked = [span for span in map(_checked, spans) if span.text]
    return tuple(
        Span("".join(piece.text for piece in group), *style) for style, group in groupby(_pieces(checked), key=_style)
    )


def _checked(span: Span) -> Span:
    check_characters(span.text)
    return replace(span, href=normal_link(span.href)) if span.href else span


def _style(span: Span) -> tuple[bool, bool, str]:
    return span.strong, span.em, span.href


def _pieces(spans: Sequence[Span]) -> Iterator[Span]:
    """The spans without blanks at their ends, and between them the gaps that those blanks make."""
    gap, around = "", list[Span]()
    for span in spans:
        core = span.text.strip(_BLANKS)
        if not core:
            gap, around = gap + span.text, around and [*around, span]
            continue
        ahead, behind = span.text.split(core, 1)
        if around and gap + ahead:
            yield _gap(gap + ahead, [*around, span])
        yield replace(span, text=_GAP.sub(lambda found: _one(found[0]), core))
        gap, around = behind, [span]


def _one(blanks: str) -> str:
    """Blanks of any number as one space, or as the line breaks among them."""
    return BREAK * blanks.count(BREAK) or " "


def _gap(blanks: str, around: Sequence[Span]) -> Span:
    addresses = {span.href for span in around}
    return Span(
        _one(blanks),
        strong=all(span.strong for span in around),
        em=all(span.em for span in around),
        href=addresses.pop() if len(addresses) == 1 else "",
    )


def nest(spans: Sequence[Span], styles: tuple[str, ...] = STYLES) -> tuple[Node, ...]:
    """Spans as a tree: at each place the style that reaches furthest is the outermost."""
    nodes: list[Node] = []
    while spans:
        name, reach = max(((name, _reach(spans, name)) for name in styles), key=lambda each: each[1], default=("", 0))
        if not reach:
            nodes.append(spans[0].text)
            spans = spans[1:]
            continue
        rest = tuple(style for style in styles if style != name)
        nodes.append(Element(name, spans[0].href if name == "a" else "", nest(spans[:reach], rest)))
        spans = spans[reach:]
    return tuple(nodes)


def _reach(spans: Sequence[Span], style: str) -> int:
    value = spans[0].style(style)
    return sum(1 for _ in takewhile(lambda span: span.style(style) == value, spans)) if value else 0


def html_of(spans: Sequence[Span]) -> Html:
    return _html(nest(spans))


def _html(nodes: Iterable[Node]) -> Html:
    return "".join(_escaped(node) if isinstance(node, str) else _element(node) for node in nodes)


def _element(element: Element) -> Html:
    address = element.href.replace("&", "&amp;").replace('"', "&quot;")
    opening = f'a href="{address}"' if element.name == "a" else element.name
    return f"<{opening}>{_html(element.children)}</{element.name}>"


def _escaped(text: str) -> Html:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace(BREAK, "<br/>")


_TAG = re.compile(
    r"<(?:(?P<break>br\s*/?)|(?P<close>/?)(?P<name>strong|b|em|i|a)(?P<href>\s+href=\"(?P<url>[^\"]*)\")?)\s*>",
    re.IGNORECASE,
)
_NAMES = {"b": "strong", "i": "em"}
_ALLOWED = 'only <strong>, <em>, <br/> and <a href="…"> are allowed in text'


def spans_of(html: Html) -> tuple[Span, ...]:
    """The spans of inline HTML, before normal form. Raises `ContentError` for anything outside the subset."""
    spans: list[Span] = []
    open_elements: list[tuple[str, str]] = []
    position = 0
    for tag in _TAG.finditer(html):
        spans.append(_text_span(html[position : tag.start()], open_elements))
        position = tag.end()
        if tag["break"]:
            spans.append(_text_span("", open_elements, text=BREAK))
        elif tag["close"]:
            _close(tag, open_elements)
        else:
            open_elements.append(_opened(tag, open_elements))
    spans.append(_text_span(html[position:], open_elements))
    if open_elements:
        raise ContentError(f"<{open_elements[-1][0]}> is never closed")
    return tuple(span for span in spans if span.text)


def _text_span(html: Html, open_elements: Sequence[tuple[str, str]], *, text: str = "") -> Span:
    if (at := html.find("<")) >= 0:
        raise ContentError(f"{html[at : at + 20]!r}: {_ALLOWED}; write &lt; for the sign itself")
    names = dict(open_elements)
    return Span(
        text or unescape(html).replace("\n", " "), strong="strong" in names, em="em" in names, href=names.get("a", "")
    )


def _opened(tag: re.Match[str], open_elements: Sequence[tuple[str, str]]) -> tuple[str, str]:
    name = _NAMES.get(tag["name"].lower(), tag["name"].lower())
    if (name == "a") != bool(tag["url"]):
        raise ContentError(f"{tag[0]!r}: {_ALLOWED}")
    if len(open_elements) >= MAX_DEPTH:
        raise ContentError(f"more than {MAX_DEPTH} elements inside one another")
    if name == "a" and "a" in dict(open_elements):
        raise ContentError("a link inside a link")
    return name, unescape(tag["url"] or "")


def _close(tag: re.Match[str], open_elements: list[tuple[str, str]]) -> None:
    name = _NAMES.get(tag["name"].lower(), tag["name"].lower())
    if tag["href"] or not open_elements or open_elements[-1][0] != name:
        raise ContentError(f"{tag[0]!r} closes nothing that is open here")
    open_elements.pop()
