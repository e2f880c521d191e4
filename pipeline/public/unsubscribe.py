"""Leaving a newsletter by one click (RFC 8058), and coming back within 24 hours.

The POST carries its whole authority in the address: no cookie, no sign-in, no token of the form's own, no redirect.
GET and HEAD change nothing, since programs open every link of a mail.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from pipeline import leaving
from pipeline.keys import keyring
from pipeline.models import Newsletter
from pipeline.public.page import masked, page, private, speaking
from pipeline.tokens import BadTokenError, Purpose, StandIn
from subscribers.models import Subscriber

ONE_CLICK: Final = b"list-unsubscribe=one-click"
_MULTIPART: Final = (b'name="list-unsubscribe"', b"one-click")


PAGES: Final = {StandIn.TEST.value: "test", StandIn.NOBODY.value: "unsubscribe_how"}
"""What is said to whoever follows a link that acts for nobody."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a token of a mail names. Both may be long gone; the token is as good as ever."""

    send_id: int
    delivery_id: int
    subscriber_id: int
    newsletter_id: int
    newsletter: str
    email: str
    language: str

    @property
    def context(self) -> dict[str, object]:
        return {"newsletter": self.newsletter, "address": masked(self.email) if self.email else ""}


@require_safe
@private
def explain(request: HttpRequest) -> HttpResponse:
    """Where the link of a page goes that somebody else may be looking at."""
    return page(request, "unsubscribe_how", {})


@csrf_exempt  # RFC 8058 section 3.2: the mail program that posts has no cookie of ours; the token is the authority
@require_http_methods(["GET", "HEAD", "POST"])
@private
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    if token in PAGES:
        return page(request, PAGES[token], {})
    try:
        reader = _reader(token)
    except BadTokenError:
        return page(request, "unknown", {}, status=404)
    with speaking(reader.language):
        if request.method != "POST":
            return page(request, "unsubscribe", reader.context)
        if not _is_one_click(request.body):
            return page(request, "unsubscribe", reader.context | {"again": True}, status=400)
        return _leave(request, reader)


@csrf_exempt  # like leaving: the signed token in the form is the authority
@require_http_methods(["POST"])
@private
def undo(request: HttpRequest) -> HttpResponse:
    try:
        departure_id, expires = keyring().verify(Purpose.UNDO, request.POST.get("token", ""))
    except BadTokenError:
        return page(request, "unknown", {}, status=404)
    now = timezone.now()
    language = Subscriber.objects.filter(departures=departure_id).values_list("language", flat=True).first()
    with speaking(language or ""):
        back = now.timestamp() <= expires and leaving.undo(departure_id, now=now)
        return page(request, "returned" if back else "too_late", {}, status=200 if back else 410)


def _leave(request: HttpRequest, reader: Reader) -> HttpResponse:
    departure = leaving.leave_newsletter(
        reader.subscriber_id,
        reader.newsletter_id,
        send_id=reader.send_id,
        delivery_id=reader.delivery_id,
        source="one-click",
        at=timezone.now(),
    )
    context = reader.context
    if departure is not None:
        expires = departure.at + leaving.UNDO_FOR
        if expires > timezone.now() + timedelta(minutes=1):
            context["undo"] = keyring().sign(Purpose.UNDO, departure.pk, int(expires.timestamp()))
    return page(request, "left", context)


def _is_one_click(body: bytes) -> bool:
    """Whether the body says so, urlencoded or multipart, whatever its declared type."""
    lowered = body.lower()
    return ONE_CLICK in lowered or all(part in lowered for part in _MULTIPART)


def _reader(token: str) -> Reader:
    send_id, delivery_id, subscriber_id, newsletter_id = keyring().verify(Purpose.UNSUBSCRIBE, token)
    newsletter = Newsletter.objects.filter(pk=newsletter_id).values_list("name", flat=True).first()
    person = Subscriber.objects.filter(pk=subscriber_id).values_list("email", "language").first()
    email, language = person or ("", "")
    return Reader(send_id, delivery_id, subscriber_id, newsletter_id, newsletter or "", email, language)
