"""Takes a message in: keeps it as it came, finds out whose it is by a signature, and does what it says.

One transaction per message, and each message once: the same one again changes nothing. Who a message is about is
never taken from its words or its From, only from a token that we signed: the return path it was sent to, or the
`X-Pressrun-Id` of the returned copy. What is not signed by us is kept and not acted on.
"""

import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Final

from django.conf import settings
from django.db import transaction

from pipeline import sentences, transitions
from pipeline.feedback import dsn, mime
from pipeline.feedback.bounded import understand
from pipeline.feedback.understood import Kind, Recipient, Understood
from pipeline.feedback.webhooks.reading import Event
from pipeline.keys import keyring
from pipeline.leaving import has_come_back, leave_newsletter
from pipeline.limits.easing import Lesson, code_in_report, lesson
from pipeline.models import Delivery, Feedback, FeedbackKind, FeedbackStatus, RulingState, Send
from pipeline.replies.history import BOUNCE_WITHIN
from pipeline.tokens import BadTokenError, Purpose, StandIn

KEPT_FOR: Final = timedelta(days=180)
COMPLAINT_WITHIN: Final = timedelta(days=90)
WAY_BACK_WITHIN: Final = timedelta(days=5)

RETURN_PREFIX: Final = "b-"
UNSUBSCRIBE_PREFIX: Final = "u-"
WAY_BACK_PREFIX: Final = "p-"
_SLOW_DOWN: Final = 421
_LIFE: Final = frozenset({"read receipt", "status report: delivered", "challenge"})
"""What else than an answer shows that the mailbox lives, as `understand` names its rules."""
_RULED: Final = {
    RulingState.APPLIED: "The address gets nothing more, from any newsletter.",
    RulingState.WAITING: "Noted; it is being looked into before anything is done to the address.",
    RulingState.FROZEN: "Noted; a person decides, because so many came back from there at once.",
    RulingState.DISCARDED: "Noted; it was looked into, and the address stays.",
    RulingState.UNDONE: "Noted; the address stays, because a person took the suppression back.",
}
OF_TESTS: Final = (f"{RETURN_PREFIX}{StandIn.TEST}", f"{UNSUBSCRIBE_PREFIX}{StandIn.TEST}")
_SAME_HEADER_AT_MOST: Final = 20
ENVELOPE_HEADERS: Final = ("x-original-to", "delivered-to", "envelope-to", "to")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is written beside the raw message."""

    kind: FeedbackKind
    status: FeedbackStatus
    detail: str
    delivery: Delivery | None = None
    about: Recipient | None = None
    is_answer: bool = False


def take_in(raw: bytes, *, source: str, envelope_to: str, envelope_from: str, now: datetime) -> Feedback:
    """Store a raw message and apply it, in one transaction; the row says what was done.

    `source` is smtp, lmtp, pipe or mailbox. The same message to the same address is taken in once. Raises what the
    database raises; nothing has been changed then, and the message may be offered again.
    """
    digest = sha256(envelope_to.lower().encode("utf-8", "replace") + b"\0" + raw).digest()
    with transaction.atomic():
        row, is_new = _keep(digest, raw, source, envelope_to, envelope_from, now)
        if is_new:
            understood = understand(raw)
            _note(row, _apply(understood, envelope_to, envelope_from or understood.return_path, now))
    return row


def take_in_event(event: Event, understood: Understood, *, hook: str, stale: bool, now: datetime) -> Feedback:
    """Store what a provider has told and apply it as returned mail is, in one transaction; each event once.

    `stale`: told too late to be more than kept. Raises what the database raises; then nothing has been changed, and
    the provider tells it again.
    """
    with transaction.atomic():
        row, is_new = _keep(event.once, event.body, "webhook", event.recipient, hook, now)
        if is_new:
            why = "It is too old, or of a time to come: it may be something that was told before. Nothing was done."
            kind = FeedbackKind(understood.kind)
            outcome = _Outcome(kind, FeedbackStatus.QUARANTINED, why) if stale else _apply_event(event, understood, now)
            _note(row, outcome)
    return row


def note_arrival(event: Event, *, now: datetime) -> None:
    """The recipient's server has it. There may be one for every mail, so none is kept: what is in doubt settles."""
    with suppress(BadTokenError):
        if ids := ids_of(event):
            transitions.record_life(*ids, at=min(event.at or now, now), what="delivered (webhook)")


def take_in_unread(raw: bytes, *, once: bytes, hook: str, now: datetime) -> None:
    """Keep what a provider has told in a form that nobody here can read: for people, and for a later version."""
    with transaction.atomic():
        row, is_new = _keep(once, raw, "webhook", "", hook, now)
        if is_new:
            why = "The provider has told this in a form that is not known here."
            _note(row, _Outcome(FeedbackKind.OTHER, FeedbackStatus.UNATTRIBUTED, why))


def _keep(
    digest: bytes, raw: bytes, source: str, envelope_to: str, envelope_from: str, now: datetime
) -> tuple[Feedback, bool]:
    return Feedback.objects.get_or_create(
        sha256=digest,
        defaults={
            "received_at": now,
            "source": source,
            "raw": zlib.compress(raw),
            "envelope_to": _fit(envelope_to, 320),
            "envelope_from": _fit(envelope_from, 320),
            "kind": FeedbackKind.OTHER,
            "status": FeedbackStatus.UNATTRIBUTED,
            "expires_at": now + KEPT_FOR,
        },
    )


def envelope_recipient(raw: bytes) -> str:
    """Whom a message from a pipe or a mailbox was delivered to: an address of ours in its headers, else the first.

    Each server on the way may have added such a header: what stands above the others names the mailbox itself.
    """
    headers = mime.read(raw).headers
    named = [
        found["address"]
        for wanted in ENVELOPE_HEADERS
        for value in islice((value for name, value in headers if name == wanted), _SAME_HEADER_AT_MOST)
        for found in mime.ADDRESS.finditer(mime.decode_words(value[: mime.HEADER_AT_MOST]))
    ]
    return next((address for address in named if _is_ours(address)), named[0] if named else "")


def _is_ours(address: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return domain == settings.BOUNCE_DOMAIN and local.startswith((RETURN_PREFIX, UNSUBSCRIBE_PREFIX, WAY_BACK_PREFIX))


def _note(row: Feedback, outcome: _Outcome) -> None:
    row.kind, row.status, row.detail = outcome.kind, outcome.status, outcome.detail
    if outcome.delivery is not None:
        row.send_id, row.delivery_id = outcome.delivery.send_id, outcome.delivery.id
    if outcome.is_answer:
        row.hand_on_due_at = row.received_at
    if outcome.about is not None:
        meaning = outcome.about.meaning
        row.reason, row.hard, row.rule = meaning.reason.value, meaning.hard, _fit(meaning.rule, 200)
        row.diagnostic = _fit(outcome.about.diagnostic, 2000)
    row.save()


def _apply(understood: Understood, envelope_to: str, envelope_from: str, now: datetime) -> _Outcome:
    """Find out by which token the message came, and let that decide."""
    local = envelope_to.rpartition("@")[0].lower()
    if local in OF_TESTS:
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.IGNORED, "It answers a test send.")
    try:
        if local.startswith(UNSUBSCRIBE_PREFIX):
            return _unsubscribe(local.removeprefix(UNSUBSCRIBE_PREFIX), now)
        if local.startswith(WAY_BACK_PREFIX):
            return _way_back(local, envelope_from.lower(), understood, now)
        ids = attributed(local, understood)
    except BadTokenError:
        why = "The address or the returned copy bears a signature that is not ours. Nothing was done."
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.QUARANTINED, why)
    return _settled(understood, ids, now)


def _apply_event(event: Event, understood: Understood, now: datetime) -> _Outcome:
    """Likewise for what a provider tells, by the id that it gives back, else by a Message-ID that is ours."""
    if event.signed_id == StandIn.TEST:
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.IGNORED, "It answers a test send.")
    try:
        ids = ids_of(event)
    except BadTokenError:
        why = "The id that it bears was not signed by us. Nothing was done."
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.QUARANTINED, why)
    return _settled(understood, ids, now, source="webhook", said_at=event.at)


def _settled(
    understood: Understood,
    ids: tuple[int, ...],
    now: datetime,
    *,
    source: str = "mail",
    said_at: datetime | None = None,
) -> _Outcome:
    deliveries = Delivery.objects.all()
    if understood.kind is not Kind.UNSUBSCRIBE:  # leaving holds the person first, as it does where a reader clicks
        # Held until all of it is written, so that whoever reads what is stored again never sees half of it.
        deliveries = deliveries.select_for_update(no_key=True)
    delivery = deliveries.filter(send_id=ids[0], id=ids[1]).first() if ids else None
    if delivery is None:
        why = "The delivery is not in the books any more." if ids else "It bears no signature of ours."
        why = f"{_not_read(understood)} {why}" if understood.unread else why
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.UNATTRIBUTED, why)
    if understood.kind is Kind.UNSUBSCRIBE:
        return _left(delivery, said_at or now, now)
    return _done(understood, delivery, now, source)


def ids_of(event: Event) -> tuple[int, ...]:
    """(send, delivery). A Message-ID that is not ours is no forgery: most providers put one of theirs in its place."""
    if event.signed_id and event.signed_id != StandIn.TEST:
        return keyring().verify(Purpose.HEADER, event.signed_id)
    with suppress(BadTokenError):
        return keyring().verify(Purpose.MESSAGE_ID, event.message_id.partition("@")[0])
    return ()


def attributed(local: str, understood: Understood) -> tuple[int, ...]:
    """(send, delivery) by the return path, else by the id in the returned copy; empty when there is neither."""
    if local.startswith(RETURN_PREFIX):
        return keyring().verify(Purpose.RETURN_PATH, local.removeprefix(RETURN_PREFIX))
    if understood.returned_id:
        return keyring().verify(Purpose.HEADER, understood.returned_id)
    return ()


def _unsubscribe(token: str, now: datetime) -> _Outcome:
    """Mail to the signed unsubscribe address: the token says who leaves what. Its From and its words say nothing."""
    send_id, delivery_id, subscriber_id, newsletter_id = keyring().verify(Purpose.UNSUBSCRIBE, token)
    left = leave_newsletter(
        subscriber_id, newsletter_id, send_id=send_id, delivery_id=delivery_id, source="mail to unsubscribe", at=now
    )
    delivery = Delivery.objects.filter(send_id=send_id, id=delivery_id).first()
    if left is None:
        why = "The person or the newsletter is not there any more."
        return _Outcome(FeedbackKind.UNSUBSCRIBE, FeedbackStatus.IGNORED, why, delivery)
    return _Outcome(FeedbackKind.UNSUBSCRIBE, FeedbackStatus.APPLIED, "Left the newsletter.", delivery)


def _way_back(local: str, envelope_from: str, understood: Understood, now: datetime) -> _Outcome:
    """A mail to ourselves has arrived, or was returned: its envelope tells whether the relay keeps our return path."""
    transport_id, asked = keyring().verify(Purpose.WAY_BACK, local.removeprefix(WAY_BACK_PREFIX))
    came_back = not envelope_from and understood.kind in {Kind.BOUNCE, Kind.DELAY}
    late = now - datetime.fromtimestamp(asked, UTC) > WAY_BACK_WITHIN
    if late or not (envelope_from or came_back):
        why = "It answers our question to a relay too late, or does not say from where."
        return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.IGNORED, why)
    kept = came_back or envelope_from == f"{local}@{settings.BOUNCE_DOMAIN}"
    transitions.note_way_back(transport_id, kept=kept, arrived_with=envelope_from)
    why = "The relay keeps our return path." if kept else f"The relay puts {envelope_from} in place of our return path."
    return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.APPLIED, why)


def _done(understood: Understood, delivery: Delivery, now: datetime, source: str) -> _Outcome:
    if understood.unread:
        return _Outcome(FeedbackKind.OTHER, FeedbackStatus.UNATTRIBUTED, _not_read(understood), delivery)
    kind, about = said_of(understood, delivery)
    if about and kind is Kind.COMPLAINT:
        return _complaint(about, delivery, now, source)
    if about and kind is Kind.BOUNCE:
        return _bounce(about, delivery, now, source)
    if about:
        code = _teach(about, delivery)
        reason = "" if code == _SLOW_DOWN else about.meaning.reason  # no matter for the brakes, as at once
        transitions.record_delay(delivery.send_id, delivery.id, at=now, reason=reason, words=about.diagnostic)
        return _Outcome(FeedbackKind.DELAY, FeedbackStatus.APPLIED, "Only a warning: noted.", delivery, about)
    note = transitions.record_life if shows_life(understood) else transitions.record_evidence
    note(delivery.send_id, delivery.id, at=now, what=understood.kind.value)
    if understood.kind is Kind.REPLY:
        why = "An answer: it is handed on to whoever edits the newsletter."
        return _Outcome(FeedbackKind.REPLY, FeedbackStatus.APPLIED, why, delivery, is_answer=True)
    why = f"Nothing to do but to know that it arrived ({understood.rule})."
    return _Outcome(FeedbackKind(understood.kind), FeedbackStatus.IGNORED, why, delivery)


def _not_read(understood: Understood) -> str:
    return f"It could not be read: {understood.unread}. It is kept as it came, and nothing was done."


def shows_life(understood: Understood) -> bool:
    """Whether somebody has the message, or something that acts for them: not so by spam, or by a strange report."""
    return understood.kind in {Kind.AUTO_REPLY, Kind.REPLY} or understood.rule in _LIFE


def _left(delivery: Delivery, said_at: datetime, now: datetime) -> _Outcome:
    """The relay puts a way out of its own into mail, and somebody has taken it."""
    ids = {"send_id": delivery.send_id, "delivery_id": delivery.id}
    newsletter_id = Send.objects.values_list("newsletter_id", flat=True).get(pk=delivery.send_id)
    if has_come_back(delivery.subscriber_id, newsletter_id, since=said_at):
        why = "The person has come back since, and confirmed it: they stay."
        return _Outcome(FeedbackKind.UNSUBSCRIBE, FeedbackStatus.IGNORED, why, delivery)
    left = leave_newsletter(delivery.subscriber_id, newsletter_id, **ids, source="the relay's unsubscribe", at=now)
    if left is None:
        why = "The person or the newsletter is not there any more."
        return _Outcome(FeedbackKind.UNSUBSCRIBE, FeedbackStatus.IGNORED, why, delivery)
    return _Outcome(FeedbackKind.UNSUBSCRIBE, FeedbackStatus.APPLIED, "Left the newsletter.", delivery)


def _teach(about: Recipient, delivery: Delivery) -> int | None:
    """Slow a destination down that has had enough, as it would be had it said so at once. The code that it gave."""
    words = about.diagnostic
    code = code_in_report(words)
    if lesson(code=code, enhanced=about.status, command=".", words=words) is Lesson.TROUBLE:
        handed_over = delivery.updated_at
        transitions.learn_from_report(delivery.send_id, delivery.address_key, trouble=words, handed_over=handed_over)
    return code


def _bounce(about: Recipient, delivery: Delivery, now: datetime, source: str) -> _Outcome:
    meaning, name = about.meaning, (delivery.send_id, delivery.id)
    _teach(about, delivery)
    transitions.record_bounce(
        *name, reason=meaning.reason, hard=meaning.hard, at=now, source=source, words=about.diagnostic
    )
    ruling = transitions.rule_on(*name, meaning, words=about.diagnostic, source=source, at=now)
    why = _RULED[RulingState(ruling.state)] if ruling else "Noted; the address stays."
    if now - delivery.updated_at > BOUNCE_WITHIN:
        why = sentences.BOUNCED_LATE % {"days": BOUNCE_WITHIN.days}
    return _Outcome(FeedbackKind.BOUNCE, FeedbackStatus.APPLIED, why, delivery, about)


def _complaint(about: Recipient, delivery: Delivery, now: datetime, source: str) -> _Outcome:
    if now - delivery.updated_at > COMPLAINT_WITHIN:
        why = sentences.COMPLAINED_LATE % {"days": COMPLAINT_WITHIN.days}
        return _Outcome(FeedbackKind.COMPLAINT, FeedbackStatus.IGNORED, why, delivery, about)
    transitions.record_complaint(delivery.send_id, delivery.id, at=now, source=source)
    ruling = transitions.rule_on_complaint(delivery.send_id, delivery.id, words=about.diagnostic, source=source, at=now)
    undone = ruling.state == RulingState.UNDONE
    why = _RULED[RulingState.UNDONE] if undone else "A complaint: suppressed for all newsletters."
    return _Outcome(FeedbackKind.COMPLAINT, FeedbackStatus.APPLIED, why, delivery, about)


def said_of(understood: Understood, delivery: Delivery) -> tuple[Kind, Recipient | None]:
    """What the message is for our reader, and what it says of them, where it says something.

    A report that names only others (their mail is forwarded) is believed when all of these are dead; while one of them
    may live, so may the reader's mailbox.
    """
    if understood.kind is Kind.COMPLAINT:
        return Kind.COMPLAINT, understood.recipients[0]
    if understood.kind not in {Kind.BOUNCE, Kind.DELAY}:
        return understood.kind, None
    told = understood.recipients
    ours = [recipient for recipient in told if recipient.address.lower() == delivery.email.lower()]
    alive = [recipient for recipient in told if not recipient.meaning.hard]
    about = (ours or alive or list(told))[0]
    return (Kind.DELAY if about.action == dsn.Action.DELAYED else Kind.BOUNCE), about


def _fit(text: str, size: int) -> str:
    return mime.storable(text)[:size]
