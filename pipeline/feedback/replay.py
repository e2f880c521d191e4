"""Reads what is stored of what came back again, by today's rules, and puts right what is taken otherwise now."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from pipeline.feedback.correcting import Difference, correct
from pipeline.feedback.reading import Reading, UnreadError, as_taken, read_again
from pipeline.models import Feedback
from pipeline.queries.stored import Chosen, gone, stored, stored_until
from pipeline.transitions.corrections import Effect


@dataclass(slots=True)
class Tally:
    """How far a replay is, and what it has found."""

    stored: int
    """How many messages are asked for."""
    gone: int = 0
    """How many have been deleted so far because their time was over."""
    read: int = 0
    unread: int = 0
    """Of these, how many cannot be read; they stay what they were taken for."""
    changes: Counter[tuple[Reading, Reading]] = field(default_factory=Counter)
    """What they were, what they are now, without whose they are and what they say: how many."""

    effects: Counter[Effect] = field(default_factory=Counter)
    """What comes of it, by addresses; of those with thousands of messages, by fifty of them."""

    @property
    def differing(self) -> int:
        return sum(self.changes.values())

    def add(self, found: Sequence[Difference]) -> None:
        """Count those of one delivery that differ."""
        self.changes.update((each.was.outline, each.now.outline) for each in found)
        self.effects.update({each.effect for each in found})


def replay(
    chosen: Chosen,
    *,
    dry_run: bool,
    told: Callable[[Difference], None],
    go_on: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Put right what differs and tell it, those of one delivery together; `dry_run` changes nothing.

    Each delivery is a transaction of its own, so it may be stopped anywhere and done again: what is right stays as it
    is. In the order of arrival, in bounded memory. `go_on` hears how far it is.
    """
    number, last = stored_until(chosen)
    tally = Tally(number, gone=gone())
    for portion in stored(chosen, last=last):
        if differing := _differences(portion, tally):
            found = correct(differing, dry_run=dry_run, at=timezone.now())
            tally.add(found)
            for each in found:
                told(each)
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
