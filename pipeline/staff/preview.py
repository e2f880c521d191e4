"""The proof of what is in the form right now: the message's HTML, its text part, and what preflight says of it.

The HTML is the compiler's, byte for byte. It is shown in a sandbox that runs no script and loads pictures only.
"""

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pipeline import sending
from pipeline.content.types import Compilation, ContentError, Finding, Severity
from pipeline.models import Issue, Newsletter

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


def preview_of(issue: Issue) -> Preview:
    """Compile the issue as it stands in memory, saved or not."""
    try:
        compilation = sending.compiled(issue)
    except Newsletter.DoesNotExist:
        return _impossible("newsletter", _("Choose the newsletter first."))
    except ContentError as error:
        return _impossible(error.source, error.message)
    return Preview(compilation, compilation.findings)


def serve(issue: Issue, request: HttpRequest, mode: str) -> HttpResponse:
    """The response of Wagtail's preview panel."""
    preview = preview_of(issue)
    if preview.compilation is None:
        response = render(request, "staff/preview_impossible.html", {"findings": preview.findings})
    elif mode == TEXT:
        response = render(request, "staff/preview_text.html", {"text": preview.compilation.text})
    else:
        response = HttpResponse(preview.compilation.html)
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response


def _impossible(place: str, message: str) -> Preview:
    return Preview(None, (Finding("not-ready", Severity.BLOCK, place, message),))
