"""Puts right what was taken for something else when it came: all of one delivery in one transaction.

A dry run does the same and takes it back, so it tells what would be done and not what somebody thinks would be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from pipeline import transitions
from pipeline.feedback import mime
from pipeline.feedback.apply import COMPLAINT_WITHIN
from pipeline.feedback.reading import Reading, as_taken
from pipeline.leaving import leave_newsletter
from pipeline.models import Delivery, Feedback, FeedbackKind, FeedbackStatus, Ruling, RulingState, Send
from pipeline.queries.heard import heard
from pipeline.transitions.corrections import Effect
from subscribers.models import ConsentRecord
from subscribers.queries import is_suppressed

_NOTED = frozenset({FeedbackKind.BOUNCE, FeedbackKind.DELAY, FeedbackKind.COMPLAINT, FeedbackKind.UNSUBSCRIBE})


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that is taken otherwise now."""

    id: int
    arrived: datetime
    kept_until: datetime | None
    was: Reading
    now: Reading
    effect: Effect = Effect.NONE
    """What comes of it for the address, together with the delivery's others."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """How an address stands."""

    suppressed: bool
    waiting: bool

    @classmethod
    def of(cls, delivery: Delivery) -> "_Standing":
        waiting = Ruling.objects.filter(
            address_key=delivery.address_key, state__in=[RulingState.WAITING, RulingState.FROZEN]
        )
        return cls(is_suppressed(delivery.address_key), waiting.exists())

    def effect(self, after: "_Standing", otherwise: Effect) -> Effect:
        if after.suppressed != self.suppressed:
            return Effect.SUPPRESSED if after.suppressed else Effect.FREED
        return Effect.WAITING if after.waiting and not self.waiting else otherwise


def correct(found: Sequence[Difference], *, dry_run: bool, at: datetime) -> list[Difference]:
    """Put them right, and tell those that were not right already, with what came of it."""
    with transaction.atomic():
        chosen = Feedback.objects.select_for_update().defer("raw").filter(pk__in=[each.id for each in found])
        stored = {row.pk: row for row in chosen.order_by("pk")}
        names = sorted({name for each in found for name in (each.was.name, each.now.name) if name})
        held = [_held(name) for name in names]
        deliveries = {(each.send_id, each.id): each for each in held if each}
        open_ = [each for each in found if _is_open(each, stored.get(each.id), deliveries)]
        told = _correct([(stored[each.id], each) for each in open_], deliveries, at) if open_ else []
        if dry_run:
            transaction.set_rollback(True)
    return told


def _held(name: tuple[int, int]) -> Delivery | None:
    return Delivery.objects.select_for_update(no_key=True).filter(send_id=name[0], id=name[1]).first()


def _is_open(found: Difference, row: Feedback | None, deliveries: dict[tuple[int, int], Delivery]) -> bool:
    """Whether it is still there and nobody was first to put it right."""
    its_delivery_is_there = found.now.name is None or found.now.name in deliveries
    return row is not None and as_taken(row) == found.was and its_delivery_is_there


def _correct(
    found: Sequence[tuple[Feedback, Difference]], deliveries: dict[tuple[int, int], Delivery], at: datetime
) -> list[Difference]:
    before = {name: (heard(*name), _Standing.of(delivery)) for name, delivery in deliveries.items()}
    for row, each in found:
        delivery = deliveries.get(each.now.name or (0, 0))
        transitions.correct_feedback(row, now=_fields(row, each.now, delivery, at), at=at)
    for name, delivery in deliveries.items():
        was, now = before[name][0], heard(*name)
        transitions.correct_facts(*name, was=was, now=now)
        transitions.review_rulings(delivery, was=was, now=now, at=at)
    effects = [_apply(row, each, deliveries[each.now.name]) if each.now.name else Effect.NONE for row, each in found]
    after = {name: _Standing.of(delivery) for name, delivery in deliveries.items()}
    return [
        replace(each, effect=before[name][1].effect(after[name], why) if name else why)
        for (_, each), why in zip(found, effects, strict=True)
        for name in [each.now.name or each.was.name]
    ]


def _fields(row: Feedback, now: Reading, delivery: Delivery | None, at: datetime) -> dict[str, Any]:
    """The row's columns as they are to be."""
    status = FeedbackStatus(row.status)
    if delivery is not None:
        late = now.kind == FeedbackKind.COMPLAINT and row.received_at - delivery.updated_at > COMPLAINT_WITHIN
        status = FeedbackStatus.APPLIED if now.kind in _NOTED and not late else FeedbackStatus.IGNORED
    return {
        "kind": now.kind,
        "status": status,
        "reason": now.reason,
        "hard": now.hard,
        "diagnostic": mime.storable(now.words)[:2000],
        "rule": mime.storable(now.rule)[:200],
        "send_id": delivery.send_id if delivery else row.send_id,
        "delivery_id": delivery.id if delivery else row.delivery_id,
        "detail": f"Read again on {at:%Y-%m-%d}. When it came it was taken for: {row.kind} {row.reason}".rstrip() + ".",
    }


def _apply(row: Feedback, found: Difference, delivery: Delivery) -> Effect:
    """Do what would have been done when it came. Facts are right by now."""
    now, name = found.now, (delivery.send_id, delivery.id)
    source = "webhook" if row.source == "webhook" else "mail"
    if found.was.name != now.name:
        note = transitions.record_life if now.shows_life else transitions.record_evidence
        note(*name, at=row.received_at, what=f"{now.kind}, read again")
    if now.kind == FeedbackKind.UNSUBSCRIBE:
        return _leave(row, delivery)
    told: dict[str, Any] = {"words": now.words, "source": source, "at": row.received_at}
    if now.kind == FeedbackKind.BOUNCE and now.about:
        return transitions.rule_late(delivery, now.about.meaning, **told)
    if now.kind == FeedbackKind.COMPLAINT and row.status == FeedbackStatus.APPLIED:
        return transitions.rule_on_complaint_late(delivery, **told)
    return Effect.NONE


def _leave(row: Feedback, delivery: Delivery) -> Effect:
    """Somebody wanted to leave, and it was not known who. Not if they have said something else since."""
    if ConsentRecord.objects.filter(subscriber_id=delivery.subscriber_id, at__gt=row.received_at).exists():
        return Effect.DECIDED
    newsletter_id = Send.objects.values_list("newsletter_id", flat=True).get(pk=delivery.send_id)
    ids = {"send_id": delivery.send_id, "delivery_id": delivery.id}
    leave_newsletter(delivery.subscriber_id, newsletter_id, **ids, source="mail to unsubscribe", at=row.received_at)
    return Effect.NONE
