"""Closing what stays open: too late, cancelled, uncertain."""

from typing import Final

from django.conf import settings
from django.db import transaction

from pipeline import sentences
from pipeline.models import AuditEvent, Send, SendState, Stop
from pipeline.queries.sql import execute, rows
from pipeline.queries.work import LAST_RESUMED

CAP_AT_LEAST: Final = 100
CAP_SHARE: Final = 0.005
"""How much uncertainty of a send is settled between two looks of a person: this share of the audience, or
CAP_AT_LEAST."""
LOST_BY_RELAY: Final = 3
"""Connections that a relay may lose after the final dot within five minutes before a person looks at it."""
IN_DOUBT: Final = f"""
  SELECT count(*) FILTER (WHERE NOT retried),
    count(*) FILTER (WHERE reason = 'connection-lost'
                     AND updated_at > greatest(now() - interval '5 minutes' - %(wait)s, resumed.at))
  FROM pipeline_delivery, {LAST_RESUMED.format(send="%(send)s")} AS resumed
  WHERE send_id = %(send)s AND state = 'uncertain'"""  # noqa: S608 (ours)
"""What waits to be settled, without what was in doubt before; and answers lost of late, since a person last looked."""


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
    """Settle what has waited long enough for evidence: try once more, or hold. The sends that now need a person.

    A send that is paused because there was too much of it repeats nothing, so what comes due is held there.
    """
    waiting = rows(
        "SELECT DISTINCT d.send_id FROM pipeline_delivery d JOIN pipeline_send s ON s.id = d.send_id"
        " WHERE (s.state = 'sending' OR s.state = 'paused' AND s.state_code = %s)"
        " AND d.state = 'uncertain' AND d.due_at <= now()",
        [Stop.UNCERTAIN],
    )
    return [send_id for (send_id,) in waiting if _settle(send_id)]


def count_doubts_anew(send_id: int) -> None:
    """A person has looked, and lets the send go on."""
    execute("UPDATE pipeline_send SET doubts = 0 WHERE id = %s", [send_id])


def _settle(send_id: int) -> bool:
    """Settle one send's; True if it was paused for a person."""
    with transaction.atomic():
        send = Send.objects.select_for_update().get(pk=send_id)
        _settle_proved(send_id)
        going = send.state == SendState.SENDING
        trouble = _too_much(send) if going else ""
        if going and not trouble and send.uncertain_policy == Send.UncertainPolicy.RETRY:
            send.doubts += _hold(send_id, only_retried=True) + _retry(send_id)
        else:
            send.doubts += _hold(send_id, only_retried=False)
        if trouble:
            send.state, send.state_reason, send.state_code = SendState.PAUSED, trouble, Stop.UNCERTAIN
            AuditEvent.objects.create(
                actor="sweep",
                action="send.paused",
                subject=f"send:{send_id}",
                detail={"why": trouble, "code": Stop.UNCERTAIN},
            )
        send.save(update_fields=["state", "state_reason", "state_code", "doubts"])
    return bool(trouble)


def _settle_proved(send_id: int) -> None:
    """Settle what became uncertain after evidence had come: a fact was noted while the relay's answer was awaited."""
    proved = rows(
        "UPDATE pipeline_delivery SET state = 'accepted', reason = 'evidence', due_at = NULL, updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain'"
        " AND coalesce(bounced_at, delayed_at, complained_at, clicked_at, unsubscribed_at, alive_at) IS NOT NULL"
        " RETURNING id",
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
    """Why a person must decide, or nothing. What a person has decided about before does not count again."""
    [(waiting, lost)] = rows(IN_DOUBT, {"send": send.pk, "wait": settings.UNCERTAIN_WAIT})
    uncertain = send.doubts + waiting
    if uncertain > max(CAP_AT_LEAST, CAP_SHARE * send.audience):
        return sentences.IN_DOUBT % {"uncertain": uncertain}
    if lost > LOST_BY_RELAY:
        return sentences.CUT_OFF % {"times": lost}
    return ""


def _hold(send_id: int, *, only_retried: bool) -> int:
    """Repeat it no more, or not at all. How many were not in doubt before."""
    held = rows(
        "UPDATE pipeline_delivery SET state = 'held', reason = 'unsettled', due_at = NULL, updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain' AND due_at <= now() AND (retried OR NOT %s) RETURNING retried",
        [send_id, only_retried],
    )
    return sum(not retried for (retried,) in held)


def _retry(send_id: int) -> int:
    """Let them be tried once more. How many."""
    again = rows(
        "UPDATE pipeline_delivery SET state = 'pending', reason = 'retry', retried = true, fence = fence + 1,"
        " due_at = now(), updated_at = now()"
        " WHERE send_id = %s AND state = 'uncertain' AND due_at <= now() AND NOT retried RETURNING id",
        [send_id],
    )
    AuditEvent.objects.bulk_create(
        AuditEvent(actor="sweep", action="delivery.retried", subject=f"delivery:{send_id}-{pk}") for (pk,) in again
    )
    return len(again)
