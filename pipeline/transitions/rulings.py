"""What returned mail does to an address: the one way from feedback to a suppression, and back.

A ruling is made once per delivery and reason, whatever is heard how often and in which order. Each has a suppression
of its own, so that taking one back lifts no other.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from pipeline.limits.destinations import destination_of
from pipeline.models import COMPLAINT, Delivery, Ruling, RulingState
from pipeline.queries.rulings import policies
from pipeline.replies import Action, Meaning, action_for
from pipeline.replies.policy import counted_as, may_touch_an_address
from subscribers import transitions as people
from subscribers.models import SuppressionReason

BOUNCE_WITHIN: Final = timedelta(days=14)
"""A later bounce is noted but rules nothing: relays give up after days, and old return paths lie in archives."""
WORDS_AT_MOST: Final = 2000
_SOURCES: Final = {"mail": "bounce"}
_UNDER: Final = {COMPLAINT: SuppressionReason.COMPLAINT}
"""What a suppression is called by the reason it was made for; all others: the address is dead."""


def rule_on(
    send_id: int, delivery_id: int, meaning: Meaning, *, words: str = "", source: str, at: datetime
) -> Ruling | None:
    """Hold what a delivery came to against its address, as the policy of its reason says. None: nothing is held.

    The failure itself must be in the books already. `words` are the server's, `source` is smtp, mail or webhook.
    Saying the same again, or after a person took the ruling back, changes nothing.
    """
    if not may_touch_an_address(meaning):
        return None
    if action_for(meaning, policies()) is not Action.SUPPRESS:
        return None
    delivery = Delivery.objects.get(send_id=send_id, id=delivery_id)
    if at - delivery.updated_at > BOUNCE_WITHIN:
        return None
    reason = counted_as(meaning.reason, hard=meaning.hard)
    why = "The server says that nobody is there."
    with transaction.atomic():
        ruling, is_new = _ruling(delivery, reason, words=words, rule=meaning.rule, source=source, at=at)
        if is_new:
            _apply(ruling, by="feedback", why=why, at=at)
    return ruling


def rule_on_complaint(send_id: int, delivery_id: int, *, words: str = "", source: str, at: datetime) -> Ruling:
    """Somebody said that they do not want this mail: they get nothing more, at once. Never frozen, never counted."""
    delivery = Delivery.objects.get(send_id=send_id, id=delivery_id)
    with transaction.atomic():
        ruling, is_new = _ruling(delivery, COMPLAINT, words=words, rule="", source=source, at=at)
        if is_new:
            _apply(ruling, by="feedback", why="The reader complained.", at=at)
    return ruling


def _ruling(
    delivery: Delivery, reason: str, *, words: str, rule: str, source: str, at: datetime
) -> tuple[Ruling, bool]:
    """The ruling of a delivery for a reason, and whether it is new. What a person took back for any reason stays so."""
    undone = Ruling.objects.filter(send_id=delivery.send_id, delivery_id=delivery.id, state=RulingState.UNDONE)
    undone = undone.filter(reason=COMPLAINT) if reason == COMPLAINT else undone.exclude(reason=COMPLAINT)
    if earlier := undone.first():
        return earlier, False
    return Ruling.objects.get_or_create(
        send_id=delivery.send_id,
        delivery_id=delivery.id,
        reason=reason,
        defaults={
            "address_key": delivery.address_key,
            "domain": delivery.address_key.rpartition("@")[2],
            "destination": destination_of(delivery.address_key),
            "source": source,
            "words": words.replace("\0", "\ufffd")[:WORDS_AT_MOST],
            "rule": rule[:200],
            "state": RulingState.WAITING,
            "made_at": at,
        },
    )


def _apply(ruling: Ruling, *, by: str, why: str, at: datetime) -> None:
    """Suppress the address for every newsletter."""
    source = _SOURCES.get(ruling.source, ruling.source) if ruling.reason != COMPLAINT else COMPLAINT
    ruling.suppression = people.suppress(
        ruling.address_key,
        reason=_UNDER.get(ruling.reason, SuppressionReason.DEAD_ADDRESS),
        scope="all",
        source=f"{source} delivery:{ruling.send_id}-{ruling.delivery_id}",
        by="feedback",
        anew=True,
    )
    _settle(ruling, RulingState.APPLIED, by=by, why=why, at=at)


def _settle(ruling: Ruling, state: RulingState, *, by: str, why: str, at: datetime) -> None:
    ruling.state, ruling.due_at, ruling.settled_at, ruling.by, ruling.why = state, None, at, by, why
    ruling.save()
