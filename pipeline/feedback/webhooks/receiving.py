"""A request to a webhook: is it the provider's, and what becomes of what it tells.

Whoever does not know the address is not read at all (`public.hooks`). What comes to it is bounded before it is read,
must be signed as the provider signs, and of a time near now. Then each event is a transaction of its own. The provider
tells everything again until it hears a yes, and an event that was taken in is passed over then: so a request may
break off anywhere.
"""

import json
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from django.db import DatabaseError, DataError

from pipeline import transitions
from pipeline.feedback.apply import note_arrival, take_in_event, take_in_unread
from pipeline.feedback.understand import Understood
from pipeline.feedback.webhooks import sns, views
from pipeline.feedback.webhooks.meaning import is_arrival, understand_event
from pipeline.feedback.webhooks.reading import Event, canonical
from pipeline.feedback.webhooks.refusal import RefusedError
from pipeline.models import Hook
from pipeline.providers import PROVIDERS, Check, Provider
from pipeline.queries import known_feedback
from pipeline.standardwebhooks import is_signed, secret_of

logger = logging.getLogger(__name__)
BYTES_AT_MOST: Final = 5_000_000
"""Of a request. The largest known batches are of a thousand events, of some two kilobytes each."""
PARTS_AT_MOST: Final = 5_000
PARTS_AT_ONCE: Final = 500
"""Read, looked up and taken in before the next are read."""
DEPTH_AT_MOST: Final = 32
SECONDS_FOR_A_REQUEST: Final = 8.0
"""Then it is told that there is more to do: providers wait for ten seconds and more, and repeat what is left."""

TOLD_WITHIN: Final = timedelta(days=7)
"""Between what happened and our hearing of it. Providers repeat for 8 hours (Mailgun, SparkPost) to some days."""
SIGNED_WITHIN: Final = timedelta(days=3)
"""Between a signature and our hearing of it, where a repetition bears the first one's or is not known to be signed anew
(Mailgun, SendGrid, SNS). What keeps a replay from being applied is not this but that each event is applied once."""
SIGNED_ANEW_WITHIN: Final = timedelta(minutes=5)
"""Where each try is signed anew: Standard Webhooks asks for it, Resend's senders do it."""
AHEAD: Final = timedelta(hours=1)
_SECONDS: Final = re.compile(r"[0-9]{10}")  # of Unix, from 2001 to 2286


class BusyError(Exception):
    """Not all was done in time: the provider may tell it again."""


@dataclass(frozen=True, slots=True)
class Request:
    """What has arrived, as `django.http` gives it."""

    meta: Mapping[str, Any]
    content_type: str
    body: bytes


def receive(hook: Hook, request: Request, *, address: str, now: datetime) -> None:
    """Take in what a provider tells. When it returns, everything is stored and committed.

    Raises RefusedError for what is not from the provider, BusyError when there is more to do, and what the database
    raises.
    """
    known = PROVIDERS[hook.provider]
    document = _document(known, request)
    signed_at = _checked(hook, known, request, document, address)
    if signed_at is not None and not -AHEAD < now - signed_at < _window(known):
        raise RefusedError(f"It was signed at {signed_at:%Y-%m-%d %H:%M} UTC, which is too long ago, or to come.")
    if known.check is Check.SNS and document.get("Type") != "Notification":
        if document.get("Type") == "SubscriptionConfirmation":
            sns.confirm(document)
        return
    _take_in(hook, _parts(known, document), request, now)


def _document(known: Provider, request: Request) -> Any:
    """The JSON of the body. Raises RefusedError for what is none, or too deep."""
    if request.content_type != known.content_type:
        raise RefusedError(f"It is of the type {request.content_type[:100]!r} and not {known.content_type}.")
    try:
        text = views.field_of(request.body, known.form_field) if known.form_field else request.body
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError("Its body is no JSON.") from error
    if not isinstance(document, dict | list) or _is_deep(document):
        raise RefusedError(f"Its JSON holds nothing, or is deeper than {DEPTH_AT_MOST}.")
    if known.check is Check.SNS and not isinstance(document, dict):
        raise RefusedError("It is no message of Amazon SNS.")
    return document


def _is_deep(document: object) -> bool:
    level: list[Any] = [document]
    for _ in range(DEPTH_AT_MOST):
        inner = ((each.values() if isinstance(each, dict) else each) for each in level)
        level = [each for several in inner for each in several if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _checked(hook: Hook, known: Provider, request: Request, document: Any, address: str) -> datetime | None:
    """When the request was signed, if that can be known. Raises RefusedError unless it is the provider's."""
    if known.check is Check.SNS:
        return sns.check(document, hook.topics)
    if known.check is Check.ADDRESS:
        return None
    secrets = hook.secrets
    if not secrets:
        raise RefusedError(f"No secret is set, so nothing is believed. {known.title} calls it: {known.key_title}.")
    for secret in secrets:
        if known.check is Check.STANDARD:
            ok, at = _standard(secret, request)
        else:
            ok, at = views.is_signed(hook.provider, secret, request.meta, request.body, address), None
        if ok:
            seconds = views.signed_at(hook.provider, request.meta, document)
            return at if seconds is None else _moment(seconds)
    raise RefusedError("Its signature is missing or wrong.")


def _standard(secret: str, request: Request) -> tuple[bool, datetime | None]:
    name, at, given = (str(request.meta.get(f"HTTP_SVIX_{key}", "")) for key in ("ID", "TIMESTAMP", "SIGNATURE"))
    if not _SECONDS.fullmatch(at):
        return False, None
    return is_signed(secret_of(secret), name, request.body, at=int(at), given=given), _moment(at)


def _moment(seconds: str) -> datetime:
    """Of Unix seconds. Raises RefusedError for what is none.

    Mailgun signs time and token with nothing between, so a right signature also fits a time that ends elsewhere.
    """
    if not _SECONDS.fullmatch(seconds):
        raise RefusedError("The time of its signature is missing or cannot be read.")
    return datetime.fromtimestamp(int(seconds), UTC)


def _window(known: Provider) -> timedelta:
    return SIGNED_ANEW_WITHIN if known.check is Check.STANDARD else SIGNED_WITHIN


def _parts(known: Provider, document: Any) -> Iterator[Any]:
    """One document per event, so that one that cannot be read keeps no other from being read.

    Raises RefusedError, before the first, when there are too many.
    """
    listed = document
    for step in known.batch or ():
        try:
            listed = listed[step]
        except (LookupError, TypeError):
            listed = None
    if known.batch is None or not isinstance(listed, list):
        yield document
        return
    if len(listed) > PARTS_AT_MOST:
        raise RefusedError(f"It tells {len(listed)} events at once; {PARTS_AT_MOST} are taken at most.")
    for each in listed:
        yield in_a_batch(known, each)


def in_a_batch(known: Provider, event: Any) -> Any:
    """A body with this event alone, as the provider sends several."""
    part: Any = [event]
    for step in reversed(known.batch or ()):
        part = [part] if isinstance(step, int) else {step: part}
    return part


def is_stale(event: Event, *, now: datetime) -> bool:
    """Whether it is told too late to be more than kept, or before its time."""
    return event.at is not None and not -AHEAD < now - event.at < TOLD_WITHIN


def _take_in(hook: Hook, parts: Iterator[Any], request: Request, now: datetime) -> None:
    """Each event by itself. What fails for a reason of ours is told again; the others are done."""
    ends, taken, defect = time.monotonic() + SECONDS_FOR_A_REQUEST, 0, False
    try:
        for each in _new_in(hook, parts, request):
            if time.monotonic() > ends and (taken or defect):  # one at least, so that each try gets on
                raise BusyError
            try:
                each.take(hook.name, now)
                taken += 1
            except DataError:
                logger.exception("an event of webhook %s is kept unread: the database does not take it", hook.name)
                take_in_unread(each.kept, once=each.once, hook=hook.name, now=now)
                taken += 1
            except DatabaseError:
                raise
            except Exception:
                logger.exception("an event of webhook %s could not be taken in", hook.name)
                defect = True
    finally:
        if taken:
            transitions.note_events(hook.pk, taken, at=now)
    if defect:
        raise BusyError


@dataclass(frozen=True, slots=True)
class _Told:
    """Something to take in: an event and what it means, else what cannot be read."""

    once: bytes
    event: Event | None = None
    understood: Understood | None = None
    raw: bytes = b""

    @property
    def kept(self) -> bytes:
        return self.event.body if self.event else self.raw

    def take(self, hook: str, now: datetime) -> None:
        if self.event is None or self.understood is None:
            take_in_unread(self.raw, once=self.once, hook=hook, now=now)
            return
        stale = is_stale(self.event, now=now)
        if not is_arrival(self.understood):
            take_in_event(self.event, self.understood, hook=hook, stale=stale, now=now)
        elif not stale:
            note_arrival(self.event, now=now)


def _told(hook: Hook, part: Any, request: Request) -> Iterator[_Told]:
    events = views.events(hook.provider, part, request.meta)
    if events is None:
        raw = canonical(part)
        yield _Told(sha256(b"unread\0" + raw).digest(), raw=raw)
    for event in events or ():
        understood = understand_event(event)
        if understood is not None:
            yield _Told(event.once, event, understood)


def _new_in(hook: Hook, parts: Iterator[Any], request: Request) -> Iterator[_Told]:
    """What is new among the parts. So many are read at once that reading leaves time to take some in at each try."""
    while some := list(islice(parts, PARTS_AT_ONCE)):
        yield from _new(each for part in some for each in _told(hook, part, request))


def _new(told: Iterable[_Told]) -> list[_Told]:
    """Each once, without what was taken in before: most of a repeated request costs one look at the books."""
    found = {each.once: each for each in told}
    known = known_feedback(list(found))
    return [each for once, each in found.items() if once not in known]
