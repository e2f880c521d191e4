"""Mailboxes that bounces go to, for those who may change them: how to get in, how it goes, what was left."""

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

from pipeline import mailboxes, transitions
from pipeline.feedback.mailbox import MailboxError, try_out
from pipeline.models import Mailbox
from pipeline.staff.sends import actor, require

CHANGE: Final = "pipeline.change_mailbox"
_LEFT_SHOWN: Final = 50


def _secret(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        help_text=gettext_lazy("Only to change it. The one there is never shown."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class MailboxForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is secret goes in and never comes out."""

    password = _secret(gettext_lazy("password"))
    client_secret = _secret(gettext_lazy("client secret"))
    refresh_token = _secret(gettext_lazy("refresh token"))

    token_url = forms.URLField(
        label=gettext_lazy("address that gives out tokens"), required=False, assume_scheme="https", max_length=500
    )

    class Meta:
        model = Mailbox
        fields: ClassVar = ("name", *(field for field in mailboxes.CHANGEABLE if field not in mailboxes.SECRETS))
        help_texts: ClassVar = {
            "port": gettext_lazy("Empty: the usual one."),
            "scope": gettext_lazy("Where the provider wants one."),
            "folder": gettext_lazy("Everything in it is taken in: let nothing but returned mail go there."),
        }

    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings."""
        for heading, names in (
            (_("Where it is"), ("name", "protocol", "host", "port", "security", "user", "auth")),
            (_("With a password"), ("password",)),
            (_("With OAuth2"), ("token_url", "client_id", "client_secret", "refresh_token", "scope")),
            (_("What is read, and what becomes of it"), ("folder", "afterwards", "move_to", "enabled")),
        ):
            yield heading, [self[name] for name in names if name in self.fields]


class MailboxViewSet(ViewSet):
    """The list, the form of each, and what can be done with one."""

    name = "mailboxes"
    menu_label = gettext_lazy("Mailboxes")
    icon = "mail"
    menu_order = 710
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
    found = [(each, list(words_of(each))) for each in Mailbox.objects.order_by("name")]
    return render(request, "staff/mailboxes.html", {"mailboxes": found})


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The form; what is wrong with it is said there."""
    require(request, CHANGE)
    mailbox = get_object_or_404(Mailbox, pk=pk) if pk else None
    form = MailboxForm(request.POST or None, instance=mailbox)
    if mailbox:
        del form.fields["name"]
    if request.method == "POST" and form.is_valid() and (saved := _saved(request, form, mailbox)):
        messages.success(request, _("Saved. A worker looks into it within a minute; you can try it out at once."))
        return redirect("mailboxes:change", saved.pk)
    left = mailbox.messages.exclude(left_because="").order_by("-id")[:_LEFT_SHOWN] if mailbox else []
    context = {"mailbox": mailbox, "form": form, "left": left, "words": words_of(mailbox) if mailbox else []}
    return render(request, "staff/mailbox.html", context, status=400 if form.errors else 200)


def _saved(request: HttpRequest, form: MailboxForm, mailbox: Mailbox | None) -> Mailbox | None:
    """The mailbox as it is now; None when that cannot be, and the form says why."""
    given = form.cleaned_data
    names = [name for name in mailboxes.CHANGEABLE if (given[name] if name in mailboxes.SECRETS else True)]
    changes = {name: given[name] for name in names if mailbox is None or name in form.changed_data}
    name = mailbox.name if mailbox else given["name"]
    try:
        return mailboxes.change_mailbox(name, changes, create=mailbox is None, actor=actor(request))
    except mailboxes.MailboxChangeError as error:
        form.add_error(None, str(error))
        return None


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Try it out, look into it soon, try again what was left, or read it no more."""
    require(request, CHANGE)
    mailbox = get_object_or_404(Mailbox, pk=pk)
    match request.POST.get("act"):
        case "test":
            _test(request, mailbox)
        case "look":
            transitions.look_soon(mailbox.pk)
            messages.success(request, _("A worker looks into it within seconds."))
        case "retry":
            number = transitions.retry_left_messages(mailbox, actor=actor(request))
            messages.success(request, _("%(n)s messages are tried again at the next look.") % {"n": number})
        case "remove":
            mailboxes.remove_mailbox(mailbox, actor=actor(request))
            messages.success(request, _("It is read no more. What was taken in stays."))
            return redirect("mailboxes:index")
    return redirect("mailboxes:change", pk)


def _test(request: HttpRequest, mailbox: Mailbox) -> None:
    try:
        new = try_out(mailbox)
    except MailboxError as error:
        messages.error(request, str(error))
    else:
        text = _("It works. %(n)s messages look new. Nothing was taken or changed.")
        messages.success(request, text % {"n": f"{new:,}"})


def words_of(mailbox: Mailbox) -> Iterator[str]:
    """How a mailbox does, in sentences."""
    if not mailbox.enabled:
        yield _("It is not read.")
    elif mailbox.error:
        since = {"time": _time(mailbox.failing_since)}
        yield _("It cannot be read since %(time)s. What is in it stays there.") % since
        if mailbox.needs_person:
            yield _("Somebody must mend it: waiting does not help.")
        yield _("The next try is at %(time)s.") % {"time": _time(mailbox.next_at)}
    elif mailbox.looked_at:
        yield _("It was read at %(time)s.") % {"time": _time(mailbox.looked_at)}
    else:
        yield _("It was not read yet.")
    if taken := mailbox.messages.exclude(feedback_id=None).count():
        yield _("%(n)s messages were taken in.") % {"n": f"{taken:,}"}
    if left := mailbox.messages.exclude(left_because="").count():
        yield _("%(n)s messages could not be taken in and were left in it.") % {"n": f"{left:,}"}


def _time(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else "–"
