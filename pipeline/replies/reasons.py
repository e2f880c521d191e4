"""Why a message was not taken, in our words, with the field's common word beside it (Sisimai's)."""

from dataclasses import dataclass
from enum import StrEnum


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
