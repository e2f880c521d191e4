"""The normal form of a document: what an issue file can carry, and the staff form reuses.

One line of text has no outer and no doubled blanks; inline text is as `spans` says; empty paragraphs, headings,
quotes, entries and rows are gone, and so are lists and tables without any; web addresses, picture paths and language
tags are usable; no field holds controls, C1, byte order marks or characters that turn the direction of text.
Normalising twice changes nothing.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from pipeline.content import brand
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
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    LinkMode,
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

P = ParamSpec("P")
T = TypeVar("T")

MAX_NUMBER = 999_999
MAX_PARAMETER = 100


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
        advertising=document.advertising,
    )


def normal_slug(value: str) -> str:
    return matching(value, r"[a-z0-9]+(-[a-z0-9]+)*", "a slug has small letters, digits and single hyphens")


def normal_number(value: int) -> int:
    if not 1 <= value <= MAX_NUMBER:
        raise ContentError(f"the number must be 1 to {MAX_NUMBER:,}, not {value}")
    return value


def normal_language(value: str) -> str:
    return matching(value, r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "the language must be a tag such as en, ko or pt-BR")


def normal_lang(value: str) -> str:
    """The language of a part; empty for that of what surrounds it."""
    return normal_language(value) if value else ""


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
        lang=_at(f"{place}.lang", normal_lang, section.lang),
    )


def _article(article: Article, place: str) -> Article:
    fields = _at(place, _article_fields, article)
    return replace(fields, blocks=_blocks(article.blocks, f"{place}.blocks"))


def _article_fields(article: Article) -> Article:
    return replace(
        article,
        title=required_line(article.title, "the article's title"),
        source=normal_line(article.source),
        url=_web(article.url),
        lang=normal_lang(article.lang),
    )


def _blocks(blocks: Iterable[Block], place: str) -> tuple[Block, ...]:
    normal = (_at(f"{place}[{i}]", normal_block, block) for i, block in enumerate(blocks))
    return tuple(block for block in normal if block)


def normal_block(block: Block) -> Block | None:  # noqa: PLR0911 -- one for each kind
    """The block in normal form, None when nothing is in it. Raises `ContentError` without a place."""
    if isinstance(block, Divider):
        return block
    block = replace(block, lang=normal_lang(block.lang))
    match block:
        case Heading(text):
            return replace(block, text=line) if (line := normal_line(text)) else None
        case ItemList(items=items):
            entries = tuple(entry for entry in map(normal_html, items) if entry)
            return replace(block, items=entries) if entries else None
        case Facts():
            return _facts(block)
        case Picture():
            return _picture(block)
        case Button() | FileLink():
            return _link(block)
        case _:
            return _prose(block)


def _prose(block: Paragraph | Citation | Quote | Notice | Teaser | Sponsor | Signature) -> Block | None:
    """A block around a run of text."""
    html = normal_html(block.html)
    match block:
        case Paragraph() | Citation():
            return replace(block, html=html) if html else None
        case Quote(by=by):
            return _titled(replace(block, html=html, by=normal_line(by)), by, f"the quote by {by!r} has no words")
        case Notice(title=title):
            lacks = f"the notice {title!r} has no text"
            return _titled(replace(block, html=html, title=normal_line(title)), title, lacks)
        case Teaser():
            title = required_line(block.title, "the teaser's title")
            return _pictured(replace(block, html=html, title=title, url=_web(block.url)))
        case Sponsor():
            by = required_line(block.by, "who pays for the sponsored text (by)")
            return _pictured(replace(block, html=_words(html, "the sponsored text"), by=by, url=_web(block.url)))
        case Signature():
            return _pictured(replace(block, html=_words(html, "the signature")))


T_Titled = TypeVar("T_Titled", Quote, Notice)
T_Pictured = TypeVar("T_Pictured", Teaser, Sponsor, Signature)


def _titled(block: T_Titled, title: str, lacks: str) -> T_Titled | None:
    """None without anything in it. `lacks` is what to say of a title alone."""
    if title.strip() and not block.html:
        raise ContentError(lacks)
    return block if block.html else None


def _pictured(block: T_Pictured) -> T_Pictured:
    if block.alt.strip() and not block.src:
        raise ContentError(f"the description {block.alt!r} is that of a picture, but there is none")
    return replace(block, src=normal_picture_source(block.src) if block.src else "", alt=normal_line(block.alt))


def _words(html: str, name: str) -> str:
    if not html:
        raise ContentError(f"{name} is empty")
    return html


def _web(url: str) -> str:
    return normal_web_link(url) if url else ""


def _facts(facts: Facts) -> Facts | None:
    normal = tuple((normal_line(label), normal_html(value)) for label, value in facts.rows)
    for label, value in normal:
        if bool(label) != bool(value):
            raise ContentError(f"the row {label or value!r} needs both a label and a value")
    filled = tuple(row for row in normal if row[0])
    return replace(facts, rows=filled) if filled else None


def _picture(picture: Picture) -> Picture:
    return replace(
        picture,
        src=normal_picture_source(picture.src),
        alt=normal_line(picture.alt),
        credit=normal_line(picture.credit),
        caption=normal_line(picture.caption),
        link=normal_link(picture.link) if picture.link else "",
        video=_web(picture.video),
    )


def _link(block: Button | FileLink) -> Button | FileLink:
    if isinstance(block, Button):
        return replace(block, label=required_line(block.label, "the button's label"), url=normal_link(block.url))
    label = required_line(block.label, "the name of the file to download")
    url = normal_web_link(block.url)
    return replace(block, label=label, url=url, kind=normal_line(block.kind), size=normal_line(block.size))


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
        brand={key: _at(f"newsletter.brand.{key}", brand.normal, key, value) for key, value in profile.brand.items()},
        links=_at("newsletter.links", normal_link_mode, profile.links),
        utm={key: _at(f"newsletter.utm.{key}", normal_parameter, key, value) for key, value in profile.utm.items()},
    )


def normal_link_mode(value: str) -> LinkMode:
    """How links go out, by its word."""
    return LinkMode(matching(value, "|".join(LinkMode), f"links are {', '.join(LinkMode)}"))


def normal_parameter(key: str, value: str) -> str:
    """The value of the parameter `key` that links get."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key):
        raise ContentError(f"a parameter's name has small letters, digits and _, not {key!r}")
    if len(line := required_line(value, f"the value of {key}")) > MAX_PARAMETER:
        raise ContentError(f"the value of {key} has {len(line)} characters; {MAX_PARAMETER} is the limit")
    if re.search(r"[{}]", re.sub(r"\{(?:number|date|language)\}", "", line)):
        raise ContentError(f"in the value of {key} only {{number}}, {{date}} and {{language}} may stand in braces")
    return line
