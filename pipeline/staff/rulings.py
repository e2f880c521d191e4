"""What returned mail does to addresses: the policies, for those who may change them, and taking a send's back."""

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline.models import AuditEvent, PolicyAction, Send
from pipeline.queries.rulings import policies
from pipeline.replies import CHOICES, Action, Policy, Reason
from pipeline.replies.policy import DAYS, ISSUES, RECHECK_DAYS
from pipeline.staff.books import reason_label
from pipeline.staff.reading import text_of
from pipeline.staff.reasons import deed, whose_fault
from pipeline.staff.sends import actor, require
from pipeline.transitions.policies import CHANGED, PolicyError, change_policy
from pipeline.transitions.rulings import NOT_IN_A_CROWD, undo_batch

CHANGE: Final = "pipeline.change_policy"
UNDO: Final = "subscribers.add_suppression"
EVENTS: Final = 20


class PolicyForm(forms.Form):
    """One reason's policy. What its numbers may be depends on what is done."""

    action = forms.ChoiceField(label=gettext_lazy("What is done"), widget=forms.RadioSelect)
    issues = forms.IntegerField(
        label=gettext_lazy("Issues in a row"),
        required=False,
        min_value=1,
        max_value=ISSUES[-1],
        help_text=gettext_lazy("Only where it is counted. Any sign of life begins the count anew."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Over at least so many days"),
        required=False,
        min_value=0,
        max_value=DAYS[-1],
        help_text=gettext_lazy("Where it is counted, or DNS is asked again."),
    )

    def __init__(self, reason: Reason, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["action"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.value, PolicyAction(each.value).label) for each in CHOICES[reason]]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        issues, days = said.get("issues"), said.get("days")
        if said.get("action") == Action.COUNT and (issues not in ISSUES or days not in DAYS):
            words = _("Count %(few)s to %(many)s issues, over %(short)s to %(long)s days.")
            given = {"few": ISSUES[0], "many": ISSUES[-1], "short": DAYS[0], "long": DAYS[-1]}
            raise forms.ValidationError(words % given)
        if said.get("action") == Action.RECHECK and days not in RECHECK_DAYS:
            words = _("Ask DNS again for %(short)s to %(long)s days.")
            raise forms.ValidationError(words % {"short": RECHECK_DAYS[0], "long": RECHECK_DAYS[-1]})
        return said

    def policy(self) -> Policy:
        """What was asked for; numbers that mean nothing there are left out."""
        action = Action(self.cleaned_data["action"])
        counted, asked = action is Action.COUNT, action in {Action.COUNT, Action.RECHECK}
        return Policy(action, self.cleaned_data["issues"] if counted else 1, self.cleaned_data["days"] if asked else 0)


class RulingsViewSet(ViewSet):
    """The table of policies, the form of each, and the act that takes rulings back."""

    name = "rulings"
    menu_label = gettext_lazy("What returned mail does")
    icon = "warning"
    menu_order = 710
    add_to_settings_menu = True

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", listing, name="index"),
            path("policy/<slug:reason>/", change, name="change"),
            path("send/<int:pk>/undo/", undo, name="undo"),
        ]


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    require(request, CHANGE)
    return render(request, "staff/policies.html", {"lines": list(_lines()), "events": list(_events())})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, reason: str) -> HttpResponse:
    """The form of one reason; for what is no reader's fault, the sentence that says so."""
    require(request, CHANGE)
    if reason not in set(Reason):
        raise Http404
    known, about = policies()[Reason(reason)], Reason(reason)
    initial = {"action": known.action.value, "issues": known.issues, "days": known.days}
    form = PolicyForm(about, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_policy(about, form.policy(), actor=actor(request))
        except PolicyError as error:
            form.add_error(None, _(str(error)))
        else:
            messages.success(request, _("It holds from the next report on.") if changed else _("It was so already."))
            return redirect("rulings:index")
    context = {
        "name": reason,
        "label": reason_label(reason),
        "whose": whose_fault(reason),
        "deed": deed(reason, policies()),
        "crowd": _not_in_a_crowd(about, known),
        "form": form if len(CHOICES[about]) > 1 else None,
    }
    return render(request, "staff/policy.html", context, status=400 if form.errors else 200)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift every suppression that returned mail of a send made, or those of one destination."""
    require(request, UNDO)
    send = get_object_or_404(Send, pk=pk)
    why = text_of(request.POST, "why")
    if not why:
        messages.error(request, _("Say why these addresses may get mail again. Nothing was changed."))
        return redirect("sends:inspect", pk)
    destination, complaints = text_of(request.POST, "destination"), "complaints" in request.POST
    number = undo_batch(send.pk, actor(request), why, destination=destination, complaints=complaints)
    words = _("Decisions about addresses taken back: %(n)s. The same reports will not suppress them again.")
    messages.success(request, words % {"n": f"{number:,}"})
    return redirect("sends:inspect", pk)


def _lines() -> Iterator[dict[str, Any]]:
    known = policies()
    for reason in Reason:
        yield {
            "name": reason.value,
            "label": reason_label(reason),
            "whose": whose_fault(reason),
            "deed": deed(reason, known),
            "crowd": _not_in_a_crowd(reason, known[reason]),
            "may_change": len(CHOICES[reason]) > 1,
        }


def _not_in_a_crowd(reason: Reason, policy: Policy) -> bool:
    return policy.action is Action.COUNT and reason in NOT_IN_A_CROWD


def _events() -> Iterator[dict[str, Any]]:
    """Who changed what, the newest first, before and after in words."""
    for event in AuditEvent.objects.filter(action=CHANGED).order_by("-at", "-pk")[:EVENTS]:
        reason = Reason(event.subject.removeprefix("policy:"))
        before, after = (
            deed(reason, {reason: Policy(Action(said["action"]), said["issues"], said["days"])})
            for said in (event.detail["before"], event.detail["after"])
        )
        yield {"at": event.at, "actor": event.actor, "label": reason_label(reason), "before": before, "after": after}
