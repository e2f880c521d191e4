"""Sections → the body of an issue file. Expects normal form; every sign that Markdown would read is escaped."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from pipeline.content.issuefile.attributes import write_attributes
from pipeline.content.issuefile.fields import circled_number
from pipeline.content.issuefile.flavour import inline_tokens, spans_of_tokens
from pipeline.content.issuefile.places import Passage
from pipeline.content.issuefile.spans import BREAK, Element, Node, Span, nest, normal_spans, spans_of
from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    Divider,
    Facts,
    FileLink,
    Heading,
    Html,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)

_Prose: TypeAlias = Paragraph | Citation | Notice | Teaser | Sponsor | Signature
_Alone: TypeAlias = _Prose | Heading | Picture | Quote | Button | FileLink | Divider
"""What is written without a look at its neighbours."""


def write_sections(sections: Iterable[Section]) -> str:
    """The body, empty or ending in a line end."""
    return "".join(f"{block}\n" for block in _spaced(_section_lines(sections)))


def _spaced(blocks: Iterable[str]) -> Iterator[str]:
    for number, block in enumerate(blocks):
        yield f"\n{block}" if number else block


def _section_lines(sections: Iterable[Section]) -> Iterator[str]:
    for section in sections:
        yield _heading("#", section.title, write_attributes(lang=section.lang))
        yield from _blocks(section.intro)
        for article in section.articles:
            yield _article_heading(article)
            yield from _blocks(article.blocks)


def _article_heading(article: Article) -> str:
    day = article.date.isoformat() if article.date else ""
    attributes = write_attributes(source=article.source, date=day, url=article.url, lang=article.lang)
    return _heading("##", article.title, attributes)


def _heading(marks: str, title: str, attributes: str) -> str:
    return f"{marks} {_line(title)} {attributes}".rstrip(" ")


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    """The blocks in turn; what would run into its like before it is set apart."""
    other_marker = False
    for number, block in enumerate(blocks):
        before = blocks[number - 1] if number else None
        if isinstance(block, ItemList):
            other_marker = not other_marker and _is_like(block, before)
            yield _list(block, other_marker=other_marker)
        elif isinstance(block, Facts):
            yield from _facts(block, apart=isinstance(next(iter(blocks[number + 1 :]), None), Facts))
        else:
            yield _block(block)


def _is_like(block: ItemList, before: Block | None) -> bool:
    """Whether Markdown would read two lists as one: both with bullets, or both counted."""
    bullets = ListStyle.BULLET
    return isinstance(before, ItemList) and (before.style == bullets) == (block.style == bullets)


def _block(block: _Alone) -> str:  # noqa: PLR0911 -- one for each kind
    match block:
        case Heading(text, lang):
            return _heading("###", text, write_attributes(lang=lang))
        case Divider():
            return "---"
        case Quote(html, by, lang):
            return _indented(_dressed(html, write_attributes(by=by, lang=lang)), first="> ", rest="> ")
        case Picture(src, alt, credit, caption, link, video, lang):
            attributes = write_attributes(credit=credit, caption=caption, link=link, video=video, lang=lang)
            return f"![{_escaped(alt)}]({_destination(src)}){attributes}"
        case Button(label, url, lang):
            return _link(label, url, write_attributes(".button", lang=lang))
        case FileLink(label, url, kind, size, lang):
            return _link(label, url, write_attributes(".file", kind=kind, size=size, lang=lang))
        case _:
            return _paragraph(block)


def _paragraph(block: _Prose) -> str:  # noqa: PLR0911 -- one for each kind
    """A block that is a paragraph with an attribute list, or without."""
    match block:
        case Paragraph(html, lang):
            return _dressed(html, write_attributes(lang=lang))
        case Citation(html, lang):
            return _dressed(html, write_attributes(".citation", lang=lang))
        case Notice(html, title, lang):
            return _dressed(html, write_attributes(".notice", title=title, lang=lang))
        case Teaser(title, html, url, src, alt, lang):
            place = {"link": url, "picture": src, "alt": alt, "lang": lang}
            if not html:
                return f"{_begun(_escaped(title))}\n{write_attributes('.teaser', **place)}"
            return _dressed(html, write_attributes(".teaser", title=title, **place))
        case Sponsor(html, by, url, src, alt, lang):
            return _dressed(html, write_attributes(".sponsor", by=by, link=url, picture=src, alt=alt, lang=lang))
        case Signature(html, src, alt, lang):
            return _dressed(html, write_attributes(".signature", picture=src, alt=alt, lang=lang))


def _dressed(html: Html, attributes: str) -> str:
    return f"{_text(html)}\n{attributes}".rstrip("\n")


def _link(label: str, url: str, attributes: str) -> str:
    return f"[{_escaped(label)}]({_destination(url)}){attributes}"


def _facts(facts: Facts, *, apart: bool) -> Iterator[str]:
    """The table; `apart`: another follows, and would be read as more of this one."""
    yield "\n\n".join(_row(label, value) for label, value in facts.rows)
    if attributes := write_attributes(*([".facts"] if apart else []), lang=facts.lang):
        yield attributes


def _row(label: str, value: Html) -> str:
    return f"{_begun(_escaped(label))}\n{_indented(_text(value), first=': ', rest='  ')}"


def _list(block: ItemList, *, other_marker: bool) -> str:
    entries = [
        _indented(_text(item), first=f"{_marker(block.style, number, other_marker=other_marker)} ", rest="")
        for number, item in enumerate(block.items, 1)
    ]
    circled = [".circled"] if block.style == ListStyle.CIRCLED else []
    return "\n".join([*entries, write_attributes(*circled, lang=block.lang)]).rstrip("\n")


def _marker(style: ListStyle, number: int, *, other_marker: bool) -> str:
    if style == ListStyle.BULLET:
        return "*" if other_marker else "-"
    return f"{number})" if other_marker else f"{number}."


def _indented(lines: str, *, first: str, rest: str) -> str:
    """`lines` behind a marker; without `rest` the further lines stand below the text of the first."""
    return first + lines.replace("\n", f"\n{rest or ' ' * len(first)}")


def _line(text: str) -> str:
    """The text of a heading."""
    return re.sub(r"#$", r"\\#", _escaped(text))


def _text(html: Html) -> str:
    """Inline text as Markdown: with stars where they say it, with `[…]{.strong}` where they would not."""
    spans = normal_spans(spans_of(html))
    starred = _starred(nest(spans))
    return _begun(starred if _reads_as(starred, spans) else "".join(map(_bracketed, spans)))


def _reads_as(markdown: str, spans: tuple[Span, ...]) -> bool:
    passage = Passage(markdown, markdown.split("\n"), 1, "")
    tokens, attributes = inline_tokens(passage)
    return not attributes and normal_spans(spans_of_tokens(tokens, passage)) == spans


_STARS = {"strong": "**", "em": "*"}


def _starred(nodes: Iterable[Node]) -> str:
    return "".join(_escaped(node) if isinstance(node, str) else _element(node) for node in nodes)


def _element(element: Element) -> str:
    inner = _starred(element.children)
    if element.name == "a":
        return f"[{inner}]({_destination(element.href)})"
    return f"{_STARS[element.name]}{inner}{_STARS[element.name]}"


def _bracketed(span: Span) -> str:
    text = _escaped(span.text)
    linked = f"[{text}]({_destination(span.href)})" if span.href else text
    classes = [name for name, holds in ((".strong", span.strong), (".em", span.em)) if holds]
    return f"[{linked}]{write_attributes(*classes)}" if classes else linked


_SPECIAL = re.compile(
    r"(?P<tag>\{\{[^\n]*?\}\})"
    r"|(?P<break>\n)"
    r"|(?P<space>[^\S \n])"
    r"|(?P<inner>(?<=[^\W_])_(?=[^\W_]))"
    r"|(?P<sign>[\\`*_\[\]<{]|&(?=#?\w+;)|!$)"
)


def _escaped(text: str) -> str:
    """Plain text with every sign escaped that begins something inside a line. Merge tags stay as they are."""
    return _SPECIAL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "break":
            return f"\\{BREAK}"
        case "space":
            return "&nbsp;" if match[0] == "\u00a0" else f"&#x{ord(match[0]):x};"
        case "sign":
            return f"\\{match[0]}"
    return match[0]


_BEGINS_BLOCK = re.compile(r"^(?:(?P<number>\d+)(?=[.)](?:\s|$))|(?=[-=>:~|]|\+(?:\s|$)|#{1,6}(?:\s|$)))", re.MULTILINE)


def _begun(markdown: str) -> str:
    """Lines with a backslash before whatever would begin a list, heading, quote, rule or definition."""
    lines = _BEGINS_BLOCK.sub(lambda match: f"{match['number'] or ''}\\", markdown)
    return re.sub(r"^.", lambda match: f"&#{ord(match[0])};" if circled_number(match[0]) else match[0], lines)


_PLAIN_DESTINATION = re.compile(r"[\w:/?#@!$'*+,;=.~%-]+", re.ASCII)


def _destination(url: str) -> str:
    if _PLAIN_DESTINATION.fullmatch(url):
        return url
    escaped = re.sub(r"[<>\\]|&(?=#?\w+;)", lambda match: f"\\{match[0]}", url)
    return f"<{escaped}>"
