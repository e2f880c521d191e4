"""The normal form of a document: what an issue file can carry, and the staff form reuses.

One line of text has no outer and no doubled blanks; inline text is as `spans` says; empty paragraphs, headings,
quotes, entries and rows are gone, and so are lists and tables without any; web addresses and picture paths are
usable; no field holds controls, C1, byte order marks or characters that turn the direction of text.
Normalising twice changes nothing.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from pipeline.content.issuefile.fields import (
    matching,
    normal_address,
    normal_line,
    normal_link,
    normal_picture_source,
    normal_web_link,
    required_line,
)
from pipeline.content.issuefile.spans import normal_html
from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    ContentError,
    Facts,
    Heading,
    IssueDocument,
    ItemList,
    NewsletterProfile,
    Paragraph,
    Picture,
    Quote,
    Section,
)

P = ParamSpec("P")
T = TypeVar("T")

MAX_NUMBER = 999_999


def normalise(document: IssueDocument) -> IssueDocument:
    """`document` in normal form; idempotent.

    Raises `ContentError` whose source is the place (`sections[2].articles[0].blocks[1]`) where a field is missing
    or holds what no issue may hold.
    """
    return IssueDocument(
        newsletter=_at("newsletter", normal_slug, document.newsletter),
        number=_at("number", normal_number, document.number),
        date=document.date,
        language=_at("language", normal_language, document.language),
        title=_at("title", required_line, document.title, "the title"),
        subject=_at("subject", required_line, document.subject, "the subject"),
        preheader=_at("preheader", normal_line, document.preheader),
        sections=tuple(_section(each, f"sections[{i}]") for i, each in enumerate(document.sections)),
    )


def normal_slug(value: str) -> str:
    return matching(value, r"[a-z0-9]+(-[a-z0-9]+)*", "a slug has small letters, digits and single hyphens")


def normal_number(value: int) -> int:
    if not 1 <= value <= MAX_NUMBER:
        raise ContentError(f"the number must be 1 to {MAX_NUMBER:,}, not {value}")
    return value


def normal_language(value: str) -> str:
    return matching(value, r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "the language must be a tag such as en, ko or pt-BR")


def _at(place: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    except ContentError as error:
        raise ContentError(error.message, source=place) from error


def _section(section: Section, place: str) -> Section:
    return Section(
        title=_at(f"{place}.title", required_line, section.title, "the section's title"),
        articles=tuple(_article(each, f"{place}.articles[{i}]") for i, each in enumerate(section.articles)),
        intro=_blocks(section.intro, f"{place}.intro"),
    )


def _article(article: Article, place: str) -> Article:
    fields = _at(place, _article_fields, article)
    return replace(fields, blocks=_blocks(article.blocks, f"{place}.blocks"))


def _article_fields(article: Article) -> Article:
    return replace(
        article,
        title=required_line(article.title, "the article's title"),
        source=normal_line(article.source),
        url=normal_web_link(article.url) if article.url else "",
    )


def _blocks(blocks: Iterable[Block], place: str) -> tuple[Block, ...]:
    normal = (_at(f"{place}[{i}]", normal_block, block) for i, block in enumerate(blocks))
    return tuple(block for block in normal if block)


def normal_block(block: Block) -> Block | None:  # noqa: PLR0911 -- one for each kind
    """The block in normal form, None when nothing is in it. Raises `ContentError` without a place."""
    match block:
        case Paragraph(html):
            return Paragraph(text) if (text := normal_html(html)) else None
        case Citation(html):
            return Citation(text) if (text := normal_html(html)) else None
        case Heading(text):
            return Heading(line) if (line := normal_line(text)) else None
        case ItemList(style, items):
            entries = tuple(entry for entry in map(normal_html, items) if entry)
            return ItemList(style, entries) if entries else None
        case Facts(rows):
            return _facts(rows)
        case Quote(html, by):
            return _quote(normal_html(html), normal_line(by))
        case Picture():
            return _picture(block)
        case Button(label, url):
            return Button(required_line(label, "the button's label"), normal_link(url))


def _quote(html: str, by: str) -> Quote | None:
    if by and not html:
        raise ContentError(f"the quote by {by!r} has no words")
    return Quote(html, by) if html else None


def _facts(rows: Iterable[tuple[str, str]]) -> Facts | None:
    normal = tuple((normal_line(label), normal_html(value)) for label, value in rows)
    for label, value in normal:
        if bool(label) != bool(value):
            raise ContentError(f"the row {label or value!r} needs both a label and a value")
    filled = tuple(row for row in normal if row[0])
    return Facts(filled) if filled else None


def _picture(picture: Picture) -> Picture:
    return Picture(
        src=normal_picture_source(picture.src),
        alt=normal_line(picture.alt),
        credit=normal_line(picture.credit),
        caption=normal_line(picture.caption),
        link=normal_link(picture.link) if picture.link else "",
        video=normal_web_link(picture.video) if picture.video else "",
    )


def normal_profile(profile: NewsletterProfile, *, slug: str) -> NewsletterProfile:
    """The newsletter of an issue file in normal form; `slug` is what the issue itself names.

    Raises `ContentError` whose source is the field.
    """
    if profile.slug != slug:
        raise ContentError(f"the issue is of {slug!r}, the newsletter is {profile.slug!r}", source="newsletter.slug")
    return NewsletterProfile(
        slug=_at("newsletter.slug", normal_slug, profile.slug),
        name=_at("newsletter.name", required_line, profile.name, "the newsletter's name"),
        sender_name=_at("newsletter.sender.name", required_line, profile.sender_name, "the sender's name"),
        sender_address=_at("newsletter.sender.address", normal_address, profile.sender_address, "the sender"),
        reply_to=_at("newsletter.reply_to", normal_address, profile.reply_to, "reply_to") if profile.reply_to else "",
        postal_address=_at("newsletter.postal_address", normal_line, profile.postal_address),
        language=_at("newsletter.language", normal_language, profile.language),
        layout=_at("newsletter.layout", normal_slug, profile.layout),
        brand={key: _at(f"newsletter.brand.{key}", normal_colour, key, value) for key, value in profile.brand.items()},
    )


def normal_colour(key: str, value: str) -> str:
    """The value of the brand setting `key`."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        raise ContentError(f"a brand setting's name has small letters, digits and _, not {key!r}")
    return matching(value, r"#[0-9a-fA-F]{6}", "a brand setting is a colour such as #1a5fb4")
