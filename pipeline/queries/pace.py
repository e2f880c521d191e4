"""How fast a send goes, and when it will be through at that pace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.models import DeliveryState, Send, SendState
from pipeline.queries.books import LATELY, Count

_HANDED: Final = frozenset(
    {DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.UNCERTAIN, DeliveryState.HELD}
)
_TO_GO: Final = frozenset({DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT})


@dataclass(frozen=True, slots=True)
class Pace:
    per_second: float
    """Over the last minute, or since the start if that is shorter."""
    to_go: int
    ends_at: datetime | None
    """At this pace. None while nothing moves, and when all is done: then there is nothing to foresee."""


def pace_of(send: Send, counted: Sequence[Count], now: datetime, *, until: datetime | None = None) -> Pace:
    """From the counts of one moment. `until`: it waits till then before it goes on."""
    to_go = sum(count.n for count in counted if count.state in _TO_GO)
    if send.state != SendState.SENDING or send.started_at is None:
        return Pace(0.0, to_go, None)
    seconds = min(LATELY, max(now - send.started_at, timedelta(seconds=1))).total_seconds()
    rate = sum(count.lately for count in counted if count.state in _HANDED) / seconds
    goes_on = max(now, until) if until else now
    return Pace(rate, to_go, goes_on + timedelta(seconds=to_go / rate) if rate and to_go else None)
