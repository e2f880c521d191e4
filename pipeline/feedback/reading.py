"""What a message that was taken in says by today's rules, and what it was taken for when it came.

Whose it is was decided by a signature, and stays so: a key that is missing today takes nobody's bounce back. A key
that is known only now, or an id that is found only now, does make it somebody's.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.feedback.apply import (
    OF_TESTS,
    UNSUBSCRIBE_PREFIX,
    WAY_BACK_PREFIX,
    attributed,
    ids_of,
    said_of,
    shows_life,
)
from pipeline.feedback.bounded import understand
from pipeline.feedback.understand import Recipient, Understood
from pipeline.feedback.webhooks.meaning import understand_event
from pipeline.feedback.webhooks.receiving import is_stale
from pipeline.feedback.webhooks.stored import read_stored
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback, FeedbackKind, FeedbackStatus, Hook
from pipeline.tokens import BadTokenError, Purpose, StandIn

_DONE: Final = frozenset({FeedbackStatus.APPLIED, FeedbackStatus.IGNORED})


class UnreadError(Exception):
    """A stored message cannot be read. It stays what it was taken for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message is. Two that differ in the words or the rule alone are the same."""

    kind: FeedbackKind
    name: tuple[int, int] | None = None
    """Of the delivery that it is about: send and number."""
    reason: str = ""
    hard: bool = False
    words: str = field(default="", compare=False)
    rule: str = field(default="", compare=False)
    about: Recipient | None = field(default=None, compare=False)
    """What it says of the reader, where it has just been read."""
    shows_life: bool = field(default=False, compare=False)
    """Somebody, or something of theirs, has the message."""

    @property
    def outline(self) -> "Reading":
        """Without whose it is, in which words, and by which rule; but whether it is anybody's."""
        return Reading(self.kind, (0, 0) if self.name else None, self.reason, self.hard)


def as_taken(row: Feedback) -> Reading:
    """What it was taken for: as it stands in its row."""
    is_whose = row.status in _DONE and row.send_id is not None and row.delivery_id is not None
    name = (row.send_id, row.delivery_id) if is_whose else None
    return Reading(FeedbackKind(row.kind), name, row.reason, row.hard, row.diagnostic, row.rule)  # type: ignore[arg-type]


def read_again(row: Feedback) -> Reading:
    """What it says by today's rules. Changes nothing. Raises UnreadError."""
    was = as_taken(row)
    if was.kind == FeedbackKind.UNSUBSCRIBE and was.name:  # whoever has left stays so
        return was
    try:
        raw = zlib.decompress(bytes(row.raw))  # fetched now, where it was left behind
    except zlib.error as error:
        raise UnreadError("what is stored of it is damaged") from error
    return _READERS.get(row.source, _read_mail)(row, was, raw)


def _read_mail(row: Feedback, was: Reading, raw: bytes) -> Reading:
    local = row.envelope_to.rpartition("@")[0].lower()
    if local in OF_TESTS or local.startswith(WAY_BACK_PREFIX):  # about nobody
        return was
    if local.startswith(UNSUBSCRIBE_PREFIX):
        return _read_wish(was, local.removeprefix(UNSUBSCRIBE_PREFIX))
    understood = understand(raw)
    return _read(was, understood, lambda: attributed(local, understood))


def _read_wish(was: Reading, token: str) -> Reading:
    """Mail to the signed unsubscribe address: the token says everything."""
    try:
        send_id, delivery_id, *_ = keyring().verify(Purpose.UNSUBSCRIBE, token)
    except BadTokenError:
        return was
    delivery = Delivery.objects.filter(send_id=send_id, id=delivery_id).first()
    return Reading(FeedbackKind.UNSUBSCRIBE, (send_id, delivery_id)) if delivery else was


def _read_event(row: Feedback, was: Reading, raw: bytes) -> Reading:
    """What a provider has told by webhook."""
    hook = Hook.objects.filter(name=row.envelope_from).first()
    event = read_stored(hook.provider, raw, recipient=row.envelope_to) if hook else None
    if event is None:
        raise UnreadError("its webhook is gone, or tells it in a form that is not known here")
    understood = understand_event(event)
    about_nobody = event.signed_id == StandIn.TEST or is_stale(event, now=row.received_at)
    if understood is None or about_nobody:
        return was
    return _read(was, understood, lambda: ids_of(event))


_READERS: Final[Mapping[str, Callable[[Feedback, Reading, bytes], Reading]]] = {"webhook": _read_event}
"""By the row's source; all others are mail."""


def _read(was: Reading, understood: Understood, attribute: Callable[[], tuple[int, ...]]) -> Reading:
    if understood.unread:
        raise UnreadError(understood.unread)
    delivery = _delivery(was, attribute)
    if delivery is None:  # nobody's, or not in the books any more
        return was if was.name else Reading(FeedbackKind(understood.kind))
    name, (kind, about) = (delivery.send_id, delivery.id), said_of(understood, delivery)
    if about is None:
        return Reading(FeedbackKind(kind), name, shows_life=shows_life(understood))
    said = about.meaning
    return Reading(FeedbackKind(kind), name, said.reason.value, said.hard, about.diagnostic, said.rule, about)


def _delivery(was: Reading, attribute: Callable[[], tuple[int, ...]]) -> Delivery | None:
    """Whose it is, if that delivery is in the books: by a signature that is good today, else as it was."""
    try:
        ids = attribute()
    except BadTokenError:
        ids = ()
    ids = ids or was.name or ()
    return Delivery.objects.filter(send_id=ids[0], id=ids[1]).first() if ids else None
