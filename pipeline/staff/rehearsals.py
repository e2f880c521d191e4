"""A rehearsal on a page: how far it is, what it found, and for whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import tasks
from pipeline.content.rehearse import Trouble
from pipeline.errors import PressrunError
from pipeline.models import Issue, Rehearsal, RehearsalState, Send
from pipeline.rehearsing import ask
from pipeline.staff import following
from pipeline.staff.reach import language_label
from pipeline.staff.sending import FollowForm, SendForm, plan_of
from pipeline.staff.sends import require
from subscribers.models import Subscriber

_LABELS = {
    Trouble.GAP: _("a gap where {detail} should stand: it is not known, and the tag has no fallback"),
    Trouble.LINK: _("a link without {detail}: it is not known, and the tag has no fallback"),
    Trouble.LINE: _("a line that is too long for mail: {detail}"),
    Trouble.UNMADE: _("the message cannot be made: {detail}"),
}


SHOWN: Final = 100
"""People named on the page for each kind of trouble."""


@dataclass(frozen=True, slots=True)
class Chapter:
    edition: str
    label: str
    n: int
    people: Sequence[Subscriber]


class RehearsalViewSet(ViewSet):
    """From the last look before sending, and back to it."""

    name = "rehearsals"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("<int:pk>/", rehearsal, name="rehearsal"),
            path("<int:pk>/progress/", progress, name="progress"),
            path("of/<int:pk>/", start, name="start"),
            path("following/<int:pk>/", start_following, name="start-following"),
        ]


@require_POST
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a rehearsal of what the form of a send says."""
    require(request, "pipeline.start_send")
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    return _asked(request, SendForm(request.POST, issue=issue), None, reverse("sending:send", args=[pk]))


@require_POST
def start_following(request: HttpRequest, pk: int) -> HttpResponse:
    """The same for a send that follows another."""
    require(request, "pipeline.start_send")
    parent = get_object_or_404(Send.objects.exclude(started_at=None), pk=pk)
    issue = following.issue_for(request, parent)
    back = f"{reverse('sending:follow', args=[pk])}?{request.GET.urlencode()}"
    return _asked(request, FollowForm(request.POST, issue=issue), parent, back)


def _asked(request: HttpRequest, form: SendForm, parent: Send | None, back: str) -> HttpResponse:
    if not form.is_valid():
        return redirect(back)
    try:
        plan = plan_of(request, form.cleaned_data, parent)
        row = ask(list(form.cleaned_data["issues"]), plan, asked_by=request.user.pk)
    except PressrunError as error:
        messages.error(request, str(error))
        return redirect(back)
    tasks.ring_rehearsal(row.pk)
    return redirect("rehearsals:rehearsal", row.pk)


@require_safe
def rehearsal(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, pk, "staff/rehearsal.html")


@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that is asked for again and again."""
    return _shown(request, pk, "staff/_rehearsal.html")


def _shown(request: HttpRequest, pk: int, template: str) -> HttpResponse:
    require(request, "pipeline.start_send")
    row = get_object_or_404(Rehearsal.objects.prefetch_related("issues"), pk=pk)
    going = row.state in {RehearsalState.WAITING, RehearsalState.PLAYING}
    may_see_people = request.user.has_perm("subscribers.view_subscriber")
    context = {"rehearsal": row, "going": going, "chapters": list(_chapters(row, named=may_see_people and not going))}
    return render(request, template, context)


def _chapters(row: Rehearsal, *, named: bool) -> Iterator[Chapter]:
    for edition, trouble, detail, n, first in row.troubles:
        people = Subscriber.objects.filter(pk__in=first[:SHOWN]).order_by("email") if named else ()
        yield Chapter(language_label(edition), trouble_label(trouble, detail), n, list(people))


def trouble_label(trouble: str, detail: str) -> str:
    """In words for people."""
    return str(_LABELS[Trouble(trouble)]).format(detail=detail)
