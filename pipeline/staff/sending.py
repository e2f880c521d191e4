"""From an issue to a send: choose lists and time, see exactly who gets it and who not, type the number, approve."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import sending
from pipeline.content.types import ContentError
from pipeline.delivery.schedule import UNDO_FOR, moment_of
from pipeline.errors import PressrunError
from pipeline.models import Issue, Send, UnknownLanguage
from pipeline.queries import Audience, clock
from pipeline.staff import following
from pipeline.staff.preview import preview_of
from pipeline.staff.reach import chapters_of, language_label
from pipeline.staff.relays import plan_words
from pipeline.staff.schedule import DAY_CHOICES, plan_in_words, window_of
from pipeline.staff.sends import actor, require
from subscribers.models import List


class SendForm(forms.Form):
    """What a person decides about a send. Without a time it goes at once."""

    issues = forms.ModelMultipleChoiceField(
        Issue.objects.none(), label=gettext_lazy("Editions"), widget=forms.CheckboxSelectMultiple
    )
    lists = forms.ModelMultipleChoiceField(
        List.objects.all(), label=gettext_lazy("To"), widget=forms.CheckboxSelectMultiple
    )
    excluded = forms.ModelMultipleChoiceField(
        List.objects.all(),
        label=gettext_lazy("But not to anyone on"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    at = forms.DateTimeField(
        label=gettext_lazy("When"),
        help_text=gettext_lazy("Empty: at once."),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"))
    days = forms.MultipleChoiceField(
        label=gettext_lazy("Only on these days"),
        help_text=gettext_lazy("Outside of the days and hours it waits, also in the middle of sending. None: any day."),
        choices=DAY_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    begin = forms.TimeField(
        label=gettext_lazy("Not before"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    end = forms.TimeField(
        label=gettext_lazy("Not after"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    urgent = forms.BooleanField(
        label=gettext_lazy("Urgent news"),
        help_text=gettext_lazy("It passes other sends, and nobody waits for a first wave."),
        required=False,
    )
    typed = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)

    def __init__(self, *args: Any, issue: Issue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        editions = issue.get_translations(inclusive=True).select_related("newsletter")
        self.fields["issues"].queryset = editions  # type: ignore[attr-defined]
        self.fields["zone"].choices = [(name, name) for name in sorted(available_timezones())]  # type: ignore[attr-defined]
        self.initial["issues"] = editions.filter(Q(live=True) | Q(pk=issue.pk))
        self.initial["lists"] = issue.newsletter.default_lists.all()
        self.initial["zone"] = timezone.get_current_timezone_name()

    def full_clean(self) -> None:
        with timezone.override(UTC):  # the time is read as the person wrote it; their zone is another field
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        at, zone = cleaned.get("at"), cleaned.get("zone")
        if at and zone:
            cleaned["asked"] = timezone.make_naive(at)
            cleaned["moment"] = moment_of(cleaned["asked"], zone)
            cleaned["wall_time"], cleaned["due_at"] = cleaned["moment"].wall, cleaned["moment"].utc
            if cleaned["due_at"] < clock.now():
                raise ValidationError({"at": _("That is over. Leave it empty to send at once.")})
        cleaned["window"] = window_of(cleaned.get("days", ()), cleaned.get("begin"), cleaned.get("end"))
        return cleaned


class FollowForm(SendForm):
    """The lists are those of the send that it follows."""

    lists = None  # type: ignore[assignment]  # Django's way to leave a field out


class SendingViewSet(ViewSet):
    """The way to a send, from an issue's page."""

    name = "sending"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("<int:pk>/", send, name="send"),
            path("follow/<int:pk>/", follow, name="follow"),
        ]


@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; with what it says, the final page; with the right number typed there, the send."""
    require(request, "pipeline.start_send")
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    return _steps(request, SendForm(request.POST or None, issue=issue), {"issue": issue})


@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """The same way for people of an earlier send: `?to=` says which."""
    require(request, "pipeline.start_send")
    parent = get_object_or_404(Send.objects.exclude(started_at=None), pk=pk)
    issue = following.issue_for(request, parent)
    context = {"issue": issue, "parent": parent, "which": following.asked(request)}
    context |= {"others": following.others(request, parent)}
    return _steps(request, FollowForm(request.POST or None, issue=issue), context)


def _steps(request: HttpRequest, form: SendForm, context: dict[str, Any]) -> HttpResponse:
    context |= {"form": form}
    if request.method != "POST" or not form.is_valid():
        return render(request, "staff/send_form.html", context)
    issues, plan = list(form.cleaned_data["issues"]), plan_of(request, form.cleaned_data, context.get("parent"))
    try:
        reach = sending.reach_of_plan(issues, plan)
    except PressrunError as error:
        form.add_error(None, str(error))
        return render(request, "staff/send_form.html", context)
    context |= {"reach": reach, "chapters": chapters_of(reach), "choices": _choices(sending.audience_of(issues, plan))}
    context |= {"editions": [(each, preview_of(each).grades) for each in issues], "chosen": form.cleaned_data}
    through = plan_words(issues, reach.reached, plan.due_at)
    context |= {"words": [*through, *plan_in_words(form.cleaned_data, reach.reached)]}
    context |= {"may_ask": settings.LINK_CHECK and request.user.has_perm("pipeline.change_issue")}
    if "typed" not in request.POST or "back" in request.POST:
        return render(request, "staff/send_form.html" if "back" in request.POST else "staff/send_review.html", context)
    if _digits(form.cleaned_data["typed"]) != str(reach.reached):
        return render(request, "staff/send_review.html", context | {"wrong": True})
    return _approve(request, issues, plan, context)


def _approve(
    request: HttpRequest, issues: Sequence[Issue], plan: sending.Plan, context: dict[str, Any]
) -> HttpResponse:
    try:
        made = sending.create_send(issues, plan)
    except (PressrunError, ContentError) as error:
        return render(request, "staff/send_review.html", context | {"refused": str(error)})
    messages.success(request, _("The send is in the books."))
    return redirect("sends:inspect", made.pk)


def plan_of(request: HttpRequest, chosen: dict[str, Any], parent: Send | None) -> sending.Plan:
    """What the valid form says."""
    return sending.Plan(
        lists=[each.slug for each in chosen.get("lists", ())],
        excluded=[each.slug for each in chosen["excluded"]],
        parent=parent,
        follows=following.asked(request) if parent else "",
        due_at=chosen.get("due_at"),
        undo_for=timedelta(0) if chosen.get("due_at") else UNDO_FOR,
        zone=chosen["zone"],
        window=chosen["window"].text,
        urgent=chosen["urgent"],
        first_wave=True,
        once=True,
        wall_time=chosen.get("due_at") and chosen["wall_time"].replace(tzinfo=UTC),
        approved_by=actor(request),
        owner_id=request.user.pk,
    )


def _choices(audience: Audience) -> dict[str, str]:
    """What becomes of people without an edition and without a known language, as the send will keep it."""
    main = language_label(next(iter(audience.editions)))
    order = ", ".join(language_label(language) for language in audience.fallback)
    skip = audience.unknown == UnknownLanguage.SKIP
    return {"otherwise": order or main, "unknown": _("nothing") if skip else main}


def _digits(typed: str) -> str:
    """`2,000` and `2 000` are 2000 too."""
    return "".join(char for char in typed if char.isdecimal())
