"""An answer's way to whoever edits the newsletter: tried until it is handed on, or given up after three days."""

from datetime import timedelta
from typing import Final

from pipeline.models import Feedback
from pipeline.queries.sql import execute, rows
from pipeline.transitions.alerts import BUSY_FOR, GIVEN_UP_AFTER, WAITS

PER_HOUR: Final = 60
"""Answers to one newsletter's mails that are handed on within an hour; the others wait their turn."""
WAITS_FOR_ITS_TURN: Final = timedelta(minutes=10)


def claim_answer() -> Feedback | None:
    """Take the answer that is due first, so that nobody else tries it meanwhile; None when none is."""
    taken = rows(
        "UPDATE pipeline_feedback SET hand_on_attempts = hand_on_attempts + 1, hand_on_due_at = now() + %s WHERE id = ("
        "  SELECT id FROM pipeline_feedback WHERE hand_on_due_at <= statement_timestamp()"
        "  ORDER BY hand_on_due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        [BUSY_FOR],
    )
    return Feedback.objects.get(pk=taken[0][0]) if taken else None


def answers_wait(answer: Feedback, newsletter_id: int) -> None:
    """There were too many of late: this one, which has not been tried, and all others of its newsletter that are due.

    At once, however many there are: to ask for each whether it must wait would keep a worker busy.
    """
    execute(
        "UPDATE pipeline_feedback SET hand_on_due_at = now() + %s, hand_on_attempts = hand_on_attempts - 1"
        " WHERE id = %s",
        [WAITS_FOR_ITS_TURN, answer.pk],
    )
    execute(
        "UPDATE pipeline_feedback SET hand_on_due_at = now() + %s WHERE id IN ("
        "  SELECT id FROM pipeline_feedback WHERE hand_on_due_at <= statement_timestamp()"
        "    AND send_id IN (SELECT id FROM pipeline_send WHERE newsletter_id = %s) FOR UPDATE SKIP LOCKED)",
        [WAITS_FOR_ITS_TURN, newsletter_id],
    )


def answer_handed_on(answer: Feedback, *, to: str) -> None:
    """It has been taken: never again."""
    execute(
        "UPDATE pipeline_feedback SET handed_on_at = now(), hand_on_due_at = NULL, detail = %s WHERE id = %s",
        [f"An answer: handed on to {to}.", answer.pk],
    )


def answer_failed(answer: Feedback, error: str, *, for_good: bool = False) -> None:
    """Try again later, longer each time; after three days, or when it makes no sense, give up. It stays readable."""
    wait = WAITS[min(answer.hand_on_attempts, len(WAITS)) - 1]
    execute(
        "UPDATE pipeline_feedback SET detail = %(why)s, hand_on_due_at = CASE"
        " WHEN %(over)s OR received_at < now() - %(most)s THEN NULL ELSE now() + %(wait)s END WHERE id = %(id)s",
        {
            "id": answer.pk,
            "why": f"An answer that could not be handed on: {error[:1500]}",
            "over": for_good,
            "most": GIVEN_UP_AFTER,
            "wait": wait,
        },
    )
