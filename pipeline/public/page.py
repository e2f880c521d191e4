"""What the public pages share: their headers, their language and their look."""

from base64 import b64encode
from collections.abc import Callable
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString, mark_safe

View = Callable[..., HttpResponse]
_STYLE: Final = Path(__file__).parents[2] / "templates" / "public" / "page.css"


def private(view: View) -> View:
    """For pages behind a token: no referrer, no caches, no search engines, no frames, nothing from elsewhere.

    A policy of the view's own stays.
    """

    @wraps(view)
    def with_headers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.setdefault("Content-Security-Policy", _policy())
        response["Referrer-Policy"] = "no-referrer"
        response["X-Frame-Options"] = "DENY"
        response["X-Robots-Tag"] = "noindex, nofollow"
        patch_cache_control(response, no_store=True)
        return response

    return with_headers


def page(request: HttpRequest, name: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    """A page of templates/public in the language now active."""
    response = render(request, f"public/{name}.html", context | {"style": _style()}, status=status)
    response["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    return response


def speaking(language: str) -> translation.override:
    """The person's language if we have it, else the browser's (which is active already)."""
    known = {code for code, _ in settings.LANGUAGES}
    return translation.override(next((code for code in _bases(language) if code in known), translation.get_language()))


def masked(email: str) -> str:
    """`k•••@example.com`: enough for its owner, useless to whoever the mail was forwarded to."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def _bases(language: str) -> tuple[str, str]:
    """`ko-KR` → `ko-kr`, `ko`."""
    return language.lower(), language.lower().partition("-")[0]


@cache
def _style() -> SafeString:
    return mark_safe(_STYLE.read_text(encoding="utf-8"))  # noqa: S308 (a file of ours)


@cache
def _policy() -> str:
    """The one style sheet is allowed by its hash."""
    style = b64encode(sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
