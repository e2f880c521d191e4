"""What every staff response carries, and what a one-time password leads to."""

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from wagtail.admin import messages

from pipeline.staff.roles import has_one_time_password

_STYLE: Final = Path(__file__).parents[2] / "templates" / "staff" / "staff.css"
View = Callable[..., HttpResponseBase]
POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https: http:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""Scripts come as files of this site and in no other way. Wagtail's editor writes styles into its elements, and an
issue may show pictures from anywhere."""


def staff(view: View) -> View:
    """Around every view below /admin/: the policy, no caches, and a password of one's own before anything else."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = _new_password_first(request) or view(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return guarded


@require_safe
@cache_control(public=True, max_age=3600)
def style(_request: HttpRequest) -> HttpResponse:
    """The few rules of our own beside Wagtail's. No secret is in them, so no sign-in is asked for."""
    return HttpResponse(_style(), content_type="text/css; charset=utf-8")


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


def _new_password_first(request: HttpRequest) -> HttpResponseBase | None:
    allowed = {reverse(f"wagtailadmin_{name}") for name in ("account", "logout", "login", "javascript_catalog")}
    if request.path in allowed or not has_one_time_password(request.user):
        return None
    messages.warning(request, _("Your password was for once only. Please choose your own before you go on."))
    return redirect("wagtailadmin_account")
