"""What is wrong with an issue before it is compiled, in words for its editor.

A `block` finding must be mended before the issue can be sent; a `warn` finding is for the editor to decide.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from pipeline.content import headers, links, markup, merge, walk
from pipeline.content.layout import BRAND
from pipeline.content.types import (
    ContentError,
    Facts,
    Finding,
    IssueDocument,
    ItemList,
    NewsletterProfile,
    Picture,
    Proof,
    Severity,
)
from pipeline.content.walk import Field, Kind

_SUBJECT_MAX: Final = 120
_PREHEADER_MAX: Final = 150
_HTML_MAX: Final = 90_000
"""Gmail shows the rest of a longer page only on request; the exact figure is not published (about 102 KB)."""
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SLUG = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile("[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


def check(document: IssueDocument, newsletter: NewsletterProfile | None) -> tuple[Finding, ...]:
    """All findings, in reading order of the issue; without a profile, those of the issue alone."""
    return (
        *(_newsletter(newsletter) if newsletter else ()),
        *_envelope(document),
        *(finding for field in walk.fields(document) for finding in _field(field)),
        *_shape(document),
    )


def weigh(proof: Proof) -> tuple[Finding, ...]:
    """What can be said only of a compiled issue: its size."""
    if proof.html_size <= _HTML_MAX:
        return ()
    size = f"the HTML has {proof.html_size / 1000:.0f} KB; above {_HTML_MAX // 1000} KB Gmail cuts the end off"
    return (Finding("html-size", Severity.WARN, "issue", f"{size}, the unsubscribe link too; shorten the issue"),)


def blocked(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.BLOCK for finding in findings)


def _block(identity: str, place: str, message: str) -> Finding:
    return Finding(identity, Severity.BLOCK, place, message)


def _warn(identity: str, place: str, message: str) -> Finding:
    return Finding(identity, Severity.WARN, place, message)


def _newsletter(newsletter: NewsletterProfile) -> Iterator[Finding]:
    if not newsletter.postal_address.strip():
        yield _block("postal-address", "newsletter", "there is no postal address; the law asks for one in every issue")
    if not _SLUG.fullmatch(newsletter.slug):
        yield _block("slug", "newsletter", f"{newsletter.slug!r} is not a slug of a-z, 0-9 and hyphens")
    if not newsletter.name.strip():
        yield _block("name", "newsletter", "the newsletter has no name")
    if not headers.is_address(newsletter.sender_address):
        yield _block("sender", "newsletter", f"{newsletter.sender_address!r} is not a sender address")
    if newsletter.reply_to and not headers.is_address(newsletter.reply_to):
        yield _block("reply-to", "newsletter", f"{newsletter.reply_to!r} is not an address to reply to")
    for place, text in (("newsletter.sender_name", newsletter.sender_name), ("newsletter.name", newsletter.name)):
        yield from _header_text(place, text)
    for place, text in (("newsletter.postal_address", newsletter.postal_address), ("newsletter.name", newsletter.name)):
        yield from _characters(place, text)
    yield from _brand(newsletter)


def _brand(newsletter: NewsletterProfile) -> Iterator[Finding]:
    for name, colour in newsletter.brand.items():
        place = f"newsletter.brand.{name}"
        if name not in BRAND:
            yield _block("brand", place, f"the layout has no setting {name!r}; it has {', '.join(BRAND)}")
        elif not _COLOUR.fullmatch(colour):
            yield _block("brand", place, f"{colour!r} is not a colour such as #12355b")
        elif _contrast_with_white(colour) < 4.5:
            yield _warn("contrast", place, f"white text on {colour} is hard to read (WCAG asks for 4.5 to 1)")


def _envelope(document: IssueDocument) -> Iterator[Finding]:
    if not _LANGUAGE.fullmatch(document.language):
        yield _block("language", "language", f"{document.language!r} is not a language tag such as en or ko")
    yield from _header_text("subject", document.subject)
    yield from _subject(document.subject)
    if not document.preheader.strip():
        yield _warn("preheader-empty", "preheader", "there is no preheader; inboxes will show the page's first words")
    elif len(document.preheader) > _PREHEADER_MAX:
        yield _warn("preheader-long", "preheader", f"inboxes show no more than {_PREHEADER_MAX} characters of it")


def _subject(subject: str) -> Iterator[Finding]:
    try:
        parts = merge.parse(subject)
    except ContentError:
        return  # told with all other merge tags
    if not "".join(part if isinstance(part, str) else part.default for part in parts).strip():
        yield _block("subject-empty", "subject", "the subject is empty, or would be for readers without a name")
    elif len(subject) > _SUBJECT_MAX:
        yield _warn("subject-long", "subject", f"inboxes show no more than {_SUBJECT_MAX} characters of it")


def _header_text(place: str, text: str) -> Iterator[Finding]:
    try:
        headers.HeaderText(text)
    except ContentError as error:
        yield _block("header-text", place, str(error))


def _field(field: Field) -> Iterator[Finding]:
    yield from _characters(field.place, field.value)
    if field.kind is Kind.SRC:
        yield from _src(field)
        return
    try:
        yield from _KINDS[field.kind](field)
    except ContentError as error:
        yield _block("text", field.place, str(error))


def _text(field: Field) -> Iterator[Finding]:
    yield from _fallbacks(field, field.value)


def _title(field: Field) -> Iterator[Finding]:
    if not field.value.strip():
        yield _block("empty", field.place, "it is empty; give it a text or take it out")
    yield from _text(field)


def _html(field: Field) -> Iterator[Finding]:
    seen = ""
    for token in markup.parse(field.value):
        if token.kind == "text":
            yield from _fallbacks(field, token.text, before=seen)
        seen += token.text if token.kind in {"text", "break"} else ""
    for link in links.in_html(field.value):
        if not link.text:
            yield _block("link-text", field.place, f"the link to {link.url} has no text to click on")
        yield from _url(Field(field.place, Kind.URL, link.url))


def _url(field: Field) -> Iterator[Finding]:
    if problem := links.problem(field.value):
        yield _block("link", field.place, f"{field.value!r}: {problem}")


def _src(field: Field) -> Iterator[Finding]:
    path = field.value.strip()
    absolute = "://" in path or path.startswith(("//", "data:", "javascript:"))
    if not path:
        yield _block("picture", field.place, "the picture has no file")
    elif absolute and (problem := links.problem(path)):
        yield _block("picture", field.place, f"{path!r}: {problem}")
    elif not absolute and (path.startswith("/") or ".." in path.split("/")):
        yield _block("picture", field.place, f"{path!r} leads out of the issue's own folder")


_KINDS: Final[dict[Kind, Callable[[Field], Iterator[Finding]]]] = {
    Kind.TEXT: _text,
    Kind.TITLE: _title,
    Kind.HTML: _html,
    Kind.URL: _url,
}


def _fallbacks(field: Field, text: str, *, before: str = "") -> Iterator[Finding]:
    for part in merge.parse(text, before=before):
        if isinstance(part, merge.Tag) and not part.default and part.field not in {"email", "language"}:
            how = f'{{{{ {part.field} | default("reader") }}}}'
            message = f"{part} has no fallback and leaves a gap for readers without one; write {how}"
            yield _warn("merge-fallback", field.place, message)


def _characters(place: str, text: str) -> Iterator[Finding]:
    if found := _CONTROL.search(text):
        yield _block(
            "control", place, f"{_where(text, found.start())}: U+{ord(found[0]):04X} is a control; take it out"
        )
    if found := _DIRECTION.search(text):
        where = f"{_where(text, found.start())}: U+{ord(found[0]):04X}"
        yield _block("direction", place, f"{where} turns the direction of the text around; take it out")


def _where(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _shape(document: IssueDocument) -> Iterator[Finding]:
    if not any(section.articles or section.intro for section in document.sections):
        yield _block("no-content", "sections", "the issue has no article")
    for place, block in walk.blocks(document):
        match block:
            case Picture(alt="") if block.link or block.video:
                yield _block("alt", place, "the picture is a link, and without alt text nobody can tell where to")
            case Picture(alt=""):
                yield _warn("alt", place, "without alt text the picture counts as decoration; describe what it shows")
            case ItemList(items=()) | Facts(rows=()):
                yield _block("empty", place, "the list is empty; take it out")


def _contrast_with_white(colour: str) -> float:
    """The contrast ratio of WCAG 2 to white."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
