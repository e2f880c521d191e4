"""What there is to do, and when there will be something."""

from datetime import datetime

from pipeline.queries.sql import rows


def ringable_sends() -> list[int]:
    """Sends with something due whose relay neither backs off nor has used up its hour or day; urgent, then oldest."""
    return [
        send_id
        for (send_id,) in rows(
            "SELECT s.id FROM pipeline_send s JOIN pipeline_transport t ON t.id = s.transport_id"
            " LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id"
            " WHERE s.state = 'sending' AND (t.backoff_until IS NULL OR t.backoff_until <= now())"
            " AND (m.rests_until IS NULL OR m.rests_until <= now())"
            " AND EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id AND d.state = 'pending'"
            "             AND d.due_at <= now())"
            " ORDER BY s.urgent DESC, s.due_at, s.id"
        )
    ]


def next_work(send_id: int) -> tuple[str, datetime | None]:
    """What a send that does nothing is waiting for, in words, and until when."""
    [(state, state_reason, due_at, backoff_until, backoff_reason, rests_until, rests_for)] = rows(
        "SELECT s.state, s.state_reason, s.due_at, t.backoff_until, t.backoff_reason, m.rests_until, m.rests_for"
        " FROM pipeline_send s JOIN pipeline_transport t ON t.id = s.transport_id"
        " LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id WHERE s.id = %s",
        [send_id],
    )
    if state == "scheduled":
        return "its time", due_at
    if state != "sending":
        return state_reason, None
    [(now, pending, uncertain, working)] = rows(
        "SELECT now(), min(due_at) FILTER (WHERE state = 'pending'), min(due_at) FILTER (WHERE state = 'uncertain'),"
        " count(*) FILTER (WHERE state IN ('claimed', 'in_flight'))"
        " FROM pipeline_delivery WHERE send_id = %s AND state IN ('pending', 'uncertain', 'claimed', 'in_flight')",
        [send_id],
    )
    if backoff_until and backoff_until > now:
        return f"the relay: {backoff_reason}", backoff_until
    if rests_until and rests_until > now and pending:
        return f"the relay's limit for this {rests_for} is used up", rests_until
    if working or (pending and pending <= now):
        return "", None
    waits = (("the next try", pending), ("evidence of what may have arrived", uncertain))
    return next((wait for wait in waits if wait[1]), ("", None))
