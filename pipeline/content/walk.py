"""Every piece of text in an issue that a person wrote, with its place and its kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    Facts,
    Heading,
    IssueDocument,
    ItemList,
    Paragraph,
    Picture,
    Quote,
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


def fields(document: IssueDocument) -> Iterator[Field]:
    """All of them, in reading order. Addresses that are left empty because they are optional do not appear."""
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
        case Paragraph(html) | Citation(html):
            yield Field(place, Kind.HTML, html)
        case Heading(text):
            yield Field(place, Kind.TITLE, text)
        case ItemList(_, items):
            yield from (Field(f"{place}.items[{i}]", Kind.HTML, item) for i, item in enumerate(items))
        case Facts(rows):
            for r, (label, value) in enumerate(rows):
                yield Field(f"{place}.rows[{r}].label", Kind.TITLE, label)
                yield Field(f"{place}.rows[{r}].value", Kind.HTML, value)
        case Quote(html, by):
            yield Field(place, Kind.HTML, html)
            yield Field(f"{place}.by", Kind.TEXT, by)
        case Button(label, url):
            yield Field(f"{place}.label", Kind.TITLE, label)
            yield Field(f"{place}.url", Kind.URL, url, label)
        case Picture():
            yield from _picture(block, place)


def _picture(picture: Picture, place: str) -> Iterator[Field]:
    yield Field(f"{place}.src", Kind.SRC, picture.src)
    for name in ("alt", "credit", "caption"):
        yield Field(f"{place}.{name}", Kind.TEXT, getattr(picture, name))
    for name in ("link", "video"):
        if url := getattr(picture, name):
            yield Field(f"{place}.{name}", Kind.URL, url, picture.alt)
