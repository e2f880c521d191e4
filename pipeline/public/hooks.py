"""Where providers tell what became of mail. To everybody else there is nothing here.

No session, no cookie, no token of a form: the address and the provider's signature carry the whole authority. Every
refusal is the same to whoever sends it; the admin sees why.
"""

import logging
from ipaddress import ip_address, ip_network
from typing import Final

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from pipeline import transitions
from pipeline.feedback.webhooks.receiving import BYTES_AT_MOST, BusyError, Request, receive
from pipeline.feedback.webhooks.refusal import RefusedError
from pipeline.guarded import UnreachableError
from pipeline.hooks import address_of, is_address_of
from pipeline.models import Hook
from pipeline.providers import PROVIDERS
from pipeline.public.page import private

logger = logging.getLogger(__name__)
_REFUSED: Final = b"Refused.\n"


@csrf_exempt
@private
def feedback(request: HttpRequest, name: str, token: str) -> HttpResponse:
    """200: stored and committed. 403: not from the provider. 503: tell it again."""
    try:
        hook = Hook.objects.select_related("transport").filter(name=name, enabled=True).first()
        return HttpResponse(status=200) if hook and _is_heard(request, hook, token) else _refused()
    except (BusyError, DatabaseError, UnreachableError) as error:
        logger.warning("webhook %s asks to be told again: %s", name, error or "there is more to do")
    except Exception:
        logger.exception("webhook %s asks to be told again", name)
    return HttpResponse(status=503, headers={"Retry-After": "60"})


def _is_heard(request: HttpRequest, hook: Hook, token: str) -> bool:
    """Listen, or note why not."""
    if not is_address_of(hook, token):
        why = "It came to an address that is not, or no longer, the one of this webhook."
        transitions.note_refusal(hook.pk, why, stranger=True)
        return False
    try:
        _listen(request, hook)
    except RefusedError as error:
        transitions.note_refusal(hook.pk, str(error))
        return False
    return True


def _listen(request: HttpRequest, hook: Hook) -> None:
    """Raises RefusedError, in the order in which least is done for strangers."""
    sender = _sender(request)
    if hook.networks and not _is_within(sender, hook.networks):
        raise RefusedError(f"It came from {sender or 'nowhere'}, which is in none of the networks allowed.")
    if request.method in PROVIDERS[hook.provider].handshake:
        return
    if request.method != "POST":
        raise RefusedError(f"It was a {str(request.method)[:20]} and no POST.")
    receive(hook, _read(request), address=address_of(hook), now=timezone.now())


def _read(request: HttpRequest) -> Request:
    """The body, whose size is known before it is read."""
    length = str(request.META.get("CONTENT_LENGTH", ""))
    if not (length.isascii() and length.isdecimal() and 0 < int(length) <= BYTES_AT_MOST):
        raise RefusedError(f"Its length is {length[:20] or 'not told'}; from 1 to {BYTES_AT_MOST} bytes are taken.")
    body = request.read(int(length))
    if len(body) != int(length):
        raise RefusedError("It broke off.")
    return Request(request.META, str(request.content_type), body)


def _sender(request: HttpRequest) -> str:
    """The address it came from; from behind a proxy of ours, the one that the proxy saw."""
    sender = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
    try:
        near = not sender or not ip_address(sender).is_global
    except ValueError:
        near = False
    return forwarded if forwarded and near else sender


def _is_within(sender: str, networks: list[str]) -> bool:
    try:
        address = ip_address(sender)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def _refused() -> HttpResponse:
    return HttpResponse(_REFUSED, status=403, content_type="text/plain")
