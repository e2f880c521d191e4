"""When a send will be through its relay, by the relay's limits: planned before anybody approves it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from pipeline.limits.metering import Limits, day_of

DAYS_AT_MOST: Final = 366
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`days`: how many go out on each UTC day."""

    days: tuple[tuple[date, int], ...]
    finishes: datetime | None
    """None: by its limits alone the relay would take all at once, or not within a year."""


def forecast(people: int, *, starts: datetime, limits_on: Callable[[date], Limits], used: int = 0) -> Forecast:
    """Lay `people` messages over the days from `starts`, of whose first day `used` messages are gone."""
    days: list[tuple[date, int]] = []
    now, left, limits = starts, people, limits_on(starts.date())
    while left > 0 and len(days) < DAYS_AT_MOST:
        limits = limits_on(now.date())
        fit = _fit(limits, day_of(now) + _DAY - now, 0 if days else used)
        number = left if fit is None else min(left, fit)
        days.append((now.date(), number))
        left -= number
        if left:
            now = day_of(now) + _DAY
    last = days[-1][1] if days else 0
    slow = _seconds(last, limits)
    if left or not days or (slow is None and len(days) == 1):
        return Forecast(tuple(days), None)
    return Forecast(tuple(days), now + timedelta(seconds=slow or 0))


def _fit(limits: Limits, time: timedelta, used: int) -> int | None:
    """How many a day still takes; None: any number."""
    seconds = time.total_seconds()
    fits = [
        None if limits.rate is None else int(limits.rate * seconds),
        None if limits.per_hour is None else -int(-seconds // 3_600) * limits.per_hour,
        None if limits.per_day is None else max(0, limits.per_day - used),
    ]
    return min((fit for fit in fits if fit is not None), default=None)


def _seconds(number: int, limits: Limits) -> float | None:
    """How long the last day's take at the limits within a day; None: there are none."""
    times = []
    if limits.rate is not None:
        times.append(number / limits.rate)
    if limits.per_hour is not None:
        times.append((number - 1) // limits.per_hour * 3_600.0)
    return max(times, default=None)
