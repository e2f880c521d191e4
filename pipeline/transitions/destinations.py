"""What a relay has learned about its destinations: slowed down alone, and back to full speed step by step."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from pipeline.limits.destinations import GROUPS, destination_of
from pipeline.limits.easing import LAST, QUIET, SPEEDS, scale_of, slowed, too_many_put_off
from pipeline.models import AuditEvent, Destination
from pipeline.queries.routes import WAYS
from pipeline.queries.sql import execute, rows
from pipeline.queries.storms import frozen_at

LEARNED_AT_MOST: Final = 200
_FROZEN: Final = timedelta(minutes=1)
"""A row of a destination that waits for a person is put back for so long, and asks again whether it must."""
_SLOWED: Final = "destination.slowed"
_WELL: Final = "destination.well"


@dataclass(frozen=True, slots=True)
class Slowed:
    """A destination that must not be given everything at once."""

    name: str
    rate: float | None
    """Messages per second; None: no limit but the pause."""
    blocked_for: timedelta
    """Nothing goes there for so long yet; 0 or less: it may."""


def slowed_destinations(transport_id: int, send_id: int) -> list[Slowed]:
    """Those of a relay that are stopped, slowed down or limited by a person; and of this send, what a storm holds."""
    found = rows(
        "SELECT name, rate, step, coalesce(blocked_until, now()) - now() FROM pipeline_destination"
        " WHERE transport_id = %s AND (step > 0 OR rate IS NOT NULL OR blocked_until > now())",
        [transport_id],
    )
    slowed = [Slowed(name, _slower(rate, SPEEDS[min(step, len(SPEEDS) - 1)]), left) for name, rate, step, left in found]
    frozen = frozen_at(send_id)
    return [each for each in slowed if each.name not in frozen] + [Slowed(name, None, _FROZEN) for name in frozen]


def known_domains() -> dict[str, str]:
    """Domain → destination, of those that have one of their own in the books: the groups', slow ones, the last learned.

    All others are in the books as one, so that a claim that must ask each destination has few to ask.
    """
    learned = [
        name
        for (name,) in rows(
            "SELECT name FROM (SELECT name, bool_or(step > 0 OR rate IS NOT NULL) AS kept,"
            "                    row_number() OVER (ORDER BY max(changed_at) DESC) AS place"
            "                  FROM pipeline_destination WHERE name LIKE '%%.%%' GROUP BY name) AS found"
            " WHERE kept OR place <= %s",
            [LEARNED_AT_MOST],
        )
    ]
    return {name: name for name in learned} | GROUPS


def learn(transport_id: int, name: str, *, outcomes: str = "", trouble: str = "", scale: float = 1.0) -> bool:
    """Note outcomes (`+`, `-`) of a destination, and the reply that was trouble. True if it is slowed down by that.

    While it is stopped already, what comes in late from the same moment is no new trouble.
    """
    with transaction.atomic():
        Destination.objects.get_or_create(transport_id=transport_id, name=name)
        row = Destination.objects.select_for_update().get(transport_id=transport_id, name=name)
        [(now,)] = rows("SELECT clock_timestamp()")
        row.recent = (row.recent + outcomes)[-LAST:]
        why = trouble or ("More than a fifth of its last 200 were put off." if too_many_put_off(row.recent) else "")
        slower = bool(why) and (row.blocked_until is None or row.blocked_until <= now)
        if slower:
            _slow_down(row, why, now, scale)
        row.save(update_fields=["recent", "step", "blocked_until", "reason", "changed_at"])
    return slower


def learn_from_report(send_id: int, address: str, *, trouble: str, handed_over: datetime) -> None:
    """A report says that the destination of an address has had enough.

    Only for relays that do not answer with the words of the recipient's side: they take everything, and nothing but
    what comes back tells how it goes. What was handed over before its destination was slowed down says nothing new.
    """
    for transport_id, first_wait in rows(
        "SELECT w.transport_id, s.retry[1] FROM pipeline_send s"  # noqa: S608 (ours)
        f" CROSS JOIN LATERAL {WAYS.format(send='s')} AS w JOIN pipeline_transport t ON t.id = w.transport_id"
        " WHERE s.id = %s AND t.sees_recipient_replies IS NOT TRUE",
        [send_id],
    ):
        name, scale = destination_of(address), scale_of(timedelta(seconds=first_wait))
        if not Destination.objects.filter(transport_id=transport_id, name=name, changed_at__gt=handed_over).exists():
            learn(transport_id, name, trouble=trouble, scale=scale)


def ease(transport_id: int, *, scale: float = 1.0) -> None:
    """Give the next speed to those that were quiet for a while and took something; the last step is on record."""
    with transaction.atomic():
        eased = rows(
            "UPDATE pipeline_destination SET step = step - 1, changed_at = clock_timestamp(),"
            " reason = CASE step WHEN 1 THEN '' ELSE reason END"
            " WHERE transport_id = %(transport)s AND step > 0 AND right(recent, 1) = '+'"
            " AND greatest(changed_at, blocked_until) <= clock_timestamp() - %(quiet)s RETURNING name, step",
            {"transport": transport_id, "quiet": QUIET * scale},
        )
        for name, step in eased:
            if step == 0:
                _note(transport_id, _WELL, name=name)


def limit_destination(transport_id: int, name: str, *, rate: float | None, actor: str) -> None:
    """A person's own limit for a destination; None takes it away."""
    with transaction.atomic():
        Destination.objects.update_or_create(transport_id=transport_id, name=name, defaults={"rate": rate})
        _note(transport_id, "destination.limited", actor=actor, name=name, rate=rate)


def park(send_id: int, *, lease_id: int, ids: list[int], destination: str, wait: timedelta) -> int:
    """Give claimed rows back until later, because their destination must wait. Surely nobody has been written to.

    The destination is written down: one that was slowed down or limited only after the audience was frozen is among
    the many small there, and without its name its rows would be claimed and put back again and again.
    """
    return execute(
        "UPDATE pipeline_delivery SET state = 'pending', lease_id = NULL, due_at = now() + %s, updated_at = now(),"
        " reason = CASE WHEN retried THEN 'retry' ELSE 'not-sent' END, fence = fence + 1, destination = %s"
        " WHERE send_id = %s AND id = ANY(%s) AND lease_id = %s AND state = 'claimed'",
        [wait, destination, send_id, ids, lease_id],
    )


def _slow_down(row: Destination, why: str, now: datetime, scale: float) -> None:
    after, before = slowed(row.step, scale=scale), row.step
    row.step, row.blocked_until, row.reason, row.changed_at = after.step, now + after.pause, why, now
    row.recent = ""
    if before == 0:
        _note(row.transport_id, _SLOWED, name=row.name, why=why)


def _note(transport_id: int, action: str, *, actor: str = "delivery", **detail: object) -> None:
    AuditEvent.objects.create(actor=actor, action=action, subject=f"transport:{transport_id}", detail=detail)


def _slower(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)
