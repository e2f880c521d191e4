"""Closing what stays open: too late, cancelled, uncertain."""

from typing import Final

from django.conf import settings
from django.db import transaction

from pipeline.models import AuditEvent, Send, SendState
from pipeline.queries.sql import execute, rows

CAP_AT_LEAST: Final = 100
CAP_SHARE: Final = 0.005
"""How much uncertainty of a send is settled without a person: this share of the audience, or CAP_AT_LEAST."""
LOST_BY_RELAY: Final = 3
"""Connections that a relay may lose after the final dot within five minutes before a person looks at it."""


def expire_overdue() -> int:
    """Give up what waits beyond its send's "valid until". What waits to be repeated may have arrived, and stays so."""
    return execute(
        "UPDATE pipeline_delivery d SET due_at = NULL, updated_at = now(),"
        " state = CASE WHEN retried THEN 'held' ELSE 'expired' END,"
        " reason = CASE WHEN retried THEN 'unsettled' ELSE 'too-late' END"
        " FROM pipeline_send s WHERE s.id = d.send_id AND s.state IN ('sending', 'paused') AND d.state = 'pending'"
        " AND s.valid_until < now()"
    )


def cancel_leftovers(send_id: int | None = None) -> int:
    """Close what a cancelled send had not handed over (its batches give their rows back within a moment).

    What may have arrived is closed as held: cancelling does not make it known.
    """
    cancelled = execute(
        "UPDATE pipeline_delivery d SET due_at = NULL, updated_at = now(),"
        " state = CASE WHEN retried THEN 'held' ELSE 'cancelled' END,"
        " reason = CASE WHEN retried THEN 'unsettled' ELSE 'cancelled' END"
        " FROM pipeline_send s WHERE s.id = d.send_id AND s.state = 'cancelled' AND d.state = 'pending'"
        " AND (%(send)s::bigint IS NULL OR s.id = %(send)s)",
        {"send": send_id},
    )
    return cancelled + execute(
        "UPDATE pipeline_delivery d SET state = 'held', reason = 'unsettled', due_at = NULL, updated_at = now()"
        " FROM pipeline_send s WHERE s.id = d.send_id AND s.state = 'cancelled' AND d.state = 'uncertain'"
        " AND (%(send)s::bigint IS NULL OR s.id = %(send)s)",
        {"send": send_id},
    )


def settle_uncertain() -> list[int]:
    """Settle what has waited long enough for evidence: try once more, or hold. The sends that now need a person."""
    waiting = rows(
        "SELECT DISTINCT d.send_id FROM pipeline_delivery d JOIN pipeline_send s ON s.id = d.send_id"
        " WHERE s.state = 'sending' AND d.state = 'uncertain' AND d.due_at <= now()"
    )
    return [send_id for (send_id,) in waiting if _settle(send_id)]


def _settle(send_id: int) -> bool:
    """Settle one send's; True if it was paused for a person."""
    with transaction.atomic():
        send = Send.objects.select_for_update().get(pk=send_id)
        _settle_proved(send_id)
        trouble = _too_much(send)
        if send.uncertain_policy == Send.UncertainPolicy.HOLD or trouble:
            _hold(send_id, only_retried=False)
        else:
            _hold(send_id, only_retried=True)
            _retry(send_id)
        if not trouble:
            return False
        send.state, send.state_reason = SendState.PAUSED, trouble
        send.save(update_fields=["state", "state_reason"])
        AuditEvent.objects.create(
            actor="sweep", action="send.paused", subject=f"send:{send_id}", detail={"why": trouble}
        )
        return True


def _settle_proved(send_id: int) -> None:
    """Settle what became uncertain after evidence had come: a fact was noted while the relay's answer was awaited."""
    proved = rows(
        "UPDATE pipeline_delivery SET state = 'accepted', reason = 'evidence', due_at = NULL, updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain'"
        " AND coalesce(bounced_at, delayed_at, complained_at, clicked_at, unsubscribed_at) IS NOT NULL RETURNING id",
        [send_id],
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(
            actor="feedback",
            action="delivery.settled",
            subject=f"delivery:{send_id}-{pk}",
            detail={"evidence": "noted before the answer was lost"},
        )
        for (pk,) in proved
    )


def _too_much(send: Send) -> str:
    """Why a person must decide, or nothing."""
    [(uncertain, lost)] = rows(
        "SELECT count(*) FILTER (WHERE state IN ('uncertain', 'held') OR retried),"
        " count(*) FILTER (WHERE state = 'uncertain' AND reason = 'connection-lost'"
        "                  AND updated_at > now() - interval '5 minutes' - %(wait)s)"
        " FROM pipeline_delivery WHERE send_id = %(send)s AND (state IN ('uncertain', 'held') OR retried)",
        {"send": send.pk, "wait": settings.UNCERTAIN_WAIT},
    )
    if uncertain > max(CAP_AT_LEAST, CAP_SHARE * send.audience):
        return (
            f"{uncertain} messages may have arrived without the relay's answer reaching us. They are held, not "
            "repeated. Find out why before you resume."
        )
    if lost > LOST_BY_RELAY:
        return (
            f"The relay broke the connection {lost} times after taking a message. Those messages are held, not "
            "repeated. Look at the relay before you resume."
        )
    return ""


def _hold(send_id: int, *, only_retried: bool) -> None:
    execute(
        "UPDATE pipeline_delivery SET state = 'held', reason = 'unsettled', due_at = NULL, updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain' AND (due_at <= now() OR NOT %s) AND (retried OR NOT %s)",
        [send_id, only_retried, only_retried],
    )


def _retry(send_id: int) -> None:
    again = rows(
        "UPDATE pipeline_delivery SET state = 'pending', reason = 'retry', retried = true, fence = fence + 1,"
        " due_at = now(), updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain' AND due_at <= now() AND NOT retried RETURNING id",
        [send_id],
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="sweep", action="delivery.retried", subject=f"delivery:{send_id}-{pk}") for (pk,) in again
    )
