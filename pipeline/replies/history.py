"""What the books say of one address over time, and whether that is enough to give it up. Pure: values in, values out.

Nothing is counted in advance. The deliveries of the last year are the count, so that a report that comes late, twice
or in another order ends the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.replies.classify import classify
from pipeline.replies.policy import Policy, counted_as
from pipeline.replies.reasons import Fault, Reason

IN_A_ROW: Final = "%(issues)s issues in a row did not arrive for this reason, over %(days)s days."
BOUNCE_WITHIN: Final = timedelta(days=14)
"""A later bounce is noted but held against nobody: relays give up after days, and old return paths lie in archives."""
TRIES_AT_LEAST: Final = 3
"""Of a delivery that we gave up ourselves: greylisting refuses a first try, and bad luck a second."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What the books hold of one delivery to the address."""

    send_id: int
    issue: str
    """The same for every edition of an issue and for all sends of it."""
    state: str
    reason: str
    left_at: datetime
    """Of its last change of state: handed over, refused or given up."""
    reply: str = ""
    attempts: int = 1
    bounced_at: datetime | None = None
    bounce_reason: str = ""
    bounce_hard: bool = False
    lives: tuple[datetime, ...] = ()
    """Clicks, answers, reports of arrival, leaving through it."""
    sees_replies: bool = False
    """Its relay answers with the words of the recipient's side."""
    keeps_return_path: bool = False
    """Its relay lets us know what comes back."""
    we_stopped: bool = False
    """The send was paused or held, or keeps to certain hours, so that its end was our doing."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Issues in a row that failed for one reason, and how far the first and the last lie apart."""

    fates: tuple[Fate, ...] = ()
    """One for each issue, the oldest first."""

    @property
    def issues(self) -> int:
        return len(self.fates)

    @property
    def words(self) -> str:
        return IN_A_ROW % {"issues": self.issues, "days": self.span.days}

    @property
    def span(self) -> timedelta:
        return self.fates[-1].left_at - self.fates[0].left_at if self.fates else timedelta()

    def is_enough(self, policy: Policy) -> bool:
        return self.issues >= policy.issues and self.span >= timedelta(days=policy.days)


def failed_as(fate: Fate) -> Reason | None:
    """The reason for which a delivery counts as failed; None: it does not. Any sign of life through it clears it."""
    if fate.lives:
        return None
    if fate.bounced_at is not None:
        late = fate.bounced_at - fate.left_at > BOUNCE_WITHIN
        return None if late else _known(fate.bounce_reason, hard=fate.bounce_hard)
    if fate.state == "rejected":
        return _known(fate.reason, hard=True)
    return _given_up_as(fate) if fate.state == "expired" else None


def life_of(fate: Fate, now: datetime) -> datetime | None:
    """When the address last showed that it lives by this delivery; None: it did not.

    To be taken is a sign where the relay speaks for the recipient's side, or where nothing came back in time although
    it would have.
    """
    signs = list(fate.lives)
    quiet = fate.keeps_return_path and now - fate.left_at > BOUNCE_WITHIN
    if fate.state == "accepted" and fate.bounced_at is None and (fate.sees_replies or quiet):
        signs.append(fate.left_at)
    return max(signs, default=None)


def tally(
    reason: Reason,
    fates: Iterable[Fate],
    *,
    now: datetime,
    cleared: Iterable[datetime] = (),
    counts: Callable[[Fate], bool] = lambda _: True,
) -> Tally:
    """Count the issues that failed for this reason since the last sign of life, each once, in whatever order.

    `cleared`: when a person, or what was looked into, spoke for the address. `counts` leaves single failures out.
    """
    known = list(fates)
    lives = [life for fate in known if (life := life_of(fate, now))]
    since = max([*lives, *cleared], default=None)
    firsts: dict[str, Fate] = {}
    for fate in sorted(known, key=lambda each: (each.left_at, each.send_id)):
        if failed_as(fate) is reason and (since is None or fate.left_at > since) and counts(fate):
            firsts.setdefault(fate.issue, fate)
    return Tally(tuple(firsts.values()))


def _known(reason: str, *, hard: bool) -> Reason | None:
    return counted_as(Reason(reason), hard=hard) if reason in set(Reason) else None  # `render` is ours


def _given_up_as(fate: Fate) -> Reason | None:
    """Our own giving up counts only if the last word, after enough tries without a stop of ours, was the mailbox's."""
    if fate.we_stopped or fate.attempts < TRIES_AT_LEAST or not fate.reply.startswith("4"):
        return None
    said = classify(fate.reply)
    if said.fault is Fault.RECIPIENT:
        return counted_as(said.reason, hard=False)
    return Reason.TEMPORARY if said.reason is Reason.TEMPORARY and fate.sees_replies else None
