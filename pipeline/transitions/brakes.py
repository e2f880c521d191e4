"""The brakes of a send: what is refused and what comes back is counted, and too much of it pauses the send in words.

Counting never reads the ledger. Each process that hands over keeps one row of counts and writes it with its own group
of replies, and only when something was refused or enough has been accepted meanwhile; mail that comes back has a row
of its own. A check adds up these few rows.
"""

from typing import Final

from django.db import transaction

from pipeline import sentences
from pipeline.models import Stop
from pipeline.queries.sql import rows
from pipeline.queries.storms import DEAD, is_forgotten
from pipeline.queries.work import still_goes
from pipeline.replies import Reason
from pipeline.transitions.counts import Counts, Told, add_counts, read_counts
from pipeline.transitions.sends import pause_if_sending
from pipeline.transitions.storms import look_for_storms

JUDGED_FROM: Final = 200
"""Outcomes before a share means anything."""
DEAD_SHARE: Final = 0.10
REFUSED_SHARE: Final = 0.05
COMPLAINT_SHARE: Final = 0.001
ALARM_AT: Final = 16
"""Replies that say that we are the problem, more often than once in a thousand, until the send pauses at once: with
one more on the wire of each other worker they are still fewer than twenty."""
OURS: Final = frozenset({Reason.AUTHENTICATION, Reason.REPUTATION, Reason.POLICY, Reason.SENDER_REFUSED})
"""What is wrong is the sender, not the reader. Not: too big (the message), rate limits (patience cures them)."""
RETURNS: Final = "returned mail"
"""Owner of the row that counts what comes back."""


def verdict(counts: Counts) -> Stop | None:
    """Whether a send must stop, and why. Pure."""
    judged = counts.outcomes >= JUDGED_FROM
    too_many = counts.refused > REFUSED_SHARE * counts.outcomes
    if counts.alarm >= ALARM_AT and (too_many or not counts.looked_at):
        return Stop.OUR_FAULT
    if judged and too_many:
        return Stop.REFUSALS
    if judged and counts.dead > DEAD_SHARE * counts.outcomes:
        return Stop.DEAD_ADDRESSES
    if judged and counts.complaints > COMPLAINT_SHARE * counts.outcomes:
        return Stop.COMPLAINTS
    return None


def count_outcomes(send_id: int, owner: str, told: Told) -> int:
    """Add a process's counts, and pause the send if it must stop. The alarm as it now stands.

    Belongs into the transaction that writes the replies, so that nothing more is marked after the one that tipped it.
    """
    with transaction.atomic():
        if not add_counts(send_id, owner, told):
            return 0
        counts = read_counts(send_id)
        stop = verdict(counts)
        if stop is Stop.DEAD_ADDRESSES and still_goes(send_id):
            look_for_storms(send_id)  # what is one destination's alone is taken out, and the others are judged
            counts = read_counts(send_id)
            stop = verdict(counts)
        if stop:
            pause_if_sending(send_id, actor="brakes", why=_why(stop, counts, told), code=stop)
    return counts.alarm


def is_counted(reason: str, *, hard: bool) -> bool:
    """Whether the brakes count a bounce of this reason at all. "Nobody of that name" for now only is nobody's death."""
    return reason in OURS or (hard and reason in DEAD)


def count_return(send_id: int, delivery_id: int, *, reason: str = "", words: str = "", complaint: bool = False) -> None:
    """Count mail that came back about a delivery, unless a person has looked at what was handed over by then.

    Looked at: let the send go on since or, for a dead address, said that it was a fault of the provider there.
    """
    told = Told(
        dead=int(reason in DEAD),
        refused=int(reason in OURS),
        complaints=int(complaint),
        words=words,
        reason=reason,
    )
    if not (told.dead or told.refused or told.complaints):
        return
    for address_key, settled_at in rows(_COUNTS_STILL, {"send": send_id, "id": delivery_id}):
        if not (told.dead and is_forgotten(send_id, address_key, settled_at)):
            count_outcomes(send_id, RETURNS, told)


_COUNTS_STILL: Final = """
  SELECT d.address_key, d.updated_at FROM pipeline_delivery d
  WHERE d.send_id = %(send)s AND d.id = %(id)s AND NOT EXISTS (
    SELECT FROM pipeline_brakecount c WHERE c.send_id = d.send_id AND c.owner = 'resumed' AND c.since > d.updated_at)
"""
_MEANINGS: Final = {
    Reason.AUTHENTICATION: "they cannot prove that our mail is really ours (SPF, DKIM, DMARC)",
    Reason.REPUTATION: "the address that we send from has a bad name",
    Reason.POLICY: "they take our mail for spam, or it is against their rules",
    Reason.SENDER_REFUSED: "they do not take mail from our sender address",
}


def _why(stop: Stop, counts: Counts, told: Told) -> str:
    """In words for an editor: what happened, what is safe, what to do next."""
    outcomes = f"{counts.outcomes:,}"
    if stop in (Stop.OUR_FAULT, Stop.REFUSALS):
        answers, words = f"{counts.refused:,}", " ".join(told.words.split())[:300]
        if told.reason not in OURS or not words:
            return sentences.OUR_FAULT_UNSAID % {"answers": answers}
        return sentences.OUR_FAULT % {"answers": answers, "meaning": _MEANINGS[Reason(told.reason)], "words": words}
    if stop is Stop.DEAD_ADDRESSES:
        return sentences.DEAD % {"dead": f"{counts.dead:,}", "outcomes": outcomes}
    return sentences.COMPLAINED % {"complaints": f"{counts.complaints:,}", "outcomes": outcomes}
