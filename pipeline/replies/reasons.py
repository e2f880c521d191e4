"""Why a message was not taken, in our words, with the field's common word beside it (Sisimai's)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    NO_SUCH_MAILBOX = "no-such-mailbox"
    NO_SUCH_DOMAIN = "no-such-domain"
    MAILBOX_DISABLED = "mailbox-disabled"
    MAILBOX_FULL = "mailbox-full"
    RECIPIENT_FILTER = "recipient-filter"
    TEMPORARY = "temporary"
    RATE_LIMITED = "rate-limited"
    REPUTATION = "reputation"
    AUTHENTICATION = "authentication"
    POLICY = "policy"
    SENDER_REFUSED = "sender-refused"
    TOO_BIG = "too-big"
    SYNTAX = "syntax"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    RECIPIENT = "recipient"
    SENDER = "sender"
    NETWORK = "network"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    reason: Reason
    reason_sisimai: str
    hard: bool
    """The address or its domain is dead. Never merely "5xx"."""
    fault: Fault
    rule: str
    """Which rule decided: `enhanced 5.1.1`, `phrase "user unknown"`, `code 5xx`."""


_COMMON_WORDS: Final = {
    (Reason.NO_SUCH_MAILBOX, Fault.RECIPIENT): "userunknown hasmoved",
    (Reason.NO_SUCH_DOMAIN, Fault.RECIPIENT): "hostunknown notaccept",
    (Reason.MAILBOX_DISABLED, Fault.RECIPIENT): "suspend",
    (Reason.MAILBOX_FULL, Fault.RECIPIENT): "mailboxfull",
    (Reason.RECIPIENT_FILTER, Fault.RECIPIENT): "filtered",
    (Reason.TEMPORARY, Fault.NETWORK): "expired networkerror systemerror systemfull",
    (Reason.RATE_LIMITED, Fault.SENDER): "speeding toomanyconn",
    (Reason.REPUTATION, Fault.SENDER): "blocked badreputation requireptr",
    (Reason.AUTHENTICATION, Fault.SENDER): "authfailure failedstarttls",
    (Reason.POLICY, Fault.SENDER): (
        "spamdetected policyviolation contenterror virusdetected notcompliantrfc securityerror"
    ),
    (Reason.SENDER_REFUSED, Fault.SENDER): "rejected norelaying",
    (Reason.TOO_BIG, Fault.SENDER): "mesgtoobig exceedlimit",
    (Reason.SYNTAX, Fault.SENDER): "syntaxerror",
    (Reason.UNKNOWN, Fault.UNKNOWN): "mailererror onhold undefined",
}
WORDS: Final[Mapping[str, tuple[Reason, Fault]]] = {
    word: of for of, words in _COMMON_WORDS.items() for word in words.split()
}
"""Each of the field's words → our reason, and whose fault that is."""

FAULTS: Final[Mapping[Reason, Fault]] = dict(_COMMON_WORDS.keys())
"""Whose fault each reason is."""

DEAD: Final = frozenset({"userunknown", "hasmoved", "hostunknown", "notaccept"})
"""The words that say: nobody will ever read mail there. Only these are hard, and only when said for good."""


def meaning(word: str, rule: str, *, temporary: bool = False) -> Meaning:
    """Build the meaning of one of the field's words; what is said for now only (4xx) is never hard."""
    reason, fault = WORDS[word]
    return Meaning(reason, word, word in DEAD and not temporary, fault, rule)
