"""From what the relay said to what the books say. Pure."""

from typing import Final, Literal, NamedTuple

from pipeline.delivery.envelope import Result, Verdict
from pipeline.replies import Meaning, Reason, classify

State = Literal["accepted", "rejected", "pending", "uncertain"]

_SHUTTING_DOWN: Final = 421
# What we refuse ourselves carries an RFC 3463 code of ours. The mailbox may be well, so it is never "dead".
_OWN_REASONS: Final = {
    "5.1.7": Reason.SENDER_REFUSED,
    "5.3.4": Reason.TOO_BIG,
}


class Outcome(NamedTuple):
    """One delivery's next state, and what else follows from the result."""

    state: State
    reason: str
    """`taken`, a `pipeline.replies.Reason`, `deferred`, `not-sent` or `connection-lost`, in that order of states."""
    reply: str
    """The relay's words, or ours where it said nothing."""
    counts: bool
    """It was a try: wait for the next one by the schedule. Pending without it may be repeated at once."""
    relay_trouble: bool
    """The relay or the way to it is the cause, whoever was being mailed: slow down or open a new connection."""
    meaning: Meaning | None = None
    """What the refusal means, where somebody else than we refused it: it may rule on the address."""


def outcome(result: Result) -> Outcome:
    """Say what the books should hold after this result."""
    match result.verdict:
        case Verdict.ACCEPTED:
            return Outcome("accepted", "taken", result.text, counts=True, relay_trouble=False)
        case Verdict.REJECTED:
            return _rejected(result)
        case Verdict.DEFERRED:
            busy = result.code == _SHUTTING_DOWN or result.enhanced.startswith("4.3.")
            # 421 speaks of the relay or of the destination, so it is not held against this one delivery.
            counts = result.code != _SHUTTING_DOWN
            return Outcome("pending", "deferred", result.text, counts=counts, relay_trouble=busy)
        case Verdict.UNSENT:
            return Outcome("pending", "not-sent", result.text, counts=_own_fault(result), relay_trouble=_lost(result))
        case Verdict.UNCERTAIN:
            return Outcome("uncertain", "connection-lost", result.text, counts=True, relay_trouble=True)


def _rejected(result: Result) -> Outcome:
    if result.code is None:
        reason = _OWN_REASONS.get(result.enhanced, Reason.SYNTAX)
        return Outcome("rejected", reason, result.text, counts=True, relay_trouble=False)
    meaning = classify(result.text, code=result.code, enhanced=result.enhanced, command=result.command)
    return Outcome("rejected", meaning.reason, result.text, counts=True, relay_trouble=False, meaning=meaning)


def _own_fault(result: Result) -> bool:
    """The connection broke while this very recipient or message was on the table, so it may break it again.

    Trying it again at once, without end, would keep the relay from everybody else. A connection that ends at `MAIL`
    has not heard the recipient's name, and 421 says that the relay is the cause.
    """
    return result.code != _SHUTTING_DOWN and result.command in {"RCPT", "DATA", "."}


def _lost(result: Result) -> bool:
    """An envelope whose turn never came says nothing about the relay; the one before it did."""
    return bool(result.command)
