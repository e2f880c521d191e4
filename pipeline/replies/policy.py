"""What a meaning does to the person's address: the defaults, what an admin may make of them, and how they are read.

One decision for SMTP replies, for mail that comes back and for webhooks alike. The policies in force are rows of the
database (`pipeline.models.Policy`), which the migrations fill with DEFAULTS. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.replies.reasons import Fault, Meaning, Reason


class Action(StrEnum):
    SUPPRESS = "suppress"
    """The address is dead: it gets nothing more, from any newsletter."""
    RECHECK = "recheck"
    """Ask DNS for the domain, again and again over `days`; suppress when it is missing each time."""
    COUNT = "count"
    """One means nothing. Suppress after `issues` of them in a row, over at least `days`."""
    IGNORE = "ignore"
    """Noted with the delivery, never held against the address."""


@dataclass(frozen=True, slots=True)
class Policy:
    action: Action
    issues: int = 1
    days: int = 0


_DEAD: Final = frozenset({Reason.NO_SUCH_MAILBOX, Reason.NO_SUCH_DOMAIN})
_COUNTED_OR_NOT: Final = (Action.COUNT, Action.IGNORE)
CHOICES: Final[Mapping[Reason, tuple[Action, ...]]] = dict.fromkeys(Reason, (Action.IGNORE,)) | {
    Reason.NO_SUCH_MAILBOX: (Action.SUPPRESS, Action.COUNT, Action.IGNORE),
    Reason.NO_SUCH_DOMAIN: (Action.RECHECK, Action.COUNT, Action.IGNORE),
    Reason.MAILBOX_DISABLED: _COUNTED_OR_NOT,
    Reason.MAILBOX_FULL: _COUNTED_OR_NOT,
    Reason.RECIPIENT_FILTER: _COUNTED_OR_NOT,
    Reason.TEMPORARY: _COUNTED_OR_NOT,
}
"""What an admin may choose. Where there is one choice, it is no reader's fault, or nobody knows whose."""

DEFAULTS: Final[Mapping[Reason, Policy]] = dict.fromkeys(Reason, Policy(Action.IGNORE)) | {
    Reason.NO_SUCH_MAILBOX: Policy(Action.SUPPRESS),
    Reason.NO_SUCH_DOMAIN: Policy(Action.RECHECK, days=2),
    Reason.MAILBOX_DISABLED: Policy(Action.COUNT, issues=3, days=30),
    Reason.MAILBOX_FULL: Policy(Action.COUNT, issues=5, days=30),
    Reason.RECIPIENT_FILTER: Policy(Action.COUNT, issues=5, days=60),
    # The least telling of all: it may be the mailbox, its server, the network or the relay between. Two months
    # outlast what servers' outages and moves take, and seven issues in a row are no chance of one bad evening.
    Reason.TEMPORARY: Policy(Action.COUNT, issues=7, days=60),
}
"""As the migration seeds them. A test holds the two together."""

ISSUES: Final = range(2, 101)
DAYS: Final = range(7, 366)
RECHECK_DAYS: Final = range(1, 15)


def counted_as(reason: Reason, *, hard: bool) -> Reason:
    """Which policy a failure falls under: "no such mailbox" for now only (4xx) is a passing trouble like others."""
    return Reason.TEMPORARY if reason in _DEAD and not hard else reason


_TELLING: Final = (
    Reason.UNKNOWN,
    Reason.TEMPORARY,
    Reason.SYNTAX,
    Reason.RATE_LIMITED,
    Reason.TOO_BIG,
    Reason.SENDER_REFUSED,
    Reason.POLICY,
    Reason.REPUTATION,
    Reason.AUTHENTICATION,
    Reason.RECIPIENT_FILTER,
    Reason.MAILBOX_FULL,
    Reason.MAILBOX_DISABLED,
    Reason.NO_SUCH_DOMAIN,
    Reason.NO_SUCH_MAILBOX,
)
"""The least telling first: nobody knows, it may pass, what is wrong with us, what is wrong with this one mailbox."""


def strength(reason: str, *, hard: bool) -> tuple[bool, int, int]:
    """How much a bounce says; of several about one delivery the strongest stands, whichever came first.

    A total order: dead before alive, then by what it counts as, then by what was said.
    """
    said = Reason(reason) if reason in set(Reason) else Reason.UNKNOWN  # a name from before, or after, this version
    return hard, _TELLING.index(counted_as(said, hard=hard)), _TELLING.index(said)


def action_for(meaning: Meaning, policies: Mapping[Reason, Policy] = DEFAULTS) -> Action:
    """Say what to do. To keep a dead address costs little, to drop a reader is for ever.

    A domain that cannot be found is looked for again, because a fault in somebody's DNS looks the same; a domain that
    says itself that it takes no mail (null MX, RFC 7505) is believed at once.
    """
    action = policies[counted_as(meaning.reason, hard=meaning.hard)].action
    believed = action is Action.RECHECK and meaning.reason_sisimai == "notaccept"
    return Action.SUPPRESS if believed else action


def may_touch_an_address(meaning: Meaning) -> bool:
    """Whether any policy could hold this against an address. False: it is the sender's, or nobody's known, fault."""
    return meaning.fault not in {Fault.SENDER, Fault.UNKNOWN}


def why_not(reason: Reason, policy: Policy) -> str:
    """Why a policy cannot be had, in a sentence; empty: it can."""
    if policy.action not in CHOICES[reason]:
        if len(CHOICES[reason]) == 1:
            return "This is no fault of the reader, or nobody knows whose it is. It never suppresses an address."
        return f"Choose one of: {', '.join(CHOICES[reason])}."
    if policy.action is Action.COUNT and (policy.issues not in ISSUES or policy.days not in DAYS):
        return f"Count {ISSUES[0]} to {ISSUES[-1]} issues, over {DAYS[0]} to {DAYS[-1]} days."
    if policy.action is Action.RECHECK and policy.days not in RECHECK_DAYS:
        return f"Ask again for {RECHECK_DAYS[0]} to {RECHECK_DAYS[-1]} days."
    return ""
