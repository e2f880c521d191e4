"""The public web edition: the very segments of the published proof, for nobody in particular.

Merge fields take their fallbacks and tokens stand-ins, so the page holds nothing of anybody. What is said about the
page goes into its head, what was corrected stands above it; the body is as it was mailed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from re import compile as pattern
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import http_date, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from pipeline.content.message import message_parts, stand_ins
from pipeline.delivery.batch.wires import segments
from pipeline.models import Publication
from pipeline.public.page import page, private
from pipeline.public.view import POLICY
from pipeline.queries.publications import acts, corrections_of, editions_beside, newest_at, newest_of
from pipeline.tokens import StandIn

FRESH_SECONDS: Final = 60
"""How long a copy may be shown unasked; then it is asked for again, and mostly has not changed."""
LOCALES: Final = {"en": "en_US", "ko": "ko_KR"}
"""Open Graph wants a country with each language; these are for tags that name none."""
_BODY = pattern(r"<body\b[^>]*>")
_NOTE_STYLE: Final = (
    "background-color:#fff4d6;color:#1d2733;padding:14px 24px;margin:0;text-align:center;white-space:pre-line;"
    "overflow-wrap:anywhere;font:16px/1.6 -apple-system,'Apple SD Gothic Neo','Noto Sans KR','Malgun Gothic',"
    "Arial,sans-serif"
)


@dataclass(frozen=True, slots=True)
class Page:
    content: bytes
    etag: str


@require_safe
def read(request: HttpRequest, newsletter: str, number: int, language: str) -> HttpResponseBase:
    """200 with the edition, 410 when it was withdrawn, 404 when it never was here."""
    newest = newest_at(f"{newsletter}/{number}/{language}")
    if newest is None:
        return _not_here(request, "unread", status=404)
    if not newest.is_shown:
        return _not_here(request, "withdrawn", status=410)
    editions = editions_beside(newest.issue)
    made = _page(newest.pk, tuple(each.pk for each in editions), newest.issue.newsletter.name)
    return _served(request, made, max(each.at for each in [newest, *editions]), newest.proof.language)


@require_safe
@private
def here(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the link to read in the browser leads on a page that is in the browser already."""
    newest = newest_of(pk)
    if newest is None:
        return page(request, "unread", {}, status=404)
    return HttpResponseRedirect(newest.url)


@private
def _not_here(request: HttpRequest, name: str, *, status: int) -> HttpResponse:
    return page(request, name, {}, status=status)


def _served(request: HttpRequest, made: Page, changed: datetime, language: str) -> HttpResponseBase:
    response = HttpResponse(made.content)
    response["ETag"], response["Last-Modified"] = made.etag, http_date(changed.timestamp())
    response["Content-Language"] = language
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "strict-origin-when-cross-origin"
    response["X-Frame-Options"] = "DENY"
    patch_cache_control(response, public=True, max_age=FRESH_SECONDS)
    answer = get_conditional_response(
        request, etag=made.etag, last_modified=int(changed.timestamp()), response=response
    )
    return answer or response


@lru_cache(maxsize=64)
def _page(publication_id: int, _beside: tuple[int, ...], site_name: str) -> Page:
    """Acts are never changed, so what they make is kept; the arguments are all that it hangs on."""
    publication = acts().get(pk=publication_id)
    proof = segments(publication.proof_id)
    values = stand_ins(proof, StandIn.NOBODY) | {"token.view": f"web-{publication.issue_id}"}
    html, _text = message_parts(proof, values)
    with translation.override(_spoken(publication.proof.language)):
        html = _with_notes(html, corrections_of(publication), language=publication.proof.language)
    content = _with_head(html, _head(publication, editions_beside(publication.issue), site_name)).encode()
    return Page(content, quote_etag(sha256(content).hexdigest()[:32]))


def _with_head(html: str, tags: str) -> str:
    """What people wrote cannot end the head: its only text is the title, and that is escaped."""
    before, end, after = html.partition("</head>")
    return f"{before}{tags}{end}{after}"


def _with_notes(html: str, corrections: Iterable[Publication], *, language: str) -> str:
    """Ours is the sentence in front, in a language that we have; the note is in that of the edition."""
    ours = translation.get_language() or settings.LANGUAGE_CODE
    notes = "".join(
        format_html(
            '<p role="note" lang="{}" style="{}"><strong lang="{}">{}</strong> {}</p>',
            language,
            _NOTE_STYLE,
            ours,
            _("Corrected on %(day)s:") % {"day": date_format(each.at)},
            each.note,
        )
        for each in corrections
    )
    return _BODY.sub(lambda found: found[0] + notes, html, count=1)


def _head(publication: Publication, editions: Sequence[Publication], site_name: str) -> str:
    card, address = publication.proof.card, publication.url
    title, words = card.get("title") or publication.issue.title, card.get("description", "")
    graph = {
        "og:type": "article",
        "og:site_name": site_name,
        "og:title": title,
        "og:description": words,
        "og:image": card.get("image", ""),
        "og:url": address,
        "og:locale": _locale(publication.proof.language),
        "article:published_time": publication.issue.date.isoformat(),
    }
    tags = [format_html('<link rel="canonical" href="{}">', address)]
    tags += [
        format_html('<link rel="alternate" hreflang="{}" href="{}">', each.proof.language, each.url)
        for each in editions
    ]
    tags += [format_html('<meta name="description" content="{}">', words)] if words else []
    tags += [format_html('<meta property="{}" content="{}">', name, value) for name, value in graph.items() if value]
    others = [each for each in editions if each.pk != publication.pk]
    tags += [
        format_html('<meta property="og:locale:alternate" content="{}">', _locale(each.proof.language))
        for each in others
    ]
    return "".join(tags)


def _locale(language: str) -> str:
    """`ko` → `ko_KR`, `en-GB` → `en_GB`."""
    base, _dash, country = language.partition("-")
    return f"{base}_{country.upper()}" if country else LOCALES.get(base, base)


def _spoken(language: str) -> str:
    """The language of our own words on the page: the edition's if we have it. Never the visitor's: copies are kept."""
    base = language.lower().partition("-")[0]
    return base if base in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
