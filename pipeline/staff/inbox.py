"""The local inbox as pages: what readers would have got, while no real relay is set.

For superusers: each message holds links that act for its reader.
"""

from typing import Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from pipeline.inbox import reading
from pipeline.staff.preview import POLICY

FOLDER: Final = settings.HOME / "inbox"


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    _superusers_only(request)
    words = request.GET.get("q", "").strip()
    context = {"mails": reading.newest(FOLDER, containing=words), "words": words, "most": reading.SHOWN}
    return render(request, "staff/inbox.html", context)


@require_safe
def message(request: HttpRequest, name: str) -> HttpResponse:
    _superusers_only(request)
    return render(request, "staff/inbox_message.html", {"mail": _mail(name)})


@require_safe
def html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part by itself, a stranger to the page around it."""
    _superusers_only(request)
    response = HttpResponse(_mail(name).html)
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response


def _mail(name: str) -> reading.Mail:
    found = reading.one(FOLDER, name)
    if found is None:
        raise Http404
    return found


def _superusers_only(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied


class _InboxItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser and FOLDER.is_dir())


class InboxViewSet(ViewSet):
    name = "inbox"
    icon = "mail"
    menu_label = _("Local inbox")
    menu_item_class = _InboxItem
    menu_order = 900
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", index, name="index"),
            path("<str:name>/", message, name="message"),
            path("<str:name>/html", html, name="html"),
        ]
