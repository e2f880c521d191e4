"""The text part, written from the document and not from the HTML: no chrome, right lists, links as `text <address>`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.content import markup, merge
from pipeline.content.layout import Ink, addresses, file_note, framed
from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    Context,
    Divider,
    Facts,
    FileLink,
    Heading,
    Html,
    IssueDocument,
    ItemList,
    ListStyle,
    NewsletterProfile,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)
from pipeline.content.words import Words, circled, words
from pipeline.content.wrapping import WIDTH, fill, width

_DIVIDER: Final = "* * *"
_SET_IN: Final = "  "
_TOKEN_COLUMNS: Final = 10
"""What a merge tag's value is taken to need."""


class _Writer:
    """Writes one issue: people's text to lines, with slot tokens for its merge tags."""

    def __init__(self, document: IssueDocument, newsletter: NewsletterProfile, ink: Ink) -> None:
        self.document, self.newsletter, self.ink = document, newsletter, ink
        self.words: Words = words(document.language)

    def parts(self) -> dict[str, object]:
        """What a layout puts into its frame: each a text of one line or more, empty when there is nothing to say."""
        why = self.words.why.format(newsletter=self.newsletter.name)
        alone = self.document.title == self.newsletter.name
        return {
            **addresses(self.ink.site, self.ink.slots),
            "words": self.words,
            "number": self.words.number.format(number=self.document.number),
            "date": self.words.date(self.document.date),
            "title": "" if alone else "\n".join(self.wrapped(self.text(self.document.title))),
            "contents": "\n".join(self.contents()),
            "sections": "\n".join(line for each in self.document.sections for line in self.section(each)).strip("\n"),
            "postal_address": "\n".join(self.lines(self.newsletter.postal_address)),
            "why": "\n".join(self.lines(f"{why}\n{self.words.leave}")),
        }

    def lines(self, text: str) -> Iterator[str]:
        return (line for raw in text.splitlines() for line in self.wrapped(raw))

    def contents(self) -> Iterator[str]:
        yield self.words.contents
        for section in self.document.sections:
            yield from self.wrapped(self.text(section.title), first="- ")
            for article in section.articles:
                yield from self.wrapped(self.text(article.title), first="  - ")

    def section(self, section: Section) -> Iterator[str]:
        yield from ("", "", *self.wrapped(f"== {self.text(section.title)} =="))
        yield from self.blocks(section.intro)
        for article in section.articles:
            yield from self.article(article)

    def article(self, article: Article) -> Iterator[str]:
        title = list(self.wrapped(self.text(article.title)))
        yield from ("", *title, "-" * min(WIDTH, max(map(self.columns, title), default=0)))
        day = self.words.date(article.date) if article.date else ""
        if line := " / ".join(part for part in (day, self.text(article.source)) if part):
            yield from self.wrapped(line)
        yield from self.blocks(article.blocks)
        if article.url:
            yield from ("", *self.linked(f"{self.words.read_more}:", article.url))

    def blocks(self, run: Sequence[Block]) -> Iterator[str]:
        for block in run:
            if lines := list(self.block(block)):
                yield from ("", *lines)

    def block(self, block: Block) -> Iterator[str]:
        match block:
            case Paragraph(html) | Citation(html):
                yield from self.paragraph(html)
            case Heading(text):
                yield from self.wrapped(self.text(text), first="* ")
            case ItemList(style, items):
                for number, item in enumerate(items, 1):
                    yield from self.paragraph(item, first=_mark(style, number))
            case Facts(rows):
                yield from self.facts(rows)
            case Quote(html, by):
                yield from self.paragraph(html, first="> ", rest="> ")
                yield from self.wrapped(self.text(by), first="> - ", rest="> ") if by else ()
            case Picture():
                yield from self.picture(block)
            case Divider():
                yield _DIVIDER
            case _:
                yield from self.boxed(block)

    def boxed(self, block: Button | FileLink | Notice | Teaser | Sponsor | Signature) -> Iterator[str]:
        """What the HTML part sets apart with a frame or a colour of its own."""
        match block:
            case Button(label, url):
                yield from self.linked(self.text(label), url)
            case FileLink(label, url):
                note = f" ({note})" if (note := file_note(block)) else ""
                yield from self.linked(self.text(f"{self.words.download}: {label}{note}"), url)
            case Notice(html, title):
                yield from self.wrapped(self.text(title), first="! ") if title else ()
                yield from self.paragraph(html, first=_SET_IN if title else "! ")
            case Teaser(title, html):
                yield from self.wrapped(self.text(title), first="» ")
                yield from self.pointer(block)
            case Sponsor(html, by):
                yield from self.wrapped(self.text(f"{self.words.sponsor}: {by}"))
                yield from self.pointer(block)
            case Signature(html, _, alt):
                yield from self.described(alt)
                yield from self.paragraph(html)

    def pointer(self, block: Teaser | Sponsor) -> Iterator[str]:
        """Picture, text and where to read on, below a title and set in."""
        yield from self.described(block.alt, first=_SET_IN)
        yield from self.paragraph(block.html, first=_SET_IN) if block.html else ()
        yield from self.linked(f"{self.words.read_more}:", block.url, first=_SET_IN) if block.url else ()

    def facts(self, rows: Sequence[tuple[str, Html]]) -> Iterator[str]:
        width = min(24, max(self.columns(self.text(label)) for label, _ in rows) + 2)
        for label, value in rows:
            name = f"{self.text(label)}:"
            first = name + " " * max(1, width - self.columns(name))
            yield from self.paragraph(value, first=first, rest=" " * width)

    def picture(self, picture: Picture) -> Iterator[str]:
        yield from self.described(picture.alt)
        for line in (picture.caption, self.words.photo.format(credit=picture.credit) if picture.credit else ""):
            yield from self.wrapped(self.text(line)) if line else ()
        yield from self.linked(f"{self.words.watch}:", picture.video) if picture.video else ()
        yield from self.linked(f"{self.words.read_more}:", picture.link) if picture.link else ()

    def described(self, alt: str, *, first: str = "") -> Iterator[str]:
        """A picture's description; nothing for one that only decorates."""
        if alt:
            yield from self.wrapped(f"[{self.text(alt)}]", first=first)

    def linked(self, label: str, url: str, *, first: str = "") -> Iterator[str]:
        yield from self.wrapped(f"{label} <{self.ink.href(url)}>", first=first)

    def paragraph(self, html: Html, *, first: str = "", rest: str | None = None) -> Iterator[str]:
        ahead = first
        behind = " " * self.columns(first) if rest is None else rest
        for line in self.rich(html).split("\n"):
            yield from self.wrapped(line, first=ahead, rest=behind)
            ahead = behind

    def wrapped(self, text: str, *, first: str = "", rest: str | None = None) -> Iterator[str]:
        return fill(text, first=first, rest=rest, measure=self.columns)

    def columns(self, text: str) -> int:
        for token in self.ink.slots.found(text):
            default = self.ink.slots.slot(token).default
            text = text.replace(token, default or "x" * _TOKEN_COLUMNS)
        return width(text)

    def text(self, value: str) -> str:
        return "".join(
            part if isinstance(part, str) else self.ink.token(part, Context.TEXT) for part in merge.parse(value)
        )

    def rich(self, html: Html) -> str:
        out, href, label = list[str](), "", list[str]()
        for token in markup.parse(html):
            if token.kind in {"text", "break"}:
                out.append(self.text(token.text) if token.kind == "text" else "\n")
                label.append(token.text)
            elif token.text == "a" and token.kind == "open":
                href, label = token.href, []
            elif token.text == "a" and (self.ink.links.leads(href) or "".join(label).strip() not in as_label(href)):
                out.append(f" <{self.ink.href(href)}>")
        return "".join(out)


def render(document: IssueDocument, newsletter: NewsletterProfile, *, ink: Ink, layouts: Path | None = None) -> str:
    """The text part in the frame of its layout, lines ended by newlines, with slot tokens in it.

    Raises ContentError for a frame that does not work.
    """
    return framed(newsletter, _Writer(document, newsletter, ink).parts(), layouts=layouts) + "\n"


def _mark(style: ListStyle, number: int) -> str:
    return {ListStyle.BULLET: "- ", ListStyle.NUMBER: f"{number}. ", ListStyle.CIRCLED: f"{circled(number)} "}[style]


def as_label(href: str) -> frozenset[str]:
    """The ways in which a link's text may be its address; then the address is not repeated."""
    bare = href.partition("://")[2]
    return frozenset({href, href.removeprefix("mailto:"), href.removeprefix("tel:"), bare, bare.rstrip("/")} - {""})
