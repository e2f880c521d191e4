"""An alert's life: noted once for each who is to hear of it, tried until it is delivered or given up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from pipeline.models import Alert, AlertChannel
from pipeline.queries.alerts import Occasion
from pipeline.queries.sql import execute, rows

BUSY_FOR: Final = timedelta(minutes=10)
"""Longer than any try takes. Whoever dies in the middle of one leaves it to be tried again after that."""
WAITS: Final = tuple(timedelta(seconds=each) for each in (10, 30, 60, 300, 900, 3600))
GIVEN_UP_AFTER: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Recipient:
    channel: str
    target: str = ""
    language: str = ""
    """Empty: not known."""


def note_alert(occasion: Occasion, recipients: Iterable[Recipient]) -> None:
    """Write down who is to hear of it; those who are noted already are left as they are."""
    Alert.objects.bulk_create(
        [
            Alert(
                key=occasion.key,
                kind=occasion.kind,
                send_id=occasion.send_id,
                facts=occasion.facts,
                channel=each.channel,
                target=each.target,
                language=each.language,
            )
            for each in recipients
        ],
        ignore_conflicts=True,
    )


def note_in_log(occasion: Occasion) -> bool:
    """Write down that it is in the log, where there is nobody to tell; False if it was there already."""
    _, is_new = Alert.objects.get_or_create(
        key=occasion.key,
        channel=AlertChannel.LOG,
        target="",
        defaults={
            "kind": occasion.kind,
            "send_id": occasion.send_id,
            "facts": occasion.facts,
            "due_at": None,
            "delivered_at": Now(),
        },
    )
    return is_new


def claim_alert(key: str = "") -> Alert | None:
    """Take the alert that is due first (of this key), so that nobody else tries it meanwhile; None when none is."""
    taken = rows(
        "UPDATE pipeline_alert SET attempts = attempts + 1, due_at = now() + %(busy)s WHERE id = ("
        "  SELECT id FROM pipeline_alert WHERE due_at <= statement_timestamp() AND (%(key)s = '' OR key = %(key)s)"
        "  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        {"busy": BUSY_FOR, "key": key},
    )
    return Alert.objects.get(pk=taken[0][0]) if taken else None


def alert_delivered(alert: Alert) -> None:
    """It has been taken: never again."""
    execute(
        "UPDATE pipeline_alert SET delivered_at = now(), due_at = NULL, error = ''"
        " WHERE id = %s AND delivered_at IS NULL",
        [alert.pk],
    )


def alert_failed(alert: Alert, error: str, *, for_good: bool = False) -> None:
    """Try again later, longer each time; after three days, or when it makes no sense, give up."""
    wait = WAITS[min(alert.attempts, len(WAITS)) - 1]
    execute(
        "UPDATE pipeline_alert SET error = %(error)s,"
        " due_at = CASE WHEN %(over)s OR raised_at < now() - %(most)s THEN NULL ELSE now() + %(wait)s END,"
        " given_up_at = CASE WHEN %(over)s OR raised_at < now() - %(most)s THEN now() END"
        " WHERE id = %(alert)s AND delivered_at IS NULL",
        {"alert": alert.pk, "error": error[:2000], "over": for_good, "most": GIVEN_UP_AFTER, "wait": wait},
    )
