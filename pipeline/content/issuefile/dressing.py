"""Attribute lists laid on blocks: what `{.citation}`, `{by="…"}` or `{lang=ko}` makes of what it stands after."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pipeline.content.issuefile.attributes import Attributes
from pipeline.content.issuefile.normal import normal_lang
from pipeline.content.issuefile.spans import BREAK, Span, spans_of
from pipeline.content.types import (
    Block,
    Citation,
    Facts,
    Html,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Signature,
    Sponsor,
    Teaser,
)

_PARAGRAPHS: Final[Mapping[str, tuple[str, ...]]] = {
    ".citation": (),
    ".notice": ("title",),
    ".teaser": ("title", "link", "picture", "alt"),
    ".sponsor": ("by", "link", "picture", "alt"),
    ".signature": ("picture", "alt"),
}
"""What a paragraph may become, and the attributes that come with it."""
_LINKS: Final = (".button", ".file")
_LISTS: Final = {
    ListStyle.BULLET: "a list with bullets",
    ListStyle.NUMBER: "a numbered list",
    ListStyle.CIRCLED: "a list with circled numbers",
}
_FIELDS: Final = {"link": "url", "picture": "src"}
"""Attributes that have another name in `content.types`."""


def dress(block: Block, attributes: Attributes) -> Block:
    """The block with its attributes. Raises `ContentError` at an attribute that this kind of block does not take."""
    match block:
        case Paragraph(html):
            return _paragraph(html, attributes)
        case Picture():
            return replace(block, **_read("a picture", attributes, "credit", "caption", "link", "video"))
        case Quote():
            return replace(block, **_read("a quote", attributes, "by"))
        case ItemList():
            return _list(block, attributes)
        case Facts():
            return replace(block, lang=_read("a table of facts", attributes, ".facts").get("lang", ""))
    attributes.read(f"this {type(block).__name__.lower()}", ())
    return block


def _list(block: ItemList, attributes: Attributes) -> ItemList:
    numbered = block.style == ListStyle.NUMBER
    values = _read(_LISTS[block.style], attributes, *([".circled"] if numbered else []))
    style = ListStyle.CIRCLED if ".circled" in values else block.style
    return replace(block, style=style, lang=values.get("lang", ""))


def _read(what: str, attributes: Attributes, *names: str) -> dict[str, str]:
    """The attributes, of which `what` takes those with the given names, and `lang`."""
    values = attributes.read(what, (*names, "lang"))
    attributes.converted("lang", normal_lang)  # judged here, where its place is known
    return values


def _paragraph(html: Html, attributes: Attributes) -> Block:  # noqa: PLR0911 -- one for each kind
    kind = next((item.name for item in attributes.items if item.name in _PARAGRAPHS), "")
    if not kind:
        return Paragraph(html, **_plain(attributes))
    values = _read(f"a {kind[1:]}", attributes, kind, *_PARAGRAPHS[kind])
    del values[kind]
    fields = {_FIELDS.get(name, name): value for name, value in values.items()}
    match kind:
        case ".citation":
            return Citation(html, **fields)
        case ".notice":
            return Notice(html, **fields)
        case ".sponsor":
            return Sponsor(html, **({"by": ""} | fields))
        case ".signature":
            return Signature(html, **fields)
    if "title" in fields:
        return Teaser(html=html, **fields)
    return Teaser(_title(html, attributes), **fields)


def _plain(attributes: Attributes) -> dict[str, str]:
    values = _read("a paragraph", attributes, *_PARAGRAPHS, *_LINKS)
    for name in _LINKS:
        if name in values:
            raise attributes.error(f"{{{name}}} stands right after its link, in the same paragraph", name)
    return values


def _title(html: Html, attributes: Attributes) -> str:
    """The paragraph of a teaser that has no other text."""
    spans = spans_of(html)
    if any(span != Span(span.text) or BREAK in span.text for span in spans):
        raise attributes.error(
            'a teaser without title="…" is its title alone, as plain text: give it a title, and this stays its text',
            ".teaser",
        )
    return "".join(span.text for span in spans)
