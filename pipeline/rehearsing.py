"""A rehearsal of a send: the editions compiled, and every reader's message made and looked at. Nothing is sent.

The command line plays one at once; the pages ask a worker for it and show how far it is.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline import transitions
from pipeline.content.rehearse import Rehearsal as Stage
from pipeline.content.rehearse import Trouble
from pipeline.content.types import ContentError
from pipeline.errors import PressrunError
from pipeline.models import Issue, Rehearsal
from pipeline.queries import readers
from pipeline.queries.audience import NO_EDITION, reach_of
from pipeline.sending import Plan, audience_of, compiled

NAMED: Final = 1_000
"""People that a page remembers for each kind of trouble; the counts are of all."""
STEP: Final = 2_000
"""People between two looks at whether to go on."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong with one reader's message."""

    edition: str
    subscriber_id: int
    email: str
    trouble: Trouble
    detail: str


@dataclass(slots=True)
class Tally:
    """What a rehearsal found so far."""

    people: int
    """Whom the send would reach."""
    played: int = 0
    counts: defaultdict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(edition, trouble, detail) → people."""
    first: defaultdict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """The same → subscribers' ids, NAMED at most."""

    def add(self, told: Told) -> None:
        key = (told.edition, str(told.trouble), told.detail)
        self.counts[key] += 1
        if len(self.first[key]) < NAMED:
            self.first[key].append(told.subscriber_id)

    def by_weight(self) -> list[tuple[tuple[str, str, str], int]]:
        """The counts, what troubles most people first."""
        return sorted(self.counts.items(), key=lambda each: (-each[1], each[0]))


def rehearse(
    issues: Sequence[Issue],
    plan: Plan,
    *,
    go_on: Callable[[Tally], bool],
    told: Callable[[Told], None] = lambda _: None,
) -> Tally:
    """Make the message of everyone whom the send would reach now.

    `go_on` is asked now and then, and at the end; when it says no, the rest is left. `told` hears of every trouble.
    Raises PressrunError and ContentError as `create_send` does; findings of preflight do not stop it.
    """
    audience = audience_of(issues, plan)
    stages = {issue.language: Stage(compiled(issue).proof) for issue in issues}
    tally = Tally(reach_of(audience).reached)
    for edition, pk, email, first_name, last_name, language in readers(audience):
        seen = stages[edition].play(email=email, first_name=first_name, last_name=last_name, language=language)
        tally.played += 1
        for one in seen:
            trouble = Told(edition, pk, email, one.trouble, one.detail)
            tally.add(trouble)
            told(trouble)
        if tally.played % STEP == 0 and not go_on(tally):
            return tally
    go_on(tally)
    return tally


def play(rehearsal_id: int, *, stopping: Callable[[], bool]) -> None:
    """Play a rehearsal unless someone else does. When the worker ends, it waits for the next one, from the start."""
    row = transitions.take_rehearsal(rehearsal_id)
    if row is None:
        return
    issues = list(row.issues.select_related("newsletter"))
    plan = Plan(
        lists=row.lists,
        excluded=row.excluded,
        parent=row.parent,
        follows=row.follows or NO_EDITION,
        due_at=row.asked_at,
        approved_by="",
    )

    def go_on(tally: Tally) -> bool:
        troubles = [[*key, n, tally.first[key]] for key, n in tally.by_weight()]
        transitions.keep_rehearsal(row, people=tally.people, played=tally.played, troubles=troubles)
        return not stopping()

    try:
        rehearse(issues, plan, go_on=go_on)
    except (PressrunError, ContentError) as error:
        transitions.end_rehearsal(row, why=str(error))
    else:
        transitions.end_rehearsal(row)


def ask(issues: Sequence[Issue], plan: Plan, *, asked_by: int | None) -> Rehearsal:
    """Write down that someone wants one. Raises PressrunError for what `create_send` would refuse, too."""
    audience_of(issues, plan)
    row = Rehearsal.objects.create(
        lists=list(plan.lists),
        excluded=list(plan.excluded),
        parent=plan.parent,
        follows=plan.follows if plan.parent else "",
        asked_by_id=asked_by,
    )
    row.issues.set(issues)
    return row
