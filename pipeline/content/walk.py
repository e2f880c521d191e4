"""Every piece of text in an issue that a person wrote, with its place and its kind."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    Notice,
    Paragraph,
    Picture,
    PictureUse,
    Quote,
    Shape,
    Signature,
    Sponsor,
    Teaser,
)


class Kind(StrEnum):
    TEXT = "text"
    TITLE = "title"
    """Text that names something and so may not be empty."""
    HTML = "html"
    URL = "url"
    SRC = "src"
    """Where a picture is: an address or a relative path."""


@dataclass(frozen=True, slots=True)
class Field:
    place: str
    kind: Kind
    value: str
    label: str = ""
    """For an address: the text that is clicked on."""


@lru_cache(maxsize=4)
def fields(document: IssueDocument) -> Sequence[Field]:
    """All of them, in reading order. What is left empty because it is optional does not appear."""
    return tuple(_fields(document))


def _fields(document: IssueDocument) -> Iterator[Field]:
    yield Field("subject", Kind.TEXT, document.subject)
    yield Field("preheader", Kind.TEXT, document.preheader)
    yield Field("title", Kind.TITLE, document.title)
    for s, section in enumerate(document.sections):
        yield Field(f"sections[{s}].title", Kind.TITLE, section.title)
        yield from _blocks(section.intro, f"sections[{s}].intro")
        for a, article in enumerate(section.articles):
            yield from _article(article, f"sections[{s}].articles[{a}]")


def blocks(document: IssueDocument) -> Iterator[tuple[str, Block]]:
    """All blocks with their places."""
    for s, section in enumerate(document.sections):
        yield from ((f"sections[{s}].intro[{b}]", block) for b, block in enumerate(section.intro))
        for a, article in enumerate(section.articles):
            place = f"sections[{s}].articles[{a}].blocks"
            yield from ((f"{place}[{b}]", block) for b, block in enumerate(article.blocks))


def pictures(document: IssueDocument) -> Iterator[tuple[str, PictureUse]]:
    """All uses of pictures with their places; what names none does not appear."""
    for place, block in blocks(document):
        if use := picture_use(block):
            yield place, use


def picture_use(block: Block) -> PictureUse | None:
    """The picture that a block shows, and what for."""
    match block:
        case Picture(src=src):
            use = PictureUse(src, Shape.DOORWAY if block.video else Shape.WHOLE)
        case Teaser(src=src):
            use = PictureUse(src, Shape.HALF)
        case Sponsor(src=src):
            use = PictureUse(src, Shape.WHOLE)
        case Signature(src=src):
            use = PictureUse(src, Shape.SMALL)
        case _:
            return None
    return use if use.src else None


def languages(document: IssueDocument) -> Iterator[tuple[str, str]]:
    """Every language that is set, the issue's first, with the place of what it is set for."""
    yield "language", document.language
    for s, section in enumerate(document.sections):
        yield f"sections[{s}]", section.lang
        yield from ((f"sections[{s}].articles[{a}]", article.lang) for a, article in enumerate(section.articles))
    yield from ((place, getattr(block, "lang", "")) for place, block in blocks(document))


def _article(article: Article, place: str) -> Iterator[Field]:
    yield Field(f"{place}.title", Kind.TITLE, article.title)
    yield Field(f"{place}.source", Kind.TEXT, article.source)
    yield from _blocks(article.blocks, f"{place}.blocks")
    if article.url:
        yield Field(f"{place}.url", Kind.URL, article.url, article.title)


def _blocks(run: Sequence[Block], place: str) -> Iterator[Field]:
    for index, block in enumerate(run):
        yield from _block(block, f"{place}[{index}]")


def _block(block: Block, place: str) -> Iterator[Field]:
    match block:
        case ItemList(items=items):
            yield from (Field(f"{place}.items[{i}]", Kind.HTML, item) for i, item in enumerate(items))
        case Facts(rows=rows):
            for r, (label, value) in enumerate(rows):
                yield Field(f"{place}.rows[{r}].label", Kind.TITLE, label)
                yield Field(f"{place}.rows[{r}].value", Kind.HTML, value)
        case _:
            yield from _plain_block(block, place)


def _plain_block(block: Block, place: str) -> Iterator[Field]:
    """A block whose fields are single values, as `_FIELDS` lists them."""
    optional = {field.name for field in dataclasses.fields(block) if field.default == ""}
    for name, kind in _FIELDS[type(block)].items():
        value = getattr(block, name)
        if name in optional and not value:
            continue
        at = place if name in {"html", "text"} else f"{place}.{name}"
        yield Field(at, kind, value, _name(block) if kind is Kind.URL else "")


def _name(block: Block) -> str:
    """What a reader clicks on to get to the block's address."""
    return next((str(getattr(block, name)) for name in ("label", "title", "by", "alt") if hasattr(block, name)), "")


_FIELDS: Final[Mapping[type[Block], Mapping[str, Kind]]] = {
    Paragraph: {"html": Kind.HTML},
    Citation: {"html": Kind.HTML},
    Heading: {"text": Kind.TITLE},
    Quote: {"html": Kind.HTML, "by": Kind.TEXT},
    Button: {"label": Kind.TITLE, "url": Kind.URL},
    FileLink: {"label": Kind.TITLE, "url": Kind.URL, "kind": Kind.TEXT, "size": Kind.TEXT},
    Notice: {"title": Kind.TEXT, "html": Kind.HTML},
    Picture: {
        "src": Kind.SRC,
        "alt": Kind.TEXT,
        "credit": Kind.TEXT,
        "caption": Kind.TEXT,
        "link": Kind.URL,
        "video": Kind.URL,
    },
    Teaser: {"title": Kind.TITLE, "html": Kind.HTML, "url": Kind.URL, "src": Kind.SRC, "alt": Kind.TEXT},
    Sponsor: {"by": Kind.TITLE, "html": Kind.HTML, "url": Kind.URL, "src": Kind.SRC, "alt": Kind.TEXT},
    Signature: {"html": Kind.HTML, "src": Kind.SRC, "alt": Kind.TEXT},
    Divider: {},
}
"""In reading order. Lists and facts tables hold several values each and stand in `_block`."""
