"""Relays for those who may change them: how each does, what it may be given, what is known of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import relays
from pipeline.limits.easing import SPEEDS
from pipeline.models import Destination, Issue, Transport
from pipeline.sending import forecast_of
from pipeline.staff.sends import actor, require

CHANGE = "pipeline.change_transport"
_KNOWN: Any = ((None, gettext_lazy("not known")), (True, gettext_lazy("yes")), (False, gettext_lazy("no")))


class RelayForm(forms.ModelForm):  # type: ignore[type-arg]
    """Everything but the address as it is, which may hold a password."""

    url = forms.CharField(
        label=gettext_lazy("New address"),
        required=False,
        help_text=gettext_lazy("Only to change it: smtp://user:password@host:port. The one there is never shown."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Transport
        fields: ClassVar = relays.CHANGEABLE
        widgets: ClassVar = {
            "ramp_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "keeps_return_path": forms.Select(choices=_KNOWN),
            "sees_recipient_replies": forms.Select(choices=_KNOWN),
        }
        help_texts: ClassVar = {
            "ramp": gettext_lazy("Messages on the first day, the second and so on, with commas between."),
            "egress_ips": gettext_lazy("With commas between."),
            "reserved": gettext_lazy("Per cent of the limits per hour and day."),
        }


class RelayViewSet(ViewSet):
    """The list, and the form of each."""

    name = "relays"
    menu_label = gettext_lazy("Relays")
    icon = "site"
    menu_order = 700
    add_to_settings_menu = True

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("", listing, name="index"), path("<int:pk>/", change, name="change")]


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    require(request, CHANGE)
    found = Transport.objects.select_related("meter").prefetch_related("routes__newsletter").order_by("name")
    return render(request, "staff/relays.html", {"relays": [(each, list(words_of(each))) for each in found]})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; what is wrong with it is said there."""
    require(request, CHANGE)
    relay = get_object_or_404(Transport, pk=pk)
    form = RelayForm(request.POST or None, instance=relay, initial={"url": ""})
    if request.method == "POST" and form.is_valid():
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name != "url" or request.POST["url"]}
        try:
            relays.change_relay(relay.name, changes, actor=actor(request))
        except relays.RelayError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("It holds within a second."))
            return redirect("relays:index")
    slow = [(each, list(_slow_words(each))) for each in relay.destinations.exclude(step=0, rate=None).order_by("name")]
    context = {"relay": relay, "form": form, "destinations": slow}
    return render(request, "staff/relay.html", context, status=400 if form.errors else 200)


def words_of(relay: Transport) -> Iterator[str]:
    """How a relay does, in sentences."""
    now = timezone.now()
    meter = getattr(relay, "meter", None)
    if relay.needs_person:
        yield _("Somebody must mend it: waiting does not help.")
    if relay.backoff_until and relay.backoff_until > now:
        yield _("It is left alone until %(time)s.") % {"time": _time(relay.backoff_until)}
    elif relay.backoff_count:
        yield _("One connection is trying whether it works again.")
    elif meter and meter.rests_until and meter.rests_until > now:
        yield _("What it may be given is used up until %(time)s.") % {"time": _time(meter.rests_until)}
    else:
        yield _("It works, as far as is known.")
    if meter and meter.day_at and now - meter.day_at < timedelta(days=1):
        yield _("%(n)s messages were given to it today.") % {"n": f"{meter.day_count:,}"}


def plan_words(issues: Sequence[Issue], people: int, due_at: datetime | None) -> Iterator[tuple[str, str]]:
    """On the last page before sending: whether bounces come back, and when it would be through by its limits."""
    starts = max(due_at or timezone.now(), timezone.now())
    for words in relays.way_back_words(relays.relays_of(issues[0].newsletter)):
        yield _("Bounces"), words
    through = forecast_of(issues, people, starts=starts)
    if through.finishes:
        text = _("By the limits of its relay it is through on %(day)s, on %(n)s days in all.")
        day = formats.date_format(timezone.localtime(through.finishes), "l, Y-m-d H:i")
        yield _("Through the relay"), text % {"day": day, "n": len(through.days)}


def _slow_words(destination: Destination) -> Iterator[str]:
    speed = SPEEDS[min(destination.step, len(SPEEDS) - 1)]
    if destination.rate:
        yield _("Limited to %(n)s a second.") % {"n": f"{destination.rate:g}"}
    if destination.blocked_until and destination.blocked_until > timezone.now():
        yield _("Nothing goes there until %(time)s.") % {"time": _time(destination.blocked_until)}
    if speed:
        yield _("After that at %(n)s a second, then step by step faster.") % {"n": f"{speed:g}"}


def _time(moment: datetime) -> str:
    local = timezone.localtime(moment)
    same_day = local.date() == timezone.localtime().date()
    return local.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M")
