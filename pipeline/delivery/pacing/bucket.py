"""Grants of one meter, drawn from the books about once a second and spent without asking them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self

from pipeline.limits.metering import AHEAD, Unused
from pipeline.transitions import Drawn

BURST_SECONDS: Final = 0.05
"""What was not started when it might have been is made up for by this much, and no more."""
UNLIMITED: Final = 1_000_000
WANTED_AT_LEAST: Final = 256
"""Of a relay with limits by hour and day alone: how many are drawn, or twice what was used of the last grant."""
SOONEST: Final = 0.02
"""Seconds between two draws that found nothing."""


class Draw(Protocol):
    """Where a bucket is filled."""

    def __call__(self, *, wanted: int, unused: Unused | None) -> Drawn: ...


class Bucket:
    """May I start some, I start so many, how long must I wait.

    Without a limit it is one question to the database a second, which is also how a limit that is set, or changed, in
    the middle of a send comes to hold.
    """

    def __init__(self, draw: Draw, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._draw_from, self._clock = draw, clock
        self._piece = _Piece(limited=True)
        self._tokens, self._spent = 0.0, 0
        self._look_at = clock()
        self.over = False
        """An hour's or a day's limit is used up: nothing can be started for longer than it is worth waiting."""

    def allowed(self) -> int:
        """How many may be started now."""
        now = self._clock()
        if now >= self._look_at:
            self._draw(now)
        if not self._piece.limited:
            return UNLIMITED
        self._tokens = min(self._tokens + self._piece.accrued(now), self._piece.room)
        return int(self._tokens + 1e-6)

    def spend(self, number: int) -> None:
        """Say that so many were started."""
        if self._piece.limited:
            self._tokens -= number
            self._spent += number
            if self._spent >= self._piece.number and not self._piece.rate:
                self._look_at = self._clock()

    def wait(self) -> float:
        """Seconds until asking again is worth it; a second at most."""
        if not self._piece.limited:
            return 0.0
        now = self._clock()
        token = self._piece.next_token(now, self._tokens)
        return max(0.0, min(token, self._look_at, now + AHEAD.total_seconds()) - now)

    def starve(self) -> None:
        """Allow nothing for a second: the books cannot be asked."""
        self._piece, self._look_at = _Piece(limited=True), self._clock() + AHEAD.total_seconds()
        self._tokens, self._spent = 0.0, 0

    def unused(self) -> Unused | None:
        """What is left of the last grant."""
        left = self._piece.number - self._spent
        return Unused(left, self._piece.granted_at) if left > 0 and self._piece.granted_at else None

    def _draw(self, now: float) -> None:
        drawn = self._draw_from(wanted=max(WANTED_AT_LEAST, 2 * self._spent), unused=self.unused())
        self._piece = _Piece.of(drawn, now)
        self._look_at = max(self._piece.ends, now + SOONEST)
        self.over = bool(drawn.grant.rests_for)
        self._tokens, self._spent = 0.0, 0


@dataclass(slots=True)
class _Piece:
    """A grant by the clock of this process: `number` tokens, the first at `begins`, the others evenly after it."""

    limited: bool
    number: int = 0
    begins: float = 0.0
    ends: float = 0.0
    rate: float = 0.0
    """Tokens per second; 0: all at once."""
    granted_at: datetime | None = None
    given: float = 0.0
    """Tokens that have been given out of this piece."""

    @classmethod
    def of(cls, drawn: Drawn, now: float) -> Self:
        grant = drawn.grant
        begins, ends = (now + (each - drawn.at).total_seconds() for each in (grant.begins, grant.ends))
        if not drawn.limited:
            return cls(limited=False, ends=now + AHEAD.total_seconds())
        rate = grant.number / (ends - begins) if grant.paced else 0.0
        return cls(True, grant.number, begins, ends, rate, drawn.at)

    @property
    def room(self) -> float:
        return max(1.0, self.rate * BURST_SECONDS) if self.rate else float(self.number)

    def accrued(self, now: float) -> float:
        """The tokens that have come since this was last asked."""
        due = 0.0 if now < self.begins else min(self.number, (now - self.begins) * self.rate + 1)
        if not self.rate:
            due = self.number
        new, self.given = max(0.0, due - self.given), max(due, self.given)
        return new

    def next_token(self, now: float, tokens: float) -> float:
        """When there will be a whole one."""
        if not self.rate or self.given >= self.number:
            return self.ends
        return max(now, self.begins) + (1 - tokens) / self.rate if self.given else self.begins
