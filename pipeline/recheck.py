"""Looks into the rulings that wait, when their time has come.

DNS is asked again for a domain that was said not to exist; what was counted is counted once more when the reports of
others have come.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from pipeline import errands
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.hosts import judge_way_in
from pipeline.domains.lookup import Lookup
from pipeline.models import Ruling
from pipeline.queries.rulings import policies
from pipeline.replies import Action, Policy, Reason
from pipeline.transitions import rulings

LOOKS: Final = 3
"""At once, in the middle, and at the end of the policy's days."""
ASK_AGAIN: Final = timedelta(hours=2)
"""When DNS did not answer."""
PATIENCE: Final = timedelta(days=5)
"""So long after the policy's days it may go on not answering; then the address stays."""
LOCK: Final = (0x5052_4543, 0)
_BY: Final = "feedback"


def look_into(lookup: Lookup, *, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
    """Look into the rulings that are due, for a minute at most, each domain asked once; how many.

    None while somebody else does it.
    """

    @cache
    def way_in(domain: str) -> Finding:
        return judge_way_in(domain, lookup)

    known = policies()
    return errands.do_due(
        LOCK,
        lambda: rulings.take_due_ruling(now),
        lambda ruling: _look(ruling, known[Reason(ruling.reason)], way_in, now),
        stopping=stopping,
    )


def _look(ruling: Ruling, policy: Policy, way_in: Callable[[str], Finding], now: datetime) -> None:
    if policy.action is Action.RECHECK:
        _ask(ruling, policy, way_in(ruling.domain), now)
    elif policy.action is Action.COUNT:
        rulings.settle_counted(ruling, policy, at=now)
    else:
        rulings.discard(ruling.pk, by=_BY, why="The policy has been changed meanwhile.", at=now)


def _ask(ruling: Ruling, policy: Policy, found: Finding, now: datetime) -> None:
    """Missing each time over the policy's days: given up. Found once: it stays. No answer proves nothing."""
    span = timedelta(days=policy.days)
    if found.verdict is Verdict.OK:
        rulings.discard(ruling.pk, by=_BY, why=f"{found.detail}.", at=now)
    elif found.verdict is not Verdict.BAD:
        if now < ruling.made_at + span + PATIENCE:
            rulings.look_again(ruling, due_at=now + ASK_AGAIN, missing=False)
        else:
            rulings.discard(ruling.pk, by=_BY, why=f"It could not be found out: {found.detail}.", at=now)
    elif ruling.looks + 1 >= LOOKS and now >= ruling.made_at + span:
        why = f"{found.detail}: said {ruling.looks + 1} times within {(now - ruling.made_at).days} days."
        rulings.uphold(ruling.pk, by=_BY, why=why, at=now)
    else:
        next_look = ruling.made_at + span * (ruling.looks + 1) / (LOOKS - 1)
        rulings.look_again(ruling, due_at=max(next_look, now + span / 4), missing=True)
