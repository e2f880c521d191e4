"""What returned mail does to an address: the one way from feedback to a suppression, and back.

A ruling is made once per delivery and reason, whatever is heard how often and in which order. Each has a suppression
of its own, so that taking one back lifts no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from pipeline import sentences
from pipeline.limits.destinations import destination_of
from pipeline.models import COMPLAINT, AuditEvent, Delivery, Ruling, RulingState, StormState
from pipeline.queries.rulings import cleared, failed_alone, fates, policies
from pipeline.queries.storms import DEAD, storm_at
from pipeline.replies import Action, Meaning, Policy, Reason, action_for
from pipeline.replies.history import BOUNCE_WITHIN, tally
from pipeline.replies.policy import counted_as, may_touch_an_address
from pipeline.transitions.storms import BRAKE
from subscribers import transitions as people
from subscribers.models import Suppression, SuppressionReason

NOT_IN_A_CROWD: Final = frozenset({Reason.RECIPIENT_FILTER, Reason.TEMPORARY})
"""Counted only where no other of the domain failed so in the same send: else it was the domain, or the issue."""
CROWD_AFTER: Final = timedelta(days=1)
"""By then the others' reports have come."""
BUSY_FOR: Final = timedelta(minutes=10)
"""Longer than any look takes. Whoever dies in the middle of one leaves it to be looked into again after that."""
WORDS_AT_MOST: Final = 2000
FEEDBACK: Final = "feedback"
REPLAY: Final = "replay"
"""Who takes back what is read otherwise now (`corrections`)."""
STANDING: Final = (RulingState.WAITING, RulingState.FROZEN, RulingState.APPLIED)


@dataclass(frozen=True, slots=True)
class _Report:
    """What was heard of a delivery."""

    delivery: Delivery
    reason: str
    words: str
    rule: str
    source: str
    at: datetime


def rule_on(
    send_id: int, delivery_id: int, meaning: Meaning, *, words: str = "", source: str, at: datetime
) -> Ruling | None:
    """Hold what a delivery came to against its address, as the policy of its reason says. None: nothing is held.

    The failure itself must be in the books already. `words` are the server's, `source` is smtp, mail or webhook.
    Saying the same again, or after a person took the ruling back, changes nothing.
    """
    if not may_touch_an_address(meaning):
        return None
    delivery = Delivery.objects.get(send_id=send_id, id=delivery_id)
    if at - delivery.updated_at > BOUNCE_WITHIN:
        return None
    reason, known = counted_as(meaning.reason, hard=meaning.hard), policies()
    report = _Report(delivery, reason, words, meaning.rule, source, at)
    with transaction.atomic():
        match action_for(meaning, known):
            case Action.SUPPRESS:
                return _at_once(report, why="The server says that nobody reads mail there.")
            case Action.RECHECK:
                return _look_into(report, due_at=at, why="DNS is asked whether the domain is really gone.")
            case Action.COUNT:
                return _count(report, known[reason])
            case Action.IGNORE:
                return None


def rule_on_complaint(send_id: int, delivery_id: int, *, words: str = "", source: str, at: datetime) -> Ruling:
    """Somebody said that they do not want this mail: they get nothing more, at once. Never frozen, never counted."""
    delivery = Delivery.objects.get(send_id=send_id, id=delivery_id)
    with transaction.atomic():
        return _at_once(_Report(delivery, COMPLAINT, words, "", source, at), why="The reader complained.")


def uphold(ruling_id: int, *, by: str, why: str, at: datetime) -> bool:
    """Suppress the address after all; False if the ruling waits no more."""
    with transaction.atomic():
        ruling = _open_ruling(ruling_id)
        if ruling:
            _apply(ruling, by=by, why=why, at=at)
    return ruling is not None


def discard(ruling_id: int, *, by: str, why: str, at: datetime) -> bool:
    """Let the address stay, and count anew from here; False if the ruling waits no more."""
    with transaction.atomic():
        ruling = _open_ruling(ruling_id)
        if ruling:
            _settle(ruling, RulingState.DISCARDED, by=by, why=why, at=at)
    return ruling is not None


def undo_batch(send_id: int, by: str, why: str, *, destination: str = "", complaints: bool = False) -> int:
    """Take back what feedback made of a send (or of one destination in it), at once; how many rulings.

    Their suppressions are lifted, and what is still being looked into is dropped. A complaint is the reader's own word
    and stays, unless `complaints` are meant as well. What a person froze or discarded is not touched.

    Raises:
        people.TransitionRefusedError: nobody or no reason is named.

    """
    mine = Ruling.objects.filter(send_id=send_id, state__in=(RulingState.APPLIED, RulingState.WAITING))
    mine = mine.filter(destination=destination) if destination else mine
    mine = mine if complaints else mine.exclude(reason=COMPLAINT)
    with transaction.atomic():
        held = dict(mine.select_for_update().order_by("pk").values_list("pk", "suppression_id"))
        people.lift_all([pk for pk in held.values() if pk], by=by, note=why, source=f"undo send:{send_id}")
        _undo(list(held), by=by, why=why)
        detail = {"why": why, "destination": destination, "complaints": complaints, "rulings": len(held)}
        AuditEvent.objects.create(actor=by, action="feedback.undone", subject=f"send:{send_id}", detail=detail)
    return len(held)


def lift(suppression: Suppression, by: str, why: str) -> None:
    """Lift one suppression, whatever made it; a ruling that did is taken back with it.

    Raises:
        people.TransitionRefusedError: nobody or no reason is named, or the row is a lift itself.

    """
    with transaction.atomic():
        # Held first, as by all who take back: whoever takes back the whole send at this moment would wait for us.
        made = Ruling.objects.select_for_update().filter(suppression=suppression)
        made_by = list(made.values_list("pk", flat=True))
        people.lift(suppression, by=by, note=why)
        _undo(made_by, by=by, why=why)


def take_due_ruling(now: datetime) -> Ruling | None:
    """The ruling that has waited longest beyond its time, put off so that nobody else looks into it meanwhile."""
    with transaction.atomic():
        due = Ruling.objects.select_for_update(skip_locked=True).filter(state=RulingState.WAITING, due_at__lte=now)
        if ruling := due.order_by("due_at", "pk").first():
            ruling.due_at = now + BUSY_FOR
            ruling.save(update_fields=["due_at"])
    return ruling


def look_again(ruling: Ruling, *, due_at: datetime, missing: bool) -> None:
    """Put the next look off; `missing`: DNS has just said once more that the domain is gone."""
    waiting = Ruling.objects.filter(pk=ruling.pk, state=RulingState.WAITING, looks=ruling.looks)
    waiting.update(due_at=due_at, looks=ruling.looks + int(missing))


def settle_counted(ruling: Ruling, policy: Policy, *, at: datetime) -> None:
    """Count once more, now that the others' reports have come: without the sends in which others failed as well."""
    reason, found = Reason(ruling.reason), fates(ruling.address_key, now=at)
    spoken = cleared(ruling.address_key)
    counted = tally(reason, found, now=at, cleared=spoken)
    if not counted.is_enough(policy):
        why = "There has been a sign of life meanwhile, or the policy has changed."
        discard(ruling.pk, by=FEEDBACK, why=why, at=at)
        return
    alone = failed_alone([fate.send_id for fate in counted.fates], ruling.domain, reason)
    if tally(reason, found, now=at, cleared=spoken, counts=lambda fate: fate.send_id in alone).is_enough(policy):
        uphold(ruling.pk, by=FEEDBACK, why=counted.words, at=at)
    else:
        why = sentences.OTHERS_TOO % {"domain": ruling.domain}
        discard(ruling.pk, by=FEEDBACK, why=why, at=at)


def _at_once(report: _Report, *, why: str) -> Ruling:
    ruling, is_new = _ruling(report)
    if is_new and not _follows_a_storm(ruling, report):
        _apply(ruling, by=FEEDBACK, why=why, at=report.at)
    return ruling


def _look_into(report: _Report, *, due_at: datetime, why: str) -> Ruling:
    ruling, is_new = _ruling(report)
    if is_new and not _follows_a_storm(ruling, report):
        ruling.due_at, ruling.why = due_at, why
        ruling.save(update_fields=["due_at", "why"])
    return ruling


def _count(report: _Report, policy: Policy) -> Ruling | None:
    """Once enough issues have failed there is one ruling, whichever of their reports is heard again."""
    address = report.delivery.address_key
    if earlier := Ruling.objects.filter(address_key=address, reason=report.reason, state__in=STANDING).first():
        return earlier
    counted = tally(Reason(report.reason), fates(address, now=report.at), now=report.at, cleared=cleared(address))
    if not counted.is_enough(policy):
        return None
    if report.reason in NOT_IN_A_CROWD:
        return _look_into(report, due_at=report.at + CROWD_AFTER, why=counted.words)
    return _at_once(report, why=counted.words)


def _ruling(report: _Report) -> tuple[Ruling, bool]:
    """The ruling of a delivery for a reason, and whether it is new, or as good as new: replaying had taken it back.

    What a person took back for any reason stays so.
    """
    delivery, reason = report.delivery, report.reason
    undone = Ruling.objects.filter(send_id=delivery.send_id, delivery_id=delivery.id, state=RulingState.UNDONE)
    undone = undone.filter(reason=COMPLAINT) if reason == COMPLAINT else undone.exclude(reason=COMPLAINT)
    if earlier := undone.first():
        return earlier, False
    ruling, is_new = Ruling.objects.get_or_create(
        send_id=delivery.send_id,
        delivery_id=delivery.id,
        reason=reason,
        defaults={
            "address_key": delivery.address_key,
            "domain": delivery.address_key.rpartition("@")[2],
            "destination": destination_of(delivery.address_key),
            "source": report.source,
            "words": report.words.replace("\0", "\ufffd")[:WORDS_AT_MOST],
            "rule": report.rule[:200],
            "state": RulingState.WAITING,
            "made_at": report.at,
        },
    )
    if not is_new and ruling.state == RulingState.DISCARDED and ruling.by == REPLAY:
        is_new, ruling.looks, ruling.suppression = True, 0, None
        _settle(ruling, RulingState.WAITING, by="", why="", at=None)
    return ruling, is_new


def _open_ruling(ruling_id: int) -> Ruling | None:
    """The ruling, held until the transaction ends, if it still waits. What is frozen meanwhile a person decides."""
    return Ruling.objects.select_for_update().filter(pk=ruling_id, state=RulingState.WAITING).first()


def _follows_a_storm(ruling: Ruling, report: _Report) -> bool:
    """Whether a storm at the destination, or what a person has decided about it, has settled this one."""
    storm = storm_at(ruling.send_id, ruling.destination) if report.reason in DEAD else None
    if storm and storm.since and report.delivery.updated_at <= storm.since:
        why = storm.why or "It was a fault there."
        _settle(ruling, RulingState.DISCARDED, by=BRAKE, why=why, at=report.at)
        return True
    if storm and storm.state == StormState.FROZEN:
        _settle(ruling, RulingState.FROZEN, by=BRAKE, why="A person decides about all from there.", at=None)
        return True
    return False


def _apply(ruling: Ruling, *, by: str, why: str, at: datetime) -> None:
    """Suppress the address for every newsletter."""
    complained = ruling.reason == COMPLAINT
    source = COMPLAINT if complained else "bounce" if ruling.source == "mail" else ruling.source
    ruling.suppression = people.suppress(
        ruling.address_key,
        reason=SuppressionReason.COMPLAINT if complained else SuppressionReason.DEAD_ADDRESS,
        scope="all",
        source=f"{source} delivery:{ruling.send_id}-{ruling.delivery_id}",
        by=FEEDBACK,
        anew=True,
    )
    _settle(ruling, RulingState.APPLIED, by=by, why=why, at=at)


def _undo(ruling_ids: Sequence[int], *, by: str, why: str) -> None:
    undone = Ruling.objects.filter(pk__in=ruling_ids, state__in=(RulingState.APPLIED, RulingState.WAITING))
    undone.update(state=RulingState.UNDONE, due_at=None, settled_at=Now(), by=by, why=why)


def _settle(ruling: Ruling, state: RulingState, *, by: str, why: str, at: datetime | None) -> None:
    ruling.state, ruling.due_at, ruling.settled_at, ruling.by, ruling.why = state, None, at, by, why
    ruling.save()
