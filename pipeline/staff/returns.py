"""What came back of a send: by reason, provider and domain, and each person in the words of the server that said no."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.views.decorators.http import require_safe
from wagtail.admin.viewsets.base import ViewSet

from pipeline.books import returned_csv, rule_of
from pipeline.limits.loops import LOOPS
from pipeline.models import AuditEvent, Ruling, RulingState, Send
from pipeline.queries import (
    Narrowed,
    Part,
    ReturnedRow,
    complaints_in,
    destinations_covered,
    destinations_heard,
    feedback_counts,
    returned,
    returns_of,
)
from pipeline.queries.rulings import policies
from pipeline.replies import Reason, enhanced_in
from pipeline.staff.books import reason_label
from pipeline.staff.reading import number_of, text_of
from pipeline.staff.reasons import WAYS, deed, provider_label, whose_fault
from pipeline.staff.sends import actor, require
from pipeline.staff.story import Decision, decisions

PAGE: Final = 50
SHOWN: Final = 15
"""Providers and domains in the tables."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table, with what there is to say of a reason."""

    label: str | Promise
    part: Part
    query: str
    refused_width: float
    """Of the bar's hundred, which the largest row fills."""
    bounced_width: float
    whose: Promise | None
    deed: str | Promise | None


@dataclass(frozen=True, slots=True)
class Person:
    """One of those whom the mail has not reached."""

    row: ReturnedRow
    way: Promise
    reason: str | Promise
    code: str
    rule: str
    decisions: Sequence[Decision]


class ReturnsViewSet(ViewSet):
    """The report of a send, and who is behind its numbers."""

    name = "returns"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("complaints/", loops, name="complaints"),
            path("send/<int:pk>/", report, name="send"),
            path("send/<int:pk>/people/", people, name="people"),
            path("send/<int:pk>/people.csv", people_csv, name="csv"),
        ]


@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """The counts. No address is on it, so whoever may see the send may see this."""
    require(request, "pipeline.view_send")
    send = get_object_or_404(Send.objects.select_related("newsletter"), pk=pk)
    found = returns_of(pk)
    context = {
        "send": send,
        "found": found.all,
        "reasons": list(_lines(found.reasons, "reason")),
        "places": [
            ("provider", list(_lines(found.providers[:SHOWN], "provider")), len(found.providers)),
            ("domain", list(_lines(found.domains[:SHOWN], "domain")), len(found.domains)),
        ],
        "outcome": _outcome(pk),
        "may_undo": request.user.has_perm("subscribers.add_suppression"),
        "complaints": complaints_in(feedback_counts(pk)),
        "may_see_people": request.user.has_perm("pipeline.view_delivery"),
    }
    return render(request, "staff/returns.html", context)


@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """Each of them, narrowed by reason, way, provider or domain, page by page."""
    require(request, "pipeline.view_delivery")
    send = get_object_or_404(Send.objects.select_related("newsletter"), pk=pk)
    asked = _asked(request)
    found = returned(pk, asked, after=number_of(request.GET.get("after", "")), most=PAGE + 1)
    context = {
        "send": send,
        "asked": asked,
        "query": _query(asked),
        "reasons": [(reason, reason_label(reason)) for reason in Reason],
        "ways": WAYS.items(),
        "provider": provider_label(asked.provider),
        "people": list(_people(pk, found[:PAGE])),
        "may_see_mail": request.user.has_perm("pipeline.view_feedback"),
        "next": f"?{_query(asked, after=found[PAGE - 1].id)}" if len(found) > PAGE else "",
    }
    return render(request, "staff/returned.html", context)


@require_safe
def people_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Those who are asked for as CSV. Taking addresses out of the house is noted."""
    require(request, "pipeline.view_delivery")
    send = get_object_or_404(Send, pk=pk)
    AuditEvent.objects.create(actor=actor(request), action="send.exported", subject=f"send:{pk}", detail={})
    response = StreamingHttpResponse(returned_csv(send, _asked(request)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="send-{pk}-returned.csv"'
    return response


@require_safe
def loops(request: HttpRequest) -> HttpResponse:
    """Which providers tell of complaints, and of which we would hear."""
    require(request, "pipeline.view_send")
    covered, heard = destinations_covered(), destinations_heard()
    listed = [
        (provider_label(loop.destination), loop, loop.destination in covered, heard.get(loop.destination))
        for loop in LOOPS.values()
    ]
    others = [(provider_label(name), heard[name]) for name in sorted(covered - LOOPS.keys()) if name in heard]
    return render(request, "staff/complaints.html", {"loops": listed, "others": others})


def _asked(request: HttpRequest) -> Narrowed:
    given = {name: text_of(request.GET, name, most=255) for name in ("reason", "way", "provider", "domain")}
    return Narrowed(**given | {"way": given["way"] if given["way"] in WAYS else ""})


def _query(asked: Narrowed, *, after: int = 0) -> str:
    words = {"reason": asked.reason, "way": asked.way, "provider": asked.provider, "domain": asked.domain}
    return urlencode({key: value for key, value in (words | {"after": after}).items() if value})


def _lines(parts: Sequence[Part], kind: str) -> Iterator[Line]:
    """The rows of one table; the first is the largest."""
    rules = policies() if kind == "reason" else {}
    for part in parts:
        refused, bounced = (100 * n / parts[0].n for n in (part.refused, part.bounced))
        label = provider_label(part.name) if kind == "provider" else reason_label(part.name)
        told = (whose_fault(part.name), deed(part.name, rules)) if rules else (None, None)
        yield Line(label, part, urlencode({kind: part.name}), refused, bounced, *told)


def _people(send_id: int, rows: Sequence[ReturnedRow]) -> Iterator[Person]:
    decided = decisions((send_id, row.id) for row in rows)
    for row in rows:
        told = WAYS[row.way], reason_label(row.reason), enhanced_in(row.words), rule_of(row)
        yield Person(row, *told, decided.get((send_id, row.id), []))


def _outcome(send_id: int) -> list[tuple[str | Promise, int]]:
    """How many rulings there are because of a send, by what became of them."""
    counted = Ruling.objects.filter(send_id=send_id).values_list("state").annotate(n=Count("pk"))
    found = dict(counted)
    return [(label, found[state]) for state, label in RulingState.choices if state in found]
