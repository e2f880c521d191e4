"""An issue's row and an `IssueDocument`, there and back; what a compile needs to know of a newsletter.

For every document in normal form: `document_of` gives back what `fill_in` was given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias

from pipeline.content.issuefile import normalise
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
from pipeline.models import Issue, Newsletter
from pipeline.richtext import inline_of, paragraphs_of, source_of

Raw: TypeAlias = dict[str, Any]
"""One block as a StreamField stores it: its type and its value."""

FIELDS: Final = ("number", "date", "language", "title", "subject", "preheader", "advertising")
"""What a document and a row have under the same name."""
_LIMITS: Final = {
    field.name: field.max_length
    for field in Issue._meta.fields  # noqa: SLF001 (Django's documented name)
    if field.name in FIELDS and field.max_length
}

KINDS: Final[Mapping[str, type[Block]]] = {
    "paragraph": Paragraph,
    "heading": Heading,
    "list": ItemList,
    "picture": Picture,
    "facts": Facts,
    "citation": Citation,
    "quote": Quote,
    "button": Button,
    "notice": Notice,
    "teaser": Teaser,
    "divider": Divider,
    "sponsor": Sponsor,
    "signature": Signature,
    "file": FileLink,
}
"""What a block is called in the form. Fields have the same names here and there, but where `_value` says otherwise."""
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


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
            advertising=issue.advertising,
            sections=tuple(_section(block.value) for block in issue.body),
        )
    )


def chosen_pictures(issue: Issue) -> dict[str, Any]:
    """The pictures that were chosen from the library, by the `src` that they have in the document."""
    streams = (
        stream
        for section in issue.body
        for stream in (section.value["intro"], *(article["blocks"] for article in section.value["articles"]))
    )
    values = (child.value for stream in streams for child in stream if isinstance(child.value, Mapping))
    images = (value["image"] for value in values if value.get("image"))
    return {_chosen(image): image for image in images}


def fill_in(issue: Issue, document: IssueDocument) -> None:
    """Write the document into the row (its newsletter stays; nothing is saved).

    Raises ContentError for text that is longer than its column; then the row is as it was.
    """
    values = {name: getattr(document, name) for name in FIELDS}
    for name, limit in _LIMITS.items():
        if len(values[name]) > limit:
            raise ContentError(f"it has {len(values[name])} characters; {limit} is the limit", source=name)
    for name, value in values.items():
        setattr(issue, name, value)
    issue.body = body_of(document)


def body_of(document: IssueDocument) -> list[Raw]:
    """The sections as the StreamField `Issue.body` takes them."""
    return [
        {
            "type": "section",
            "value": {
                "title": section.title,
                "lang": section.lang,
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
        links=LinkMode(newsletter.links),
        utm=dict(newsletter.utm),
    )


def _items(values: Iterator[Any]) -> list[Raw]:
    return [{"type": "item", "value": value, "id": None} for value in values]


def _raw_article(article: Article) -> Raw:
    return {
        "title": article.title,
        "source": article.source,
        "date": article.date and article.date.isoformat(),
        "url": article.url,
        "lang": article.lang,
        "blocks": [_raw(block) for block in article.blocks],
    }


def _raw(block: Block) -> Raw:
    return {"type": _NAMES[type(block)], "value": _value(block)}


def _value(block: Block) -> Any:  # noqa: PLR0911 -- one for each kind
    """As `pipeline.blocks` stores it; a `BareBlock` without a language is its one field."""
    match block:
        case Divider():
            return None
        case ItemList(style, items, lang):
            return {"style": style.value, "items": _items(source_of(item) for item in items), "lang": lang}
        case Facts(rows, lang):
            table = _items({"label": label, "value": source_of(value)} for label, value in rows)
            return {"rows": table, "lang": lang} if lang else table
        case Paragraph(html, "") | Citation(html, ""):
            return source_of(html)
        case Heading(text, ""):
            return text
        case Quote(html, by, lang):
            return {"text": source_of(html), "by": by, "lang": lang}
        case _:
            value = {each.name: getattr(block, each.name) for each in fields(block)}
            if "html" in value:
                value["html"] = source_of(value["html"])
            if "src" in value:
                value["decorative"] = bool(value["src"]) and not value["alt"]
            return value


# A field that nobody filled in is None here: the row may be older than the field.


def _section(value: Mapping[str, Any]) -> Section:
    return Section(
        title=value["title"] or "",
        articles=tuple(_article(article) for article in value["articles"]),
        intro=tuple(_blocks(value["intro"])),
        lang=value["lang"] or "",
    )


def _article(value: Mapping[str, Any]) -> Article:
    return Article(
        title=value["title"] or "",
        blocks=tuple(_blocks(value["blocks"])),
        source=value["source"] or "",
        date=value["date"],
        url=value["url"] or "",
        lang=value["lang"] or "",
    )


def _blocks(stream: Any) -> Iterator[Block]:
    for child in stream:
        yield from _read(child.block_type, child.value)


def _read(kind: str, value: Any) -> Iterator[Block]:
    match kind:
        case "divider":
            yield Divider()
        case "paragraph":
            lang = value["lang"] or ""
            yield from (Paragraph(html, lang) for html in paragraphs_of(value["html"].source))
        case "list":
            items = tuple(inline_of(item.source) for item in value["items"])
            yield ItemList(ListStyle(value["style"]), items, value["lang"] or "")
        case "facts":
            rows = tuple((row["label"] or "", inline_of(row["value"].source)) for row in value["rows"])
            yield Facts(rows, value["lang"] or "")
        case "quote":
            yield Quote(inline_of(value["text"].source), value["by"] or "", value["lang"] or "")
        case _:
            yield _plain(KINDS[kind], value)


def _plain(kind: Any, value: Mapping[str, Any]) -> Block:
    """A block whose fields are single values."""
    words = {each.name: value[each.name] or "" for each in fields(kind) if each.name not in {"html", "src"}}
    if "html" in value:
        words["html"] = inline_of(value["html"].source)
    if "src" in value:
        words["src"] = _source(value)
    block: Block = kind(**words)
    return block


def _source(value: Mapping[str, Any]) -> str:
    """Where a picture is: a name for what was chosen, else what was written."""
    return _chosen(value["image"]) if value["image"] else value["src"] or ""


def _chosen(image: Any) -> str:
    return f"chosen/{image.pk}"
