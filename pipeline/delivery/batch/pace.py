"""A relay's "rate" setting, as permission to start messages."""

import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 0.05


class Pace:
    """A token bucket with room for 50 ms. `rate` None: no limit."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._room = max(1.0, (rate or 0) * BURST_SECONDS)
        self._tokens, self._at = self._room, clock()

    def allowed(self) -> int:
        """How many may be started now."""
        if self._rate is None:
            return 1_000_000
        now = self._clock()
        self._tokens = min(self._room, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def spend(self, number: int) -> None:
        """Say that so many were started."""
        if self._rate is not None:
            self._tokens -= number

    def wait(self) -> float:
        """Seconds until one more may be started."""
        if self._rate is None:
            return 0.0
        return max(0.0, (1 - self._tokens) / self._rate)
