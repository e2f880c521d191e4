"""What preflight says, on the pages: by severity, in the reader's language, and by names that a person finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from pipeline.content.preflight.places import where
from pipeline.content.types import Finding, IssueDocument, Severity

_GRADES: Final[dict[Severity, tuple[Promise, str]]] = {
    Severity.BLOCK: (gettext_lazy("Must be mended"), "warning"),
    Severity.WARN: (gettext_lazy("Please look"), "help"),
    Severity.NOTE: (gettext_lazy("Good to know"), "info-circle"),
}
_NAMES: Final[dict[str, Promise]] = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("preheader"),
    "title": gettext_lazy("title"),
    "language": gettext_lazy("language"),
    "newsletter": gettext_lazy("newsletter"),
    "page": gettext_lazy("Page"),
    "text part": gettext_lazy("Text part"),
    "issue": gettext_lazy("Whole issue"),
    "sections": gettext_lazy("Whole issue"),
}
_BLOCKS: Final[dict[str, Promise]] = {
    "Paragraph": gettext_lazy("paragraph"),
    "Heading": gettext_lazy("sub-heading"),
    "ItemList": gettext_lazy("list"),
    "Picture": gettext_lazy("picture or video"),
    "Facts": gettext_lazy("facts table"),
    "Citation": gettext_lazy("citation"),
    "Quote": gettext_lazy("quote"),
    "Button": gettext_lazy("button"),
    "Notice": gettext_lazy("notice"),
    "Teaser": gettext_lazy("teaser"),
    "Divider": gettext_lazy("divider"),
    "Sponsor": gettext_lazy("sponsored text"),
    "Signature": gettext_lazy("signature"),
    "FileLink": gettext_lazy("file to download"),
}
"""As the form calls them."""


@dataclass(frozen=True, slots=True)
class Told:
    message: str
    place: str
    """`Policy › A bridge opens › picture or video “The bridge at noon”`."""


@dataclass(frozen=True, slots=True)
class Grade:
    severity: Severity
    title: Promise
    icon: str
    findings: tuple[Told, ...]


def graded(findings: Iterable[Finding], document: IssueDocument | None) -> list[Grade]:
    """Findings by severity, the gravest first; without those of which there are none."""
    found = list(findings)
    grades = [
        Grade(severity, title, icon, tuple(_told(each, document) for each in found if each.severity is severity))
        for severity, (title, icon) in _GRADES.items()
    ]
    return [grade for grade in grades if grade.findings]


def _told(finding: Finding, document: IssueDocument | None) -> Told:
    message = gettext(finding.pattern).format(**dict(finding.values)) if finding.pattern else finding.message
    return Told(message, _place(finding.place, document))


def _place(place: str, document: IssueDocument | None) -> str:
    if document is None or not place.startswith("sections["):
        head, *rest = place.split(".")
        return " › ".join([str(_NAMES.get(head, head)), *rest])
    found = where(document, place)
    name = str(_BLOCKS.get(found.block, found.block or found.name))
    block = f"{name} “{found.words}”" if found.words else name
    return " › ".join(part for part in (found.section, found.article, block) if part)
