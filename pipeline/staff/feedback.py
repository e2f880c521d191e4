"""What came back across sends, for admins: lists of what wants a person's eyes, and each message as it is.

Every text here was written by strangers. It is shown escaped and in part, never run; looking changes nothing but
the list it stands in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from pipeline import transitions
from pipeline.models import AuditEvent, Feedback, FeedbackKind, FeedbackStatus
from pipeline.queries.feedback import (
    NOT_TRUSTED,
    UNATTRIBUTED,
    UNCLASSIFIED,
    AskedFeedback,
    FeedbackRow,
    feedback_page,
    to_look_at,
)
from pipeline.replies import Reason
from pipeline.staff import rawmail
from pipeline.staff.books import reason_label
from pipeline.staff.reading import number_of, text_of
from pipeline.staff.sends import actor, require
from subscribers.addresses import AddressError, parse_address

VIEW: Final = "pipeline.view_feedback"
PAGE: Final = 50
LABELS: Final[Mapping[str, Promise]] = {
    "": _("Everything"),
    UNATTRIBUTED: _("Nobody known"),
    NOT_TRUSTED: _("Not trusted"),
    UNCLASSIFIED: _("Not understood"),
}
MEANING: Final[Mapping[str, Promise]] = {
    UNATTRIBUTED: _("These bear no signature of ours, so nobody knows whose they are, and nothing was done."),
    NOT_TRUSTED: _("These bear a signature that is not ours or has been changed. Nothing was done."),
    UNCLASSIFIED: _("No rule knows the words of these bounces. They are noted, and no address pays for them."),
}
SOURCES: Final[Mapping[str, str | Promise]] = {
    "smtp": "SMTP",
    "lmtp": "LMTP",
    "pipe": _("a mail server’s pipe"),
    "mailbox": _("a mailbox"),
    "webhook": _("a webhook"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in a list or a story, in words."""

    row: FeedbackRow
    kind: Promise | str
    status: Promise | str
    reason: Promise | str
    source: Promise | str


class _FeedbackItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(VIEW))


class FeedbackViewSet(ViewSet):
    name = "feedback"
    menu_label = _("Returned mail")
    icon = "resubmit"
    menu_order = 125
    menu_item_class = _FeedbackItem
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", index, name="index"),
            path("looked/", looked, name="looked"),
            path("<int:pk>/", message, name="message"),
            path("<int:pk>/source/", source, name="source"),
            path("<int:pk>/message.eml", eml, name="eml"),
        ]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """One of the lists, or everything that was kept; narrowed."""
    require(request, VIEW)
    asked, words = _asked(request)
    found = feedback_page(asked, before=number_of(request.GET.get("before", "")), most=PAGE + 1)
    waiting = to_look_at()
    context = {
        "asked": asked,
        "words": words,
        "lists": [(name, label, waiting.get(name)) for name, label in LABELS.items()],
        "meaning": MEANING.get(asked.of),
        "kinds": FeedbackKind.choices,
        "statuses": FeedbackStatus.choices,
        "reasons": [(reason.value, reason_label(reason)) for reason in Reason],
        "sources": SOURCES.items(),
        "rows": [shown(row) for row in found[:PAGE]],
        "to_look_at": [row.id for row in found[:PAGE] if asked.of and row.looked_at is None],
        "here": request.get_full_path(),
        "next": _next_page(request, found[PAGE - 1]) if len(found) > PAGE else "",
    }
    return render(request, "staff/feedback.html", context)


@require_safe
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message: what it is, what was done and why, and the beginning of it as it came."""
    require(request, VIEW)
    row = get_object_or_404(Feedback, pk=pk)
    [about] = feedback_page(AskedFeedback(), before=pk + 1, most=1)
    raw = rawmail.beginning(bytes(row.raw))
    nobodys = row.status in {FeedbackStatus.UNATTRIBUTED, FeedbackStatus.QUARANTINED}
    context = {
        "feedback": row,
        "about": shown(about),
        "mail": rawmail.opened(raw),
        "says": rawmail.says(raw) if nobodys else (),
        "cut": len(raw) == rawmail.SHOWN_AT_MOST,
    }
    return render(request, "staff/feedback_message.html", context)


@require_safe
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """The message as it came, as text and nothing else."""
    require(request, VIEW)
    row = get_object_or_404(Feedback, pk=pk)
    response = HttpResponse(rawmail.whole(bytes(row.raw)).decode("utf-8", "replace"), content_type=rawmail.TEXT)
    response["Content-Security-Policy"] = rawmail.POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
def eml(request: HttpRequest, pk: int) -> HttpResponse:
    """The message as a file. Taking it out of the house is noted."""
    require(request, VIEW)
    row = get_object_or_404(Feedback, pk=pk)
    AuditEvent.objects.create(actor=actor(request), action="feedback.exported", subject=f"feedback:{pk}", detail={})
    response = HttpResponse(rawmail.whole(bytes(row.raw)), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="feedback-{pk}.eml"'
    response["Content-Security-Policy"] = rawmail.POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_POST
def looked(request: HttpRequest) -> HttpResponse:
    """Note that somebody has looked at these; back to where they came from."""
    require(request, VIEW)
    ids = [number_of(each) for each in request.POST.getlist("id")[:PAGE]]
    transitions.look_at(ids, by=actor(request))
    back = request.POST.get("back", "")
    return (
        redirect(back)
        if back.startswith("/") and url_has_allowed_host_and_scheme(back, None)
        else redirect("feedback:index")
    )


def shown(row: FeedbackRow) -> Shown:
    """In words; a kind or a source that has none is shown as it is."""
    return Shown(
        row,
        dict(FeedbackKind.choices).get(row.kind, row.kind),
        dict(FeedbackStatus.choices).get(row.status, row.status),
        reason_label(row.reason) if row.reason else "",
        SOURCES.get(row.source, row.source),
    )


def _asked(request: HttpRequest) -> tuple[AskedFeedback, str]:
    """What is asked for, and the address as it was typed. Unknown values are left out of account."""
    given = request.GET
    words = text_of(given, "words", most=320)
    asked = AskedFeedback(
        of=_one_of(LABELS, given.get("of")),
        looked="looked" in given,
        kind=_one_of(FeedbackKind.values, given.get("kind")),
        status=_one_of(FeedbackStatus.values, given.get("status")),
        reason=_one_of([reason.value for reason in Reason], given.get("reason")),
        source=_one_of(SOURCES, given.get("source")),
        send=number_of(given.get("send", "")),
    )
    try:
        return replace(asked, address_key=parse_address(words).key), words
    except AddressError:
        return replace(asked, words=words), words


def _one_of(known: Any, value: str | None) -> str:
    return value if value and value in known else ""


def _next_page(request: HttpRequest, last: FeedbackRow) -> str:
    words = {name: value for name, value in request.GET.items() if value and name != "before"}
    return "?" + urlencode(words | {"before": last.id})
