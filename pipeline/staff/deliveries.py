"""Who got a send, who did not, and why: the table of its deliveries, searched, narrowed, page by page."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from pipeline.models import Delivery, DeliveryState, Send
from pipeline.staff.books import reason_label
from pipeline.staff.reading import number_of, text_of
from subscribers.addresses import AddressError, parse_address

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What is asked for. `after` is the last id of the page before: pages stay true while the send moves."""

    state: str
    reason: str
    email: str
    after: int

    def next_page(self, last: Delivery) -> str:
        words = {"state": self.state, "reason": self.reason, "email": self.email, "after": last.id}
        return "?" + urlencode({key: value for key, value in words.items() if value})


@require_safe
def deliveries(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm("pipeline.view_delivery"):
        raise PermissionDenied
    send = get_object_or_404(Send.objects.select_related("newsletter"), pk=pk)
    asked = _asked(request)
    found = list(_found(send, asked)[: PAGE + 1])
    page = found[:PAGE]
    context = {
        "send": send,
        "asked": asked,
        "states": DeliveryState.choices,
        "rows": [(row, reason_label(row.reason), reason_label(row.bounce_reason or "")) for row in page],
        "next": asked.next_page(page[-1]) if len(found) > PAGE else "",
    }
    return render(request, "staff/deliveries.html", context)


def _asked(request: HttpRequest) -> Narrowing:
    """Unknown states and numbers are left out of account: nothing here is worth an error."""
    state = request.GET.get("state", "")
    return Narrowing(
        state=state if state in DeliveryState.values else "",
        reason=text_of(request.GET, "reason", most=20),
        email=text_of(request.GET, "email", most=320),
        after=number_of(request.GET.get("after", "")),
    )


def _found(send: Send, asked: Narrowing) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(send_id=send.pk, id__gt=asked.after).order_by("id")
    if asked.state:
        rows = rows.filter(state=asked.state)
    if asked.reason:
        rows = rows.filter(reason=asked.reason)
    return _with_address(rows, asked.email) if asked.email else rows


def _with_address(rows: QuerySet[Delivery], words: str) -> QuerySet[Delivery]:
    """A whole address is looked up by the index, a part of one by reading through the send."""
    try:
        return rows.filter(address_key=parse_address(words).key)
    except AddressError:
        return rows.filter(address_key__icontains=words)
