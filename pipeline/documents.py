"""An issue's row and an `IssueDocument`, there and back; what a compile needs to know of a newsletter.

For every document in normal form: `document_of` gives back what `fill_in` was given.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from django.conf import settings

from pipeline.content.issuefile import normalise
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
    ListStyle,
    NewsletterProfile,
    Paragraph,
    Picture,
    Quote,
    Section,
)
from pipeline.models import Issue, Newsletter
from pipeline.richtext import inline_of, paragraphs_of, source_of

Raw: TypeAlias = dict[str, Any]
"""One block as a StreamField stores it: its type and its value."""

FIELDS: Final = ("number", "date", "language", "title", "subject", "preheader")
"""What a document and a row have under the same name."""
_LIMITS: Final = {
    field.name: field.max_length
    for field in Issue._meta.fields  # noqa: SLF001 (Django's documented name)
    if field.name in FIELDS and field.max_length
}
PICTURE_SPEC: Final = "max-1300x4000"
"""Twice the width of the layout's column, for sharp screens; never enlarged."""


def document_of(issue: Issue) -> IssueDocument:
    """What the editor wrote, in normal form.

    Raises ContentError, naming the place, for what no issue may hold or what is missing.
    """
    return normalise(
        IssueDocument(
            newsletter=issue.newsletter.slug,
            number=issue.number,
            date=issue.date,
            language=issue.language,
            title=issue.title,
            subject=issue.subject,
            preheader=issue.preheader,
            sections=tuple(_section(block.value) for block in issue.body),
        )
    )


def fill_in(issue: Issue, document: IssueDocument) -> None:
    """Write the document into the row (its newsletter stays; nothing is saved).

    Raises ContentError for text that is longer than its column; then the row is as it was.
    """
    fields = {name: getattr(document, name) for name in FIELDS}
    for name, limit in _LIMITS.items():
        if len(fields[name]) > limit:
            raise ContentError(f"it has {len(fields[name])} characters; {limit} is the limit", source=name)
    for name, value in fields.items():
        setattr(issue, name, value)
    issue.body = body_of(document)


def body_of(document: IssueDocument) -> list[Raw]:
    """The sections as the StreamField `Issue.body` takes them."""
    return [
        {
            "type": "section",
            "value": {
                "title": section.title,
                "intro": [_raw(block) for block in section.intro],
                "articles": _items(_raw_article(article) for article in section.articles),
            },
        }
        for section in document.sections
    ]


def profile_of(newsletter: Newsletter) -> NewsletterProfile:
    """The newsletter as the content stage knows it."""
    return NewsletterProfile(
        slug=newsletter.slug,
        name=newsletter.name,
        sender_name=newsletter.sender_name,
        sender_address=newsletter.sender_address,
        reply_to=newsletter.reply_to,
        postal_address=newsletter.postal_address,
        language=newsletter.language,
        layout=newsletter.layout,
        brand=dict(newsletter.brand),
    )


def _items(values: Iterator[Any]) -> list[Raw]:
    return [{"type": "item", "value": value, "id": None} for value in values]


def _raw_article(article: Article) -> Raw:
    return {
        "title": article.title,
        "source": article.source,
        "date": article.date and article.date.isoformat(),
        "url": article.url,
        "blocks": [_raw(block) for block in article.blocks],
    }


def _raw(block: Block) -> Raw:
    kind, value = _kind_and_value(block)
    return {"type": kind, "value": value}


def _kind_and_value(block: Block) -> tuple[str, Any]:  # noqa: PLR0911 (one for each kind of block)
    match block:
        case Paragraph(html):
            return "paragraph", source_of(html)
        case Heading(text):
            return "heading", text
        case ItemList(style, items):
            return "list", {"style": style.value, "items": _items(source_of(item) for item in items)}
        case Picture():
            words = ("src", "alt", "credit", "caption", "link", "video")
            return "picture", {"image": None} | {name: getattr(block, name) for name in words}
        case Facts(rows):
            return "facts", _items({"label": label, "value": source_of(value)} for label, value in rows)
        case Citation(html):
            return "citation", source_of(html)
        case Quote(html, by):
            return "quote", {"text": source_of(html), "by": by}
        case Button(label, url):
            return "button", {"label": label, "url": url}


# A field that nobody filled in is None here: the row may be older than the field.


def _section(value: Mapping[str, Any]) -> Section:
    return Section(
        title=value["title"] or "",
        articles=tuple(_article(article) for article in value["articles"]),
        intro=tuple(_blocks(value["intro"])),
    )


def _article(value: Mapping[str, Any]) -> Article:
    return Article(
        title=value["title"] or "",
        blocks=tuple(_blocks(value["blocks"])),
        source=value["source"] or "",
        date=value["date"],
        url=value["url"] or "",
    )


def _blocks(stream: Any) -> Iterator[Block]:
    for child in stream:
        yield from _read(child.block_type, child.value)


def _read(kind: str, value: Any) -> Iterator[Block]:
    match kind:
        case "paragraph":
            yield from map(Paragraph, paragraphs_of(value.source))
        case "heading":
            yield Heading(value or "")
        case "list":
            items = tuple(inline_of(item.source) for item in value["items"])
            yield ItemList(ListStyle(value["style"]), items)
        case "picture":
            yield _picture(value)
        case "facts":
            yield Facts(tuple((row["label"] or "", inline_of(row["value"].source)) for row in value))
        case "citation":
            yield Citation(inline_of(value.source))
        case "quote":
            yield Quote(inline_of(value["text"].source), value["by"] or "")
        case "button":
            yield Button(value["label"] or "", value["url"] or "")


def _picture(value: Mapping[str, Any]) -> Picture:
    image = value["image"]
    src = settings.BASE_URL + image.get_rendition(PICTURE_SPEC).url if image else value["src"]
    words = {name: value[name] or "" for name in ("alt", "credit", "caption", "link", "video")}
    return Picture(src=src or "", **words)
