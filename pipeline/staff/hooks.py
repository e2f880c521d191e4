"""Webhooks for those who may change them: the address to paste, what is missing, what came and what was refused."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import hooks
from pipeline.models import Hook
from pipeline.providers import PROVIDERS
from pipeline.staff.sends import actor, require

CHANGE: Final = "pipeline.change_hook"


class HookForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is secret goes in and never comes out."""

    provider = forms.ChoiceField(
        label=gettext_lazy("provider"), choices=[(name, known.title) for name, known in PROVIDERS.items()]
    )
    secret = forms.CharField(
        label=gettext_lazy("What the provider signs with"),
        required=False,
        help_text=gettext_lazy("Only to change it. The one there is never shown."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Hook
        fields: ClassVar = ("name", "provider", "transport", "topics", "networks", "enabled")
        help_texts: ClassVar = {
            "topics": gettext_lazy("Amazon SES alone: arn:aws:sns:…, with commas between."),
            "networks": gettext_lazy("Where requests may come from, with commas between. Empty: anywhere."),
        }


class HookViewSet(ViewSet):
    """The list, the form of each, and what can be done with one."""

    name = "webhooks"
    menu_label = gettext_lazy("Webhooks")
    icon = "link"
    menu_order = 705
    add_to_settings_menu = True

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", listing, name="index"),
            path("add/", change, name="add"),
            path("<int:pk>/", change, name="change"),
            path("<int:pk>/act/", act, name="act"),
        ]


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    require(request, CHANGE)
    found = [(each, PROVIDERS[each.provider].title, list(words_of(each))) for each in _hooks()]
    return render(request, "staff/hooks.html", {"hooks": found})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form; what is wrong with it is said there."""
    require(request, CHANGE)
    hook = get_object_or_404(_hooks(), pk=pk) if pk else None
    form = HookForm(request.POST or None, instance=hook)
    if hook:
        del form.fields["name"]
    if request.method == "POST" and form.is_valid() and (saved := _saved(request, form, hook)):
        messages.success(request, _("Saved. Paste its address at the provider."))
        return redirect("webhooks:change", saved.pk)
    shown = get_object_or_404(_hooks(), pk=pk) if pk else None  # a form that is wrong leaves its mark on the other
    context: dict[str, Any] = {"hook": shown, "form": form, "words": words_of(shown) if shown else []}
    if shown:
        context |= {"known": PROVIDERS[shown.provider], "address": hooks.address_of(shown)}
    return render(request, "staff/hook.html", context, status=400 if form.errors else 200)


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it a new address, or take it away."""
    require(request, CHANGE)
    hook = get_object_or_404(Hook, pk=pk)
    if request.POST.get("act") == "renew":
        hooks.change_hook(hook.name, {}, renew=True, actor=actor(request))
        messages.success(request, _("It has a new address; the old one ended. Paste the new one at the provider."))
    elif request.POST.get("act") == "remove":
        hooks.remove_hook(hook.name, actor=actor(request))
        messages.success(request, _("It is gone. What it has told stays."))
        return redirect("webhooks:index")
    return redirect("webhooks:change", pk)


def words_of(hook: Hook) -> Iterator[str]:
    """How it does, in sentences."""
    missing = hooks.missing(hook)
    if not hook.enabled:
        yield _("It is switched off: everything is refused.")
    elif missing:
        yield _("Nothing is believed before it has: %(missing)s.") % {"missing": missing}
    elif hook.event_at is None:
        yield _("Nothing has come yet.")
    if hook.event_at:
        said = {"n": f"{hook.events:,}", "time": _time(hook.event_at)}
        yield _("%(n)s events were taken in, the last one %(time)s.") % said
    if hook.refused_at:
        said = {"n": f"{hook.refusals:,}", "time": _time(hook.refused_at)}
        yield _("%(n)s requests or more were refused, the last one %(time)s.") % said


def _saved(request: HttpRequest, form: HookForm, hook: Hook | None) -> Hook | None:
    """The webhook as it is now; None when that cannot be, and the form says why."""
    given = form.cleaned_data
    was = Hook.objects.get(pk=hook.pk) if hook else None  # the form has left its mark on the other
    names = [name for name in hooks.CHANGEABLE if name != "secret" or given["secret"]]
    changes = {name: given[name] for name in names if was is None or getattr(was, name) != given[name]}
    name = hook.name if hook else given["name"]
    try:
        return hooks.change_hook(name, changes, create=hook is None, actor=actor(request))
    except hooks.HookError as error:
        form.add_error(None, str(error))
        return None


def _hooks() -> Any:
    return Hook.objects.select_related("transport").order_by("name")


def _time(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M")
