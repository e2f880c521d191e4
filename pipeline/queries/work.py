"""What there is to do, and when there will be something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline.models import Send, SendState
from pipeline.queries import clock
from pipeline.queries.routes import FIRST_WAY
from pipeline.queries.sql import rows
from pipeline.queries.storms import frozen_at

DESTINATIONS_THERE: Final = """there(destination) AS (
    (SELECT destination FROM pipeline_delivery WHERE send_id = {send} AND state = 'pending'
     ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT d.destination FROM pipeline_delivery d WHERE d.send_id = {send} AND d.state = 'pending'
            AND d.destination > there.destination ORDER BY d.destination LIMIT 1)
    FROM there WHERE there.destination IS NOT NULL
  )"""
"""The destinations with waiting rows of a send, for WITH RECURSIVE: one look into the index for each, however many
rows it has. The last row is null."""
DUE_FOR: Final = """d.send_id = {send} AND d.state = 'pending'
        AND d.destination >= {destination} AND (d.destination, d.due_at) <= ({destination}, now())"""
"""What is due (`d`) of a send for one destination. Said with an equals sign, and ordered by the due time, PostgreSQL
may walk the index of due times past every row of the other destinations; so order by destination, then due time."""
LAST_RESUMED: Final = """(SELECT max(e.at) AS at FROM pipeline_auditevent e
    WHERE e.subject = 'send:' || {send} AND e.action = 'send.resumed')"""
"""When a person last let a send go on."""
_MAY_GO: Final = f"""EXISTS (
    WITH RECURSIVE {DESTINATIONS_THERE}
    SELECT FROM there WHERE there.destination IS NOT NULL
      AND NOT EXISTS (SELECT FROM pipeline_destination b WHERE b.transport_id = {{transport}}
                      AND b.name = there.destination AND {{waits}})
      AND NOT EXISTS (SELECT FROM pipeline_storm w WHERE w.send_id = {{send}} AND w.state = 'frozen'
                      AND w.destination = there.destination)
      AND EXISTS (SELECT FROM pipeline_delivery d
                  WHERE {DUE_FOR.format(send="{send}", destination="there.destination")}
                  ORDER BY d.destination, d.due_at LIMIT 1))"""  # noqa: S608 (ours)
"""Something is due for a destination (`b`) that does not wait."""
A_DECISION: Final = "a decision about the many dead addresses"
"""What a send waits for when all that is left goes where a storm struck."""
_STOPPED: Final = "b.blocked_until > now()"
_KEPT: Final = "(b.blocked_until > now() OR b.step > 0 OR b.rate IS NOT NULL)"

AGED_WORK: Final = f"""(
    EXISTS (SELECT FROM pipeline_lease WHERE starts_with(owner, %(host)s) AND created_at < now() - %(age)s)
    OR NOT EXISTS (SELECT FROM pipeline_lease) AND EXISTS (
      SELECT FROM pipeline_send s CROSS JOIN LATERAL {FIRST_WAY.format(send="s")} AS t
      WHERE s.state = 'sending' AND t.usable AND (s.waits_until IS NULL OR s.waits_until <= now())
        AND (SELECT min(d.due_at) FROM pipeline_delivery d WHERE d.send_id = s.id AND d.state = 'pending')
          < now() - %(age)s
        AND {_MAY_GO.format(send="s.id", transport="t.id", waits=_STOPPED)}
        AND NOT EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id
                        AND d.state NOT IN ('pending', 'skipped') AND d.updated_at > now() - %(age)s)))"""  # noqa: S608
"""Whether a batch of this host has lasted that long, or something that may go has been due that long while nobody
works on anything."""


def ringable_sends() -> list[int]:
    """Sends with something due and a relay that can be used now; the urgent first, then the oldest."""
    return [
        send_id
        for (send_id,) in rows(
            "SELECT s.id FROM pipeline_send s"  # noqa: S608 (ours)
            f" CROSS JOIN LATERAL {FIRST_WAY.format(send='s')} AS t"
            " WHERE s.state = 'sending' AND t.usable AND (s.waits_until IS NULL OR s.waits_until <= now())"
            f" AND {_MAY_GO.format(send='s.id', transport='t.id', waits=_STOPPED)}"
            " ORDER BY s.urgent DESC, s.due_at, s.id"
        )
    ]


def gives_way(send_id: int, transport_id: int) -> bool:
    """Whether an urgent send has something to go through this relay, which this routine one uses.

    What goes slowly does not use the relay up, so nobody waits for it.
    """
    return bool(
        rows(
            "SELECT FROM pipeline_send s"  # noqa: S608 (ours)
            f" CROSS JOIN LATERAL {FIRST_WAY.format(send='s')} AS t"
            " WHERE s.state = 'sending' AND s.urgent AND s.id <> %(send)s AND t.id = %(transport)s AND t.usable"
            " AND (s.waits_until IS NULL OR s.waits_until <= now())"
            f" AND {_MAY_GO.format(send='s.id', transport='t.id', waits=_KEPT)}"
            " AND NOT (SELECT mine.urgent FROM pipeline_send mine WHERE mine.id = %(send)s) LIMIT 1",
            {"send": send_id, "transport": transport_id},
        )
    )


def may_go_slowly(send_id: int, destinations: Sequence[str]) -> bool:
    """Whether something is due for one of these destinations."""
    due = DUE_FOR.format(send="%(send)s", destination="which.name")
    return bool(
        destinations
        and rows(
            "SELECT FROM unnest(%(names)s::text[]) AS which(name) CROSS JOIN LATERAL ("  # noqa: S608 (ours)
            f" SELECT FROM pipeline_delivery d WHERE {due} ORDER BY d.destination, d.due_at LIMIT 1) AS found LIMIT 1",
            {"send": send_id, "names": list(destinations)},
        )
    )


def still_goes(send_id: int) -> bool:
    """Whether what is on its way of a send may go on, or somebody stopped it meanwhile, or its hours are over."""
    going = "SELECT FROM pipeline_send WHERE id = %s AND state = 'sending' AND coalesce(waits_until <= now(), true)"
    return bool(rows(going, [send_id]))


def next_work(send_id: int) -> tuple[str, datetime | None]:
    """What a send that does nothing is waiting for, in words, and until when."""
    send = Send.objects.get(pk=send_id)
    may_go = send.state in (SendState.SCHEDULED, SendState.SENDING)
    if may_go and send.waits_until and send.waits_until > max(send.due_at, clock.now()):
        return f"the hours in which it may go out ({send.window})", send.waits_until
    if send.state == SendState.SCHEDULED:
        return "its time", send.due_at
    if send.state != SendState.SENDING:
        return send.state_reason, None
    return _next_on_the_way(send)


def _next_on_the_way(send: Send) -> tuple[str, datetime | None]:
    frozen = frozen_at(send.pk)
    [(now, pending, free, uncertain, working)] = rows(
        "SELECT now(), min(due_at) FILTER (WHERE state = 'pending'),"
        " min(due_at) FILTER (WHERE state = 'pending' AND destination <> ALL(%s)),"
        " min(due_at) FILTER (WHERE state = 'uncertain'), count(*) FILTER (WHERE state IN ('claimed', 'in_flight'))"
        " FROM pipeline_delivery WHERE send_id = %s AND state IN ('pending', 'uncertain', 'claimed', 'in_flight')",
        [frozen, send.pk],
    )
    [(backoff_until, backoff_reason, rests_until, rests_for)] = rows(
        "SELECT t.backoff_until, t.backoff_reason, t.rests_until, t.rests_for"  # noqa: S608 (ours)
        f" FROM pipeline_send s CROSS JOIN LATERAL {FIRST_WAY.format(send='s')} AS t WHERE s.id = %s",
        [send.pk],
    )
    if backoff_until and backoff_until > now:
        return f"the relay: {backoff_reason}", backoff_until
    if rests_until and rests_until > now and pending:
        return f"the relay's limit for this {rests_for} is used up", rests_until
    if working or (free and free <= now):
        return "", None
    if pending and not free:
        return f"{A_DECISION}: {', '.join(frozen)}", None
    next_try = "what becomes of the first wave" if pending and pending == send.wave_until else "the next try"
    waits = ((next_try, pending), ("evidence of what may have arrived", uncertain))
    return next((wait for wait in waits if wait[1]), ("", None))
