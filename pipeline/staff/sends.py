"""Sends: the list, and the page of one send with its books, its buttons and its ledger."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin import messages
from wagtail.admin.ui.tables import Column, DateColumn, NumberColumn, TitleColumn
from wagtail.admin.views import generic

from pipeline import transitions
from pipeline.books import ledger_csv
from pipeline.models import AuditEvent, Send, SendList, SendState, TrackedLink
from pipeline.queries.rulings import standing_of
from pipeline.staff.books import GOING, books_of
from pipeline.staff.deliveries import deliveries
from pipeline.staff.following import followings
from pipeline.staff.reading import ReadingViewSet, text_of
from pipeline.staff.reasons import provider_label
from pipeline.staff.schedule import waiting_of
from pipeline.staff.storms import decide, may_decide, storms_of

ACTS: Final[dict[str, tuple[Callable[..., None], tuple[str, ...]]]] = {
    "undo": (transitions.undo_send, (SendState.SCHEDULED,)),
    "pause": (transitions.pause_send, (SendState.STARTING, SendState.SENDING)),
    "resume": (transitions.resume_send, (SendState.PAUSED, SendState.HELD)),
    "cancel": (transitions.cancel_send, GOING),
}
"""What a person may do to a send, and when the button is shown. The transitions decide."""
EVENTS: Final = 20
DONE: Final[Mapping[str, Promise]] = {
    "send.approved": gettext_lazy("approved it"),
    "send.started": gettext_lazy("started it"),
    "send.paused": gettext_lazy("paused it"),
    "send.resumed": gettext_lazy("let it go on"),
    "send.cancelled": gettext_lazy("cancelled it"),
    "send.undone": gettext_lazy("took it back before it went out"),
    "send.held": gettext_lazy("put it before a person"),
    "send.finished": gettext_lazy("closed the books"),
    "send.storm": gettext_lazy("held many dead addresses of one provider until a person decides"),
    "send.storm-applied": gettext_lazy("said that the many addresses are dead"),
    "send.storm-discarded": gettext_lazy("said that it was a fault of the provider"),
    "send.exported": gettext_lazy("took the ledger"),
    "feedback.undone": gettext_lazy("took back what returned mail did to addresses"),
}


class SendIndex(generic.IndexView):
    model = Send
    default_ordering = "-id"

    def get_base_queryset(self) -> Any:
        return Send.objects.select_related("newsletter")


class SendDetail(generic.InspectView):
    template_name = "staff/send.html"
    page_title = gettext_lazy("Send")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        send: Send = self.object
        shown = _shown(self.request, send)
        story = AuditEvent.objects.filter(subject=f"send:{send.pk}").order_by("-at", "-pk")
        return {
            **super().get_context_data(**kwargs),
            **shown,
            "has_links": TrackedLink.objects.filter(issue__proofs__sends=send).exists(),
            "proofs": send.proofs.order_by("sendproof__position"),
            "following": send.following.order_by("pk"),
            "followings": list(followings(send, shown["books"])) if shown["may_start"] else [],
            "lists": SendList.objects.filter(send=send).select_related("list").order_by("excluded", "list__name"),
            "standing": _standing(self.request, send),
            "events": [(event, DONE.get(event.action, event.action)) for event in story[:EVENTS]],
        }


class SendViewSet(ReadingViewSet):
    model = Send
    name = "sends"
    icon = "list-ul"
    menu_order = 120
    add_to_admin_menu = True
    index_view_class = SendIndex
    inspect_view_class = SendDetail
    list_display: ClassVar = [
        TitleColumn("pk", label=gettext_lazy("Send"), url_name="sends:inspect"),
        Column("newsletter", label=gettext_lazy("Newsletter")),
        Column("get_state_display", label=gettext_lazy("State")),
        DateColumn("due_at", label=gettext_lazy("Due")),
        NumberColumn("audience", label=gettext_lazy("Audience")),
        Column("approved_by", label=gettext_lazy("Approved by")),
    ]
    list_filter: ClassVar = ["state", "newsletter"]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            *super().get_urlpatterns(),
            path("<int:pk>/books/", books, name="books"),
            path("<int:pk>/do/<slug:act>/", do, name="do"),
            path("<int:pk>/storm/", decide, name="storm"),
            path("<int:pk>/deliveries/", deliveries, name="deliveries"),
            path("<int:pk>/ledger.csv", ledger, name="ledger"),
        ]


@require_safe
def books(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that is asked for again and again."""
    require(request, "pipeline.view_send")
    return render(request, "staff/_books.html", _shown(request, get_object_or_404(Send, pk=pk)))


@require_POST
def do(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Pause, resume or cancel, with a reason that the books keep."""
    require(request, "pipeline.start_send")
    send = get_object_or_404(Send, pk=pk)
    if act not in ACTS:
        raise PermissionDenied
    why = text_of(request.POST, "why")
    if act == "cancel" and not why:
        messages.error(request, _("Say why the send ends here. Nothing was changed."))
        return redirect("sends:inspect", pk)
    # Who lets a send go on after the database came back from a backup says so with a tick.
    knowing = {"restored": True} if act == "resume" and "restored" in request.POST else {}
    try:
        ACTS[act][0](send.pk, actor=actor(request), why=why, **knowing)
    except transitions.WrongStateError as error:
        messages.error(request, str(error))
    return redirect("sends:inspect", pk)


@require_safe
def ledger(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Every recipient as CSV. Taking addresses out of the house is noted."""
    require(request, "pipeline.view_delivery")
    send = get_object_or_404(Send, pk=pk)
    AuditEvent.objects.create(actor=actor(request), action="send.exported", subject=f"send:{pk}", detail={})
    response = StreamingHttpResponse(ledger_csv(send), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="send-{pk}.csv"'
    return response


def require(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(right):
        raise PermissionDenied


def actor(request: HttpRequest) -> str:
    """The named person, for the audit trail."""
    return str(request.user.get_username())


def _standing(request: HttpRequest, send: Send) -> dict[str, Any] | None:
    """What a person may take back of what returned mail did; None: nothing, or not this person."""
    found = standing_of(send.pk)
    if not request.user.has_perm("subscribers.add_suppression") or not found.total + found.complaints:
        return None
    destinations = [(name, provider_label(name), n) for name, n in found.destinations]
    return {"total": found.total, "complaints": found.complaints, "destinations": destinations}


def _shown(request: HttpRequest, send: Send) -> dict[str, Any]:
    may, waiting = request.user.has_perm("pipeline.start_send"), waiting_of(send)
    return {
        "send": send,
        "books": books_of(send),
        "going": send.state in GOING,
        "may_start": may,
        "waiting": waiting,
        "storms": storms_of(send.pk),
        "may_decide": may_decide(request),
        "acts": [
            act
            for act, (_act, states) in ACTS.items()
            if may and send.state in states and (act != "undo" or waiting.undo)
        ],
        "may_see_people": request.user.has_perm("pipeline.view_delivery"),
    }
