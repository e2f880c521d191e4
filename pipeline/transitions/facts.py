"""What came back about a delivery: facts beside its state, and evidence that settles an uncertain one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from pipeline.models import AuditEvent
from pipeline.queries.sql import execute, rows
from pipeline.replies.policy import strength
from pipeline.transitions.brakes import OURS, count_return, is_counted


def record_bounce(
    send_id: int, delivery_id: int, *, reason: str, hard: bool, at: datetime, source: str, words: str = ""
) -> None:
    """Note a bounce; it proves that the relay had taken the message.

    Of several the strongest stands (`replies.policy.strength`), since when the first came, so that their order makes
    no difference. `words` are those of the server that did not take it. The brakes of the send hear of it once.
    """
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what=f"bounce ({source})")
        for at_first, was, was_hard in rows(_BOUNCE, [send_id, delivery_id]):
            if at_first is None or strength(reason, hard=hard) > strength(was, hard=was_hard):
                _keep_bounce(send_id, delivery_id, reason=reason, hard=hard, at=at)
            if is_counted(reason, hard=hard) and (at_first is None or not is_counted(was, hard=was_hard)):
                count_return(send_id, delivery_id, reason=reason, words=words)


_BOUNCE: Final = (
    "SELECT bounced_at, bounce_reason, bounce_hard FROM pipeline_delivery WHERE send_id = %s AND id = %s"
    " FOR NO KEY UPDATE"
)


def _keep_bounce(send_id: int, delivery_id: int, *, reason: str, hard: bool, at: datetime) -> None:
    execute(
        "UPDATE pipeline_delivery SET bounced_at = least(bounced_at, %s), bounce_reason = %s, bounce_hard = %s"
        " WHERE send_id = %s AND id = %s",
        [at, reason, hard, send_id, delivery_id],
    )


def record_delay(send_id: int, delivery_id: int, *, at: datetime, reason: str = "", words: str = "") -> None:
    """Note a warning that delivery takes longer. It proves that the relay has the message. The brakes hear of it."""
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what="delay warning")
        if _fact("delayed_at", send_id, delivery_id, at) and reason in OURS:
            count_return(send_id, delivery_id, reason=reason, words=words)


def record_complaint(send_id: int, delivery_id: int, *, at: datetime, source: str) -> None:
    """Note a complaint: the person has the message."""
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what=f"complaint ({source})")
        if _fact("complained_at", send_id, delivery_id, at):
            count_return(send_id, delivery_id, complaint=True)


def record_leaving(send_id: int, delivery_id: int, *, at: datetime) -> None:
    """Note that this message was the one by which the person left."""
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what="unsubscribed through it")
        _fact("unsubscribed_at", send_id, delivery_id, at)


def record_click(send_id: int, delivery_id: int, *, at: datetime) -> None:
    """Note the first click on a link of this very message. Person or scanner: whoever clicked has the message."""
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what="a link in it was followed")
        _fact("clicked_at", send_id, delivery_id, at)


def record_life(send_id: int, delivery_id: int, *, at: datetime, what: str) -> None:
    """Note an answer, or a report of arrival: somebody, or something of theirs, has the message. The last one stays."""
    with transaction.atomic():
        record_evidence(send_id, delivery_id, at=at, what=what)
        execute(
            "UPDATE pipeline_delivery SET alive_at = greatest(alive_at, %s) WHERE send_id = %s AND id = %s",
            [at, send_id, delivery_id],
        )


def record_evidence(send_id: int, delivery_id: int, *, at: datetime, what: str) -> None:
    """Settle a delivery that may have arrived: something came back that only an arrived message causes.

    That includes one that waits to be tried once more, or is being prepared for it: it needs no second copy now.
    """
    execute(
        "UPDATE pipeline_delivery SET state = 'pending', reason = 'retry', lease_id = NULL, fence = fence + 1,"
        " updated_at = now() WHERE send_id = %s AND id = %s AND state = 'claimed' AND retried",
        [send_id, delivery_id],
    )
    settled = execute(
        "UPDATE pipeline_delivery SET state = 'accepted', reason = 'evidence', due_at = NULL, updated_at = now()"
        " WHERE send_id = %s AND id = %s AND (state IN ('uncertain', 'held') OR state = 'pending' AND retried)",
        [send_id, delivery_id],
    )
    if settled:
        _settled(send_id, delivery_id, {"evidence": what, "at": at.isoformat()}).save()


def spare_second_copies(send_id: int, ids: Sequence[int]) -> set[int]:
    """Settle those of these that something came back of while they were on the wire for the second time. Which."""
    noted = rows(
        "SELECT id, coalesce(bounced_at, delayed_at, complained_at, clicked_at, unsubscribed_at, alive_at) AS at"
        " FROM pipeline_delivery WHERE send_id = %s AND id = ANY(%s) AND retried"
        " AND coalesce(bounced_at, delayed_at, complained_at, clicked_at, unsubscribed_at, alive_at) IS NOT NULL",
        [send_id, list(ids)],
    )
    for pk, at in noted:
        record_evidence(send_id, pk, at=at, what="noted before it was tried again")
    return {pk for pk, _ in noted}


def _settled(send_id: int, delivery_id: int, detail: dict[str, str]) -> AuditEvent:
    subject = f"delivery:{send_id}-{delivery_id}"
    return AuditEvent(actor="feedback", action="delivery.settled", subject=subject, detail=detail)


def _fact(column: str, send_id: int, delivery_id: int, at: datetime) -> bool:
    """Note a moment, the first of its kind; False if there was one."""
    noted = execute(
        f"UPDATE pipeline_delivery SET {column} = %s WHERE send_id = %s AND id = %s AND {column} IS NULL",  # noqa: S608 (names of ours)
        [at, send_id, delivery_id],
    )
    return bool(noted)
