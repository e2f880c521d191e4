"""The proof of what is in the form right now: the message's HTML, its text part, and what preflight says of it.

The HTML is the compiler's, byte for byte. It is shown in a sandbox that runs no script and loads pictures only.
"""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy

from pipeline import sending
from pipeline.content import preflight
from pipeline.content.preflight.findings import block
from pipeline.content.types import Compilation, ContentError, Finding, IssueDocument
from pipeline.documents import document_of, profile_of
from pipeline.models import Issue, Newsletter
from pipeline.staff.findings import Grade, graded

HTML, TEXT = "html", "text"
MODES: Final = [(HTML, gettext_lazy("Message")), (TEXT, gettext_lazy("Text part"))]
_NARROW: Final = {"name": "mobile", "icon": "mobile-alt", "device_width": 375}
_WIDE: Final = {"name": "desktop", "icon": "desktop", "device_width": 700}
SIZES: Final = [_NARROW | {"label": gettext_lazy("Phone")}, _WIDE | {"label": gettext_lazy("Desk")}]
POLICY: Final = (
    "default-src 'none'; img-src 'self' https: http: data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
"""No `allow-same-origin`: for the browser the message is a stranger, whatever an editor gets into it."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The compilation, or why there is none; and what is to be said of it."""

    compilation: Compilation | None
    findings: tuple[Finding, ...]
    document: IssueDocument | None = None
    """What the findings' places are in; None when there is none."""

    @property
    def grades(self) -> list[Grade]:
        return graded(self.findings, self.document)


def preview_of(issue: Issue) -> Preview:
    """Compile the issue as it stands in memory, saved or not."""
    try:
        document = document_of(issue)
    except Newsletter.DoesNotExist:
        return Preview(None, (block("not-ready", "newsletter", "Choose the newsletter first."),))
    except ContentError as error:
        return impossible(error)
    try:
        compilation = sending.compiled(issue)
    except ContentError as error:
        known = preflight.check(document, profile_of(issue.newsletter))
        return Preview(None, known if preflight.blocked(known) else impossible(error).findings, document)
    return Preview(compilation, compilation.findings, document)


def impossible(error: ContentError) -> Preview:
    """Of an issue that cannot be compiled, or read."""
    return Preview(None, (block("not-ready", error.source, "{error}", error=error.message),))


def serve(issue: Issue, request: HttpRequest, mode: str) -> HttpResponse:
    """The response of Wagtail's preview panel."""
    preview = preview_of(issue)
    if preview.compilation is None:
        response = render(
            request, "staff/preview_impossible.html", {"grades": graded(preview.findings, preview.document)}
        )
    elif mode == TEXT:
        response = render(request, "staff/preview_text.html", {"text": preview.compilation.text})
    else:
        response = HttpResponse(preview.compilation.html)
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response
