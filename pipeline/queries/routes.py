"""The relays of a send, in the order in which they are tried."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.queries.sql import rows

# The newsletter's ways out as they are now; the relay approved with the send comes last, if it is none of them.
WAYS: Final = """(
    SELECT r.transport_id, r.position FROM pipeline_route r WHERE r.newsletter_id = {send}.newsletter_id
    UNION ALL SELECT {send}.transport_id, 40000 WHERE NOT EXISTS (
      SELECT FROM pipeline_route r
      WHERE r.newsletter_id = {send}.newsletter_id AND r.transport_id = {send}.transport_id)
  )"""
USABLE: Final = """((t.backoff_until IS NULL OR t.backoff_until <= now())
    AND (m.rests_until IS NULL OR m.rests_until <= now()))"""
"""Of a transport (`t`) and its meter (`m`): closed or half open, and something left of its hour and day."""
FIRST_WAY: Final = f"""(
    SELECT t.id, t.backoff_until, t.backoff_reason, m.rests_until, m.rests_for, {USABLE} AS usable
    FROM {WAYS} AS w JOIN pipeline_transport t ON t.id = w.transport_id
    LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id
    ORDER BY {USABLE} DESC, w.position, t.id LIMIT 1
  )"""  # noqa: S608 (ours)
"""The first that can be used, else the first."""


@dataclass(frozen=True, slots=True)
class Way:
    """A relay of a send."""

    transport_id: int
    usable: bool
    trial: bool
    """Half open: one connection may try it."""
    needs_person: bool
    name: str
    reason: str
    until: datetime | None


def ways_of(send_id: int) -> list[Way]:
    """All relays of a send, in order."""
    found = rows(
        f"SELECT t.id, {USABLE}, t.backoff_count > 0, t.needs_person, t.name, t.backoff_reason,"  # noqa: S608 (ours)
        " greatest(t.backoff_until, m.rests_until)"
        f" FROM pipeline_send s CROSS JOIN LATERAL {WAYS.format(send='s')} AS w"
        " JOIN pipeline_transport t ON t.id = w.transport_id"
        " LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id"
        " WHERE s.id = %s ORDER BY w.position, t.id",
        [send_id],
    )
    return [Way(*row) for row in found]


def relays_by_health(suspects: Collection[int] = ()) -> list[int]:
    """All relays for a mail of our own, the best first: neither failing nor suspect, suspect, half open.

    Those that are left alone for now, because they failed, only where there is no other.
    """
    found = rows(
        "SELECT id, coalesce(backoff_until > now(), false) FROM pipeline_transport"
        " ORDER BY backoff_count > 0, id = ANY(%s), id",
        [list(suspects)],
    )
    return [pk for pk, is_open in found if not is_open] or [pk for pk, _ in found]


def waiting_before(transport_id: int) -> int:
    """How many messages of sends under way wait for a relay already."""
    [(number,)] = rows(
        "SELECT count(*) FROM pipeline_delivery d JOIN pipeline_send s ON s.id = d.send_id"
        " WHERE s.state IN ('sending', 'paused') AND s.transport_id = %s AND d.state = 'pending'",
        [transport_id],
    )
    return int(number)
