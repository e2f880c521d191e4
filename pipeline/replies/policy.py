"""What a meaning does to the person's address. One decision for SMTP replies and for bounces alike. Pure."""

from enum import StrEnum

from pipeline.replies.reasons import Fault, Meaning, Reason


class Action(StrEnum):
    SUPPRESS = "suppress"
    """The address is dead: it gets nothing more, from any newsletter."""
    COUNT = "count"
    """Noted against the address. Many of these over many issues may mean something; one means nothing."""
    IGNORE = "ignore"
    """Our side's fault (reputation, authentication, content …): noted with the send, never held against the address."""


def action_for(meaning: Meaning) -> Action:
    """Say what to do. In doubt COUNT: to keep a dead address costs little, to drop a reader is for ever.

    A domain that cannot be found is counted and not suppressed, because a fault in somebody's DNS looks the same;
    a domain that says itself that it takes no mail (null MX, RFC 7505) is believed at once.
    """
    if meaning.hard and (meaning.reason is Reason.NO_SUCH_MAILBOX or meaning.reason_sisimai == "notaccept"):
        return Action.SUPPRESS
    return Action.IGNORE if meaning.fault is Fault.SENDER else Action.COUNT
