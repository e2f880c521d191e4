"""The destinations of a batch: which must wait, and what their replies teach."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import ceil
from typing import Final

from pipeline import transitions
from pipeline.delivery.envelope import Result
from pipeline.delivery.pacing.bucket import UNLIMITED, Bucket
from pipeline.limits.destinations import destination_of
from pipeline.limits.easing import ANSWERS_FOR_ONE, LAST, Lesson, lesson
from pipeline.limits.metering import Unused
from pipeline.transitions import Claimed, Drawn, Slowed

LOOK_SECONDS: Final = 1.0
SHORTEST_PARK: Final = timedelta(seconds=1)
_CLOSING: Final = 421
RELAYS_OWN: Final = 3
"""So many destinations that say the same, with nothing taken in between, are one relay that has had enough."""


@dataclass(slots=True)
class _Kept:
    """A destination that must not be given everything."""

    blocked_until: float
    bucket: Bucket | None


class Manners:
    """Asks the books once a second; between that it knows what it must."""

    def __init__(
        self,
        transport_id: int,
        send_id: int,
        *,
        teaches: bool,
        scale: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport_id, self._send_id = transport_id, send_id
        self._teaches, self._scale, self._clock = teaches, scale, clock
        self._kept: dict[str, _Kept] = {}
        self._look_at = clock()
        self._recent: dict[str, deque[str]] = defaultdict(partial(deque, maxlen=LAST))
        self._worth: set[str] = set()
        """Those of whom something is to be written down: what goes well with the others is not worth a word."""
        self._trouble: dict[str, str] = {}
        self._complaining: set[str] = set()
        self._has_enough = False
        """A relay that speaks for itself alone ended the connection instead of taking a message."""
        self._rates: dict[str, float] = {}

    @property
    def any(self) -> bool:
        """Whether some destination must wait."""
        return bool(self._kept)

    @property
    def all_complain(self) -> bool:
        """It is the relay, and not those whom the mail is for."""
        return self._has_enough or len(self._complaining) >= RELAYS_OWN

    def look(self) -> bool:
        """Write down what was learned, then read who must wait: at once after trouble, else once a second (True)."""
        now = self._clock()
        if not self._trouble and now < self._look_at:
            return False
        self._tell()
        if self._kept:
            transitions.ease(self._transport_id, scale=self._scale)
        found = {each.name: each for each in transitions.slowed_destinations(self._transport_id, self._send_id)}
        self._kept = {name: self._keep(each, now) for name, each in found.items()}
        self._look_at = now + LOOK_SECONDS
        return True

    def caps(self) -> Mapping[str, int] | None:
        """How many may be claimed for each destination that must wait; None: nobody must."""
        if not self._kept:
            return None
        now = self._clock()
        return {name: self._allowed(kept, now) for name, kept in self._kept.items()}

    def going_slowly(self) -> list[str]:
        """Those that are slowed down and not stopped."""
        now = self._clock()
        return [name for name, kept in self._kept.items() if kept.blocked_until <= now]

    def wait(self) -> float:
        """Seconds until one of those may have another; a second at most."""
        now = self._clock()
        waits = (kept.bucket.wait() for kept in self._kept.values() if kept.bucket and kept.blocked_until <= now)
        return min(waits, default=LOOK_SECONDS)

    def parked_for(self, one: Claimed) -> timedelta | None:
        """How long this one must be put back for; None: it may go now, and is counted."""
        kept = self._kept.get(destination_of(one.address_key))
        if kept is None:
            return None
        now = self._clock()
        if kept.blocked_until > now:
            return timedelta(seconds=ceil(kept.blocked_until - now))
        if kept.bucket is None:
            return None
        if kept.bucket.allowed() < 1:
            return SHORTEST_PARK
        kept.bucket.spend(1)
        return None

    def heard(self, one: Claimed, result: Result) -> bool:
        """Learn from a reply; True if it says that the destination has had enough."""
        if not self._teaches:
            self._has_enough |= result.code == _CLOSING and result.command in ANSWERS_FOR_ONE
            return False
        taught = lesson(code=result.code, enhanced=result.enhanced, command=result.command, words=result.text)
        name = destination_of(one.address_key)
        if taught is Lesson.TROUBLE:
            self._trouble.setdefault(name, result.text)
            self._complaining.add(name)
            self._worth.add(name)
            self._recent[name].append(Lesson.PUT_OFF.value)
            return True
        if taught is Lesson.WELL:
            self._complaining.clear()
        if taught is Lesson.PUT_OFF:
            self._worth.add(name)
        if taught is not Lesson.NOTHING:
            self._recent[name].append(taught.value)
        return False

    def close(self) -> None:
        """Write down what was learned."""
        self._tell()

    def _tell(self) -> None:
        worth = self._worth | (self._kept.keys() & self._recent.keys())
        self._worth = set()
        for name in worth:
            transitions.learn(
                self._transport_id,
                name,
                outcomes="".join(self._recent.pop(name)),
                trouble=self._trouble.pop(name, ""),
                scale=self._scale,
            )

    def _keep(self, found: Slowed, now: float) -> _Kept:
        before = self._kept.get(found.name)
        bucket = before.bucket if before and before.bucket else None
        if found.rate is None:
            bucket = None
        else:
            bucket = bucket or Bucket(partial(self._draw, found.name), clock=self._clock)
            self._rates[found.name] = found.rate
        return _Kept(now + found.blocked_for.total_seconds(), bucket)

    def _draw(self, name: str, *, wanted: int, unused: Unused | None) -> Drawn:
        del unused  # a rate makes up for nothing
        return transitions.draw_for_destination(self._transport_id, name, wanted=wanted, rate=self._rates[name])

    @staticmethod
    def _allowed(kept: _Kept, now: float) -> int:
        if kept.blocked_until > now:
            return 0
        return kept.bucket.allowed() if kept.bucket else UNLIMITED
