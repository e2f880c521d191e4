"""What there is to do, and when there will be something."""

from datetime import datetime

from pipeline.queries.sql import rows


def ringable_sends() -> list[int]:
    """Sends with something due whose relay is not backing off, oldest first."""
    return [
        send_id
        for (send_id,) in rows(
            "SELECT s.id FROM pipeline_send s JOIN pipeline_transport t ON t.id = s.transport_id"
            " WHERE s.state = 'sending' AND (t.backoff_until IS NULL OR t.backoff_until <= now())"
            " AND EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id AND d.state = 'pending'"
            "             AND d.due_at <= now())"
            " ORDER BY s.due_at, s.id"
        )
    ]


def next_work(send_id: int) -> tuple[str, datetime | None]:
    """What a send that does nothing is waiting for, in words, and until when."""
    [(state, state_reason, due_at, backoff_until, backoff_reason)] = rows(
        "SELECT s.state, s.state_reason, s.due_at, t.backoff_until, t.backoff_reason"
        " FROM pipeline_send s JOIN pipeline_transport t ON t.id = s.transport_id WHERE s.id = %s",
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
    if working or (pending and pending <= now):
        return "", None
    if pending:
        return "the next try", pending
    return ("evidence of what may have arrived", uncertain) if uncertain else ("", None)
