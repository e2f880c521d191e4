"""Leases: who works on which deliveries, for how long, with how many of the relay's connections.

A holder renews its row by the database's clock and keeps the advisory lock of the lease's id. The kernel ends that
session with the process, so a free lock says at once that the holder is dead; an old row says that it is stuck.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from pipeline.models import AuditEvent, Lease
from pipeline.queries.routes import USABLE
from pipeline.queries.sql import execute, rows

DEATHS_AT_MOST: Final = 3
LOCK_SPACE: Final = 0x5052  # the first half of the two-part advisory lock; the second is the lease's id


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as opened."""

    lease_id: int
    connections: int
    trial: bool = False
    """The relay failed lately; an answer closes its breaker, and then all its connections may be used again."""


def open_lease(
    send_id: int,
    *,
    owner: str,
    host: str,
    wanted: int,
    at_most: int,
    siblings: int,
    transport_id: int | None = None,
) -> Grant | None:
    """Take a lease with up to `wanted` connections of the transport's `at_most`, or None when nothing is free.

    The transport is the send's first unless another is named; one that is half open gives one connection, once.

    `owner` names this process and begins with `host`, which names its worker; a worker holds at most `siblings`
    leases, whatever their relay, so that one of its children stays free for the sweep. The row lock on the transport
    makes the sum of its connections exact, the lock on the worker's name the count of its leases.
    """
    with transaction.atomic():
        found = rows(
            "SELECT t.id, t.backoff_count > 0 FROM pipeline_send s"  # noqa: S608 (ours)
            " JOIN pipeline_transport t ON t.id = coalesce(%s, s.transport_id)"
            " LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id"
            f" WHERE s.id = %s AND s.state = 'sending' AND {USABLE}"
            " AND (s.waits_until IS NULL OR s.waits_until <= now()) FOR UPDATE OF t",
            [transport_id, send_id],
        )
        if not found:
            return None
        [(transport_id, trial)] = found
        execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [host])
        [(used, mine)] = rows(
            "SELECT coalesce(sum(connections) FILTER (WHERE transport_id = %s), 0),"
            " count(*) FILTER (WHERE starts_with(owner, %s)) FROM pipeline_lease",
            [transport_id, host],
        )
        connections = min(wanted, (1 if trial else at_most) - int(used))
        if connections < 1 or mine >= siblings:
            return None
        lease = Lease.objects.create(send_id=send_id, transport_id=transport_id, owner=owner, connections=connections)
    return Grant(lease.pk, connections, trial)


def give_back(lease_id: int, *, suspect: bool = False) -> int:
    """Make pending again what was only claimed: surely nobody has been written to. How many.

    Each keeps its place in the queue, and with it the time since when it waits. `suspect`: its holder died, and nobody
    knows of which of them, if of any.
    """
    return execute(
        "UPDATE pipeline_delivery SET state = 'pending', lease_id = NULL, updated_at = now(),"
        " reason = CASE WHEN retried THEN 'retry' ELSE 'not-sent' END, fence = fence + 1,"
        " deaths = coalesce(deaths, CASE WHEN %s THEN 0 END)"
        " WHERE lease_id = %s AND state = 'claimed'",
        [suspect, lease_id],
    )


def close_lease(lease_id: int) -> None:
    """Give everything back: what was claimed is pending again, what was in flight may have arrived."""
    _settle(lease_id)


def settle_dead_leases(lapse: timedelta) -> int:
    """Close the leases of holders that died (their lock is free) or hang (not renewed for `lapse`). How many."""
    dead = rows(
        "SELECT id, owner FROM pipeline_lease WHERE renewed_at < now() - %s"
        # A lease younger than a second may not have its lock yet.
        " OR (created_at < now() - interval '1 second' AND NOT EXISTS ("
        "   SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid::bigint = pipeline_lease.id"
        "   AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))",
        [lapse, LOCK_SPACE],
    )
    for lease_id, owner in dead:
        uncertain = _settle(lease_id, died=True)
        if uncertain:
            AuditEvent.objects.create(
                actor="sweep",
                action="lease.lost",
                subject=f"lease:{lease_id}",
                detail={"owner": owner, "uncertain": uncertain},
            )
    return len(dead)


def _settle(lease_id: int, *, died: bool = False) -> list[str]:
    """End a lease; the deliveries that are uncertain for it, as `send-id`."""
    with transaction.atomic():
        if not rows("SELECT 1 FROM pipeline_lease WHERE id = %s FOR UPDATE SKIP LOCKED", [lease_id]):
            return []
        give_back(lease_id, suspect=died and not _blame(lease_id))
        uncertain = rows(
            "UPDATE pipeline_delivery SET state = 'uncertain', reason = 'lease-lost', lease_id = NULL,"
            " due_at = now() + %s, updated_at = now() WHERE lease_id = %s AND state = 'in_flight'"
            " RETURNING send_id, id",
            [settings.UNCERTAIN_WAIT, lease_id],
        )
        execute("DELETE FROM pipeline_lease WHERE id = %s", [lease_id])
    return [f"{send_id}-{pk}" for send_id, pk in uncertain]


def _blame(lease_id: int) -> bool:
    """Put a holder's death down to the suspect that it was making by itself; False if it made none.

    The third death of the same one closes it: whatever it is in its message, nobody else shall wait for it any longer.
    """
    blamed = rows(
        "UPDATE pipeline_delivery d SET deaths = coalesce(d.deaths, 0) + 1 FROM pipeline_lease l"
        " WHERE l.id = %s AND d.send_id = l.send_id AND d.id = l.making AND d.lease_id = l.id AND d.state = 'claimed'"
        " RETURNING d.send_id, d.id, d.deaths",
        [lease_id],
    )
    for send_id, pk, deaths in blamed:
        if deaths >= DEATHS_AT_MOST:
            _reject_deadly(send_id, pk, deaths)
    return bool(blamed)


def _reject_deadly(send_id: int, delivery_id: int, deaths: int) -> None:
    execute(
        "UPDATE pipeline_delivery SET state = 'rejected', reason = 'render', lease_id = NULL, due_at = NULL,"
        " updated_at = now(), reply = %s WHERE send_id = %s AND id = %s AND state = 'claimed'",
        [f"{deaths} workers died while they made this message", send_id, delivery_id],
    )
    AuditEvent.objects.create(
        actor="sweep",
        action="delivery.deadly",
        subject=f"delivery:{send_id}-{delivery_id}",
        detail={"deaths": deaths},
    )
