"""Links of sent issues: how often each was followed, and where a person lets a wrong one lead instead."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import transitions
from pipeline.content import tracking
from pipeline.content.types import ContentError
from pipeline.models import AuditEvent, Issue, Send, TrackedLink
from pipeline.queries import links_of
from pipeline.staff.sends import actor, require

REPAIR = "pipeline.repair_link"


class RepairForm(forms.Form):
    target = forms.CharField(
        label=gettext_lazy("Where it leads from now on"),
        help_text=gettext_lazy("The whole address, with https:// in front."),
        max_length=2_000,
        widget=forms.URLInput,
    )
    why = forms.CharField(
        label=gettext_lazy("Why?"),
        help_text=gettext_lazy("It is kept with your name, the old address and the new one."),
        max_length=500,
    )
    was = forms.CharField(widget=forms.HiddenInput)

    def clean_target(self) -> str:
        target = str(self.cleaned_data["target"])
        try:
            wrong = tracking.problem(target)
        except ContentError as error:
            wrong = error.message
        if wrong:
            raise ValidationError(wrong)
        return target


class LinksViewSet(ViewSet):
    """The links of an issue, of a send, and the page on which one is repaired."""

    name = "links"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("issue/<int:pk>/", of_issue, name="issue"),
            path("send/<int:pk>/", of_send, name="send"),
            path("<int:pk>/", repair, name="repair"),
        ]


@require_safe
def of_issue(request: HttpRequest, pk: int) -> HttpResponse:
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    back = reverse(Issue.snippet_viewset.get_url_name("edit"), args=[pk])
    return _listed(request, [issue], {"issue": issue, "back": back})


@require_safe
def of_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Those of all its editions. An edition that was sent twice has its clicks of both times."""
    send = get_object_or_404(Send.objects.select_related("newsletter"), pk=pk)
    editions = Issue.objects.filter(proofs__sends=send).select_related("newsletter").distinct().order_by("language")
    return _listed(request, list(editions), {"send": send, "back": reverse("sends:inspect", args=[pk])})


@require_http_methods(["GET", "HEAD", "POST"])
def repair(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a link lead elsewhere: by a named person, with a reason, in every message that has it."""
    require(request, REPAIR)
    link = get_object_or_404(TrackedLink.objects.select_related("issue__newsletter"), pk=pk)
    form = RepairForm(request.POST or None, initial={"target": link.target, "was": link.target})
    if request.method == "POST" and form.is_valid() and _repaired(request, link, form.cleaned_data):
        return redirect("links:issue", link.issue_id)
    events = AuditEvent.objects.filter(subject=f"link:{pk}").order_by("-at", "-pk")
    context = {"link": link, "form": form, "events": events}
    return render(request, "staff/link.html", context, status=400 if form.errors else 200)


def _repaired(request: HttpRequest, link: TrackedLink, said: dict[str, Any]) -> bool:
    try:
        transitions.repair_link(link.pk, **said, actor=actor(request))
    except transitions.LinkChangedError as error:
        messages.error(request, str(error))
        link.refresh_from_db()
        return False
    messages.success(request, _("The link leads there now. It may take ten seconds until it does everywhere."))
    return True


def _listed(request: HttpRequest, issues: Sequence[Issue], about: dict[str, Any]) -> HttpResponse:
    require(request, "pipeline.view_send")
    context = {"editions": links_of(issues), "may_repair": request.user.has_perm(REPAIR)} | about
    return render(request, "staff/links.html", context)
