"""Reads what is stored of what came back again, by today's rules, and says what would be taken otherwise now."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.feedback.reading import Reading, UnreadError, as_taken, read_again
from pipeline.models import Feedback
from pipeline.queries.stored import Chosen, stored, stored_until


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that is taken otherwise now."""

    id: int
    arrived: datetime
    kept_until: datetime | None
    was: Reading
    now: Reading


@dataclass(slots=True)
class Tally:
    """How far a replay is, and what it has found."""

    stored: int
    """How many messages are asked for."""
    read: int = 0
    unread: int = 0
    """Of these, how many cannot be read; they stay what they were taken for."""
    changes: Counter[tuple[Reading, Reading]] = field(default_factory=Counter)
    """What they were, what they are now, without whose they are and what they say: how many."""

    @property
    def differing(self) -> int:
        return sum(self.changes.values())

    def add(self, difference: Difference) -> None:
        """Count one that differs."""
        self.changes[difference.was.outline, difference.now.outline] += 1


def replay(
    chosen: Chosen, *, told: Callable[[Difference], None], go_on: Callable[[Tally], None] = lambda _: None
) -> Tally:
    """Tell each message that differs, in the order of arrival. `go_on` hears how far it is. Memory is bounded."""
    number, last = stored_until(chosen)
    tally = Tally(number)
    for portion in stored(chosen, last=last):
        for difference in _differences(portion, tally):
            tally.add(difference)
            told(difference)
        go_on(tally)
    return tally


def _differences(portion: list[Feedback], tally: Tally) -> list[Difference]:
    found = []
    for row in portion:
        tally.read += 1
        was = as_taken(row)
        try:
            now = read_again(row)
        except UnreadError:
            tally.unread += 1
            continue
        if now != was:
            found.append(Difference(row.pk, row.received_at, row.expires_at, was, now))
    return found
