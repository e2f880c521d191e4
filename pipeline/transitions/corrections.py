"""What was taken for something else when it came, put right: facts, rulings and suppressions follow what it says now.

What people decided stays. Nobody is mailed, no brake hears of it, and what evidence has settled stays settled.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pipeline.models import COMPLAINT, AuditEvent, Delivery, Feedback, Ruling, RulingState
from pipeline.queries.heard import Bounce, Heard
from pipeline.queries.rulings import cleared, fates, policies, showed_life_since
from pipeline.queries.sql import execute, rows
from pipeline.replies import Action, Meaning, Policy, Reason
from pipeline.replies.history import BOUNCE_WITHIN, tally
from pipeline.replies.policy import counted_as
from pipeline.transitions.rulings import FEEDBACK, REPLAY, STANDING, rule_on, rule_on_complaint
from subscribers import transitions as people
from subscribers.models import Suppression

_MACHINES: Final = frozenset({"", FEEDBACK, REPLAY})
_FACTS: Final = "bounced_at, bounce_reason, bounce_hard, delayed_at, complained_at, alive_at"
_WHY_BACK: Final = "Read again by today's rules, what came back does not say so."


class Effect(StrEnum):
    """What came of it for the address."""

    NONE = ""
    SUPPRESSED = "suppressed"
    FREED = "freed"
    WAITING = "waiting"
    """It is being looked into, or waits for a person."""
    DECIDED = "decided"
    """It stays as a person decided."""
    ALIVE = "alive"
    """It has shown life since the message came, so nothing is held against it."""


def correct_feedback(row: Feedback, *, now: Mapping[str, Any], at: datetime) -> None:
    """Write down what a message is taken for now; what it was taken for stays in the audit trail."""
    changed = {name: [getattr(row, name), value] for name, value in now.items() if getattr(row, name) != value}
    for name, value in now.items():
        setattr(row, name, value)
    row.hand_on_due_at = None  # nothing is mailed because of a replay, and what is no answer is handed on to nobody
    row.save(update_fields=[*now, "hand_on_due_at"])
    AuditEvent.objects.create(
        at=at,
        actor=REPLAY,
        action="feedback.reread",
        subject=f"feedback:{row.pk}",
        detail={"arrived": row.received_at.isoformat(), **changed},
    )


def correct_facts(send_id: int, delivery_id: int, *, was: Heard, now: Heard) -> None:
    """Let a delivery's facts follow what is said of it now. What only a message that is gone has said stays."""
    for facts in rows(f"SELECT {_FACTS} FROM pipeline_delivery WHERE send_id = %s AND id = %s", [send_id, delivery_id]):  # noqa: S608
        fact = Bounce(*facts[:3]) if facts[0] else None
        told = (
            *(_bounce(fact, was, now) or (None, None, None)),
            _moment(facts[3], was.delayed_at, now.delayed_at, min),
            _moment(facts[4], was.complained_at, now.complained_at, min),
            _moment(facts[5], was.alive_at, now.alive_at, max),
        )
        if told != facts:
            execute(
                f"UPDATE pipeline_delivery SET ({_FACTS}) = (%s, %s, %s, %s, %s, %s) WHERE send_id = %s AND id = %s",  # noqa: S608
                [*told, send_id, delivery_id],
            )


def _bounce(fact: Bounce | None, was: Heard, now: Heard) -> Bounce | None:
    before, told = was.bounce, now.bounce
    if fact is None or (before and fact.at == before.at and (fact.reason, fact.hard) in was.bounces):
        return told
    if told is None or told.strength <= fact.strength:
        return fact
    return told._replace(at=min(fact.at, told.at))


def _moment(
    fact: datetime | None, was: datetime | None, now: datetime | None, pick: Callable[[list[datetime]], datetime]
) -> datetime | None:
    known = [at for at in (fact, now) if at]
    return now if fact == was or not known else pick(known)


def review_rulings(delivery: Delivery, *, was: Heard, now: Heard, at: datetime) -> None:
    """Take back what was held against the address only because of what is not said any more.

    A count hangs on all deliveries to the address, so a ruling of another delivery may fall with it.
    """
    gone = _counted(was, delivery) - _counted(now, delivery)
    if was.complained_at and not now.complained_at:
        gone.add(COMPLAINT)
    if not gone:
        return
    known = policies()
    made = Ruling.objects.select_for_update(of=("self",)).select_related("suppression").order_by("pk")
    for ruling in made.filter(address_key=delivery.address_key, state__in=STANDING, reason__in=gone):
        counts = ruling.reason != COMPLAINT and known[Reason(ruling.reason)].action is Action.COUNT
        its_own = (ruling.send_id, ruling.delivery_id) == (delivery.send_id, delivery.id)
        if counts:
            falls = not _is_still_enough(ruling, known[Reason(ruling.reason)])
        else:
            falls = its_own and ruling.source != "smtp"
        if falls and not is_a_persons(ruling):
            _take_back(ruling, at=at)


def _counted(heard: Heard, delivery: Delivery) -> set[str]:
    """The reasons for which what came in time may be held against the address."""
    said = heard.reasons_until(delivery.updated_at + BOUNCE_WITHIN)
    return {counted_as(Reason(reason), hard=hard) for reason, hard in said if reason in set(Reason)}


def _is_still_enough(ruling: Ruling, policy: Policy) -> bool:
    """Whether the count comes to the same, as it was when the ruling was made."""
    at = ruling.made_at
    then = [
        replace(fate, lives=tuple(life for life in fate.lives if life <= at))
        for fate in fates(ruling.address_key, now=at)
        if fate.left_at <= at
    ]
    spoken = [moment for moment in cleared(ruling.address_key) if moment < at]
    return tally(Reason(ruling.reason), then, now=at, cleared=spoken).is_enough(policy)


def is_a_persons(ruling: Ruling) -> bool:
    """Whether a person has had the last word: settled it, or lifted its suppression. What is frozen waits for one."""
    if ruling.state == RulingState.FROZEN:
        return False
    if ruling.by not in _MACHINES or ruling.state == RulingState.UNDONE:
        return True
    return ruling.suppression_id is not None and _is_lifted_by_a_person(ruling)


def _is_lifted_by_a_person(ruling: Ruling) -> bool:
    return Suppression.objects.filter(lifts=ruling.suppression_id).exclude(by=REPLAY).exists()


def _take_back(ruling: Ruling, *, at: datetime) -> None:
    if ruling.suppression:
        people.lift(ruling.suppression, by=REPLAY, note=_WHY_BACK, source=f"ruling:{ruling.pk}")
    ruling.state, ruling.due_at, ruling.settled_at = RulingState.DISCARDED, None, at
    ruling.by, ruling.why = REPLAY, _WHY_BACK
    ruling.save()


def note_replay(actor: str, *, detail: Mapping[str, Any]) -> None:
    """A person has had what is stored read again, and it has changed something."""
    AuditEvent.objects.create(actor=actor, action="feedback.replayed", subject="feedback", detail=dict(detail))


def rule_late(delivery: Delivery, meaning: Meaning, *, words: str, source: str, at: datetime) -> Effect:
    """Hold against the address what a message of then says, as if it were heard now; dated then.

    Not where a person has decided about this delivery, nor where the address has shown life since.
    """
    if why_not := _why_not(delivery, at, complaint=False):
        return why_not
    if ruling := rule_on(delivery.send_id, delivery.id, meaning, words=words, source=source, at=at):
        # Old mail that is read otherwise today says nothing of a storm now.
        Ruling.objects.filter(pk=ruling.pk, noted_at__gt=ruling.made_at).update(noted_at=ruling.made_at)
    return Effect.NONE


def rule_on_complaint_late(delivery: Delivery, *, words: str, source: str, at: datetime) -> Effect:
    """Likewise. Life says nothing against a complaint."""
    if why_not := _why_not(delivery, at, complaint=True):
        return why_not
    rule_on_complaint(delivery.send_id, delivery.id, words=words, source=source, at=at)
    return Effect.NONE


def _why_not(delivery: Delivery, at: datetime, *, complaint: bool) -> Effect | None:
    made: Iterable[Ruling] = Ruling.objects.filter(send_id=delivery.send_id, delivery_id=delivery.id)
    if any(is_a_persons(ruling) for ruling in made if (ruling.reason == COMPLAINT) == complaint):
        return Effect.DECIDED
    if not complaint and showed_life_since(delivery.address_key, at):
        return Effect.ALIVE
    return None
