"""A batch's foot on the brakes: what its relay says is counted for the send, with the replies that matter.

A send begins with a light foot. Until 200 messages are settled, and again after each reply that says that we are the
problem, a batch has no more of them in the air than its share of the replies that pause the send: when everybody
refuses us, hardly anybody was asked.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Final

from pipeline.delivery.pacing import UNLIMITED
from pipeline.models import Send
from pipeline.queries.storms import DEAD
from pipeline.transitions import Marked
from pipeline.transitions.brakes import ALARM_AT, OURS, count_outcomes
from pipeline.transitions.counts import Told, read_counts

TELL_AFTER: Final = 200
"""Outcomes without any refusal that are told together, so that a send that goes well pays for no counting."""
CAREFUL_FOR: Final = 200
"""Outcomes at the start, and after a reply that says that we are the problem, during which few are in the air."""


class Brake:
    """Tell it what was written; ask it how many messages may be started.

    `share`: this batch's part of all connections that the send may have.
    """

    def __init__(self, send: Send, owner: str, *, share: float = 1.0) -> None:
        self._send_id, self._owner, self._on, self._share = send.pk, owner, send.brakes, share
        self._untold = 0
        before = read_counts(send.pk)
        self._alarm = before.alarm
        self._light = self._on and not before.looked_at
        """Whether such replies pause the send by their number: once a person has looked at them, their share does."""
        self._careful = max(0, CAREFUL_FOR - before.outcomes)
        self._room = self._fair_room()
        """Such replies that this batch may still be the cause of; the others are left to its siblings."""

    @contextmanager
    def unless_it_fails(self) -> Iterator[None]:
        """What is noted within counts for nothing when an error ends it: it will be noted again."""
        before = (self._untold, self._alarm, self._careful, self._room)
        try:
            yield
        except BaseException:
            self._untold, self._alarm, self._careful, self._room = before
            raise

    def note(self, marked: Sequence[Marked], written: AbstractSet[int]) -> None:
        """Count replies; it may pause the send. Call it in the transaction that wrote them, `unless_it_fails`."""
        if not self._on:
            return
        settled = [one for one in marked if one.id in written and one.state in {"accepted", "rejected"}]
        ours = [
            one for one in settled if one.reason in OURS and one.reply[:1].isdigit()
        ]  # not what we refused ourselves
        dead = sum(one.state == "rejected" and one.reason in DEAD for one in settled)
        self._untold += len(settled)
        self._count(len(settled), len(ours))
        if ours or dead or self._untold >= TELL_AFTER:
            last = ours[-1] if ours else None
            self._tell(
                Told(
                    outcomes=self._untold,
                    dead=dead,
                    refused=len(ours),
                    words=last.reply if last else "",
                    reason=last.reason if last else "",
                )
            )

    def tells(self, accepted: int) -> bool:
        """Whether so many more that were accepted make it tell what it has noted."""
        return self._on and self._untold + accepted >= TELL_AFTER

    def allowed(self, flying: int) -> int:
        """How many may be started beside those that are in the air or not counted yet: few while it looks bad."""
        if not (self._light and self._careful):
            return UNLIMITED
        return max(self._room - flying, 0 if flying else 1)

    def end(self) -> None:
        """Tell what was not told yet."""
        if self._on and self._untold:
            self._tell(Told(outcomes=self._untold))

    def _count(self, settled: int, ours: int) -> None:
        if ours:
            self._careful = CAREFUL_FOR
            self._room -= ours
        elif self._careful:
            self._careful = max(0, self._careful - settled)
            if not self._careful:
                self._room = self._fair_room()

    def _fair_room(self) -> int:
        return int((ALARM_AT - self._alarm) * self._share)

    def _tell(self, told: Told) -> None:
        self._alarm = count_outcomes(self._send_id, self._owner, told)
        self._untold = 0
