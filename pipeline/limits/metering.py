"""Grants: what a worker may start next, out of limits per second, hour and day that all workers share.

The rate is kept by the generic cell rate algorithm (ITU-T I.371, annex A): what is granted is a piece of time, which
begins where the last one ended. Pieces never overlap, so any number of workers together keep the rate; a piece that
nobody used has gone by, so nothing is made up for. Hours and days are counted, by UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

AHEAD: Final = timedelta(seconds=1)
"""How far ahead a worker draws, and so how much a worker that dies takes with it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    rate: float | None = None
    """Messages per second."""
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def counted(self) -> bool:
        """Whether anything must be remembered between two grants."""
        return (self.rate, self.per_hour, self.per_day) != (None, None, None)

    def less(self, per_cent: int) -> "Limits":
        """What is left for issues when a share is kept for our own mails: never nothing. The rate is theirs in turn."""

        def of(limit: int | None) -> int | None:
            return limit and max(1, limit * (100 - per_cent) // 100)

        return Limits(self.rate, of(self.per_hour), of(self.per_day))


@dataclass(frozen=True, slots=True)
class Meter:
    """What has been granted so far: the columns of `models.Metered`."""

    free_at: datetime | None = None
    hour_at: datetime | None = None
    hour_count: int = 0
    day_at: datetime | None = None
    day_count: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """`number` messages may be started: paced, evenly from `begins` to `ends`; else at once."""

    number: int
    begins: datetime
    ends: datetime
    paced: bool = False
    rests_for: str = ""
    """`hour` or `day`: that limit is used up until `ends`. Else nothing granted means: ask again then."""


@dataclass(frozen=True, slots=True)
class Unused:
    """What is left of an earlier grant, given back."""

    number: int
    granted_at: datetime
    """Only the same hour and day get it back."""


def take(
    meter: Meter, limits: Limits, *, now: datetime, wanted: int, unused: Unused | None = None
) -> tuple[Meter, Grant]:
    """Grant up to `wanted` messages for the second that begins, after taking back what an earlier grant left over."""
    meter = _of_today(meter, now)
    if unused is not None:
        meter = _returned(meter, unused)
    rests = _resting(meter, limits, now)
    if rests:
        return meter, rests
    number = min([wanted, *_left(meter, limits)])
    begins = max(meter.free_at or now, now)
    if limits.rate is None:
        return _counted(meter, number), Grant(number, now, now + AHEAD)
    number = min(number, _room(begins - now, limits.rate))
    if number < 1:
        return meter, Grant(0, begins, max(begins - AHEAD + timedelta(seconds=1 / limits.rate), now))
    ends = begins + timedelta(seconds=number / limits.rate)
    return replace(_counted(meter, number), free_at=ends), Grant(number, begins, ends, paced=True)


def take_ahead(meter: Meter, limits: Limits, *, now: datetime) -> tuple[Meter, Grant]:
    """Grant one of our own mails: out of the whole hour and day, and the next piece of the rate, however far ahead."""
    meter = _of_today(meter, now)
    if rests := _resting(meter, limits, now):
        return meter, rests
    begins = max(meter.free_at or now, now)
    if limits.rate is None:
        return _counted(meter, 1), Grant(1, now, now + AHEAD)
    ends = begins + timedelta(seconds=1 / limits.rate)
    return replace(_counted(meter, 1), free_at=ends), Grant(1, begins, ends, paced=True)


def daily_limit(per_day: int | None, ramp: Sequence[int], ramp_from: date | None, day: date) -> int | None:
    """The limit of one day: by the warm-up while it lasts (its first step before it begins), else the usual one."""
    if not ramp or ramp_from is None:
        return per_day
    step = max(0, (day - ramp_from).days)
    if step >= len(ramp):
        return per_day
    return ramp[step] if per_day is None else min(ramp[step], per_day)


def hour_of(now: datetime) -> datetime:
    """Where the hour began."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(now: datetime) -> datetime:
    """Where the UTC day began."""
    return hour_of(now).replace(hour=0)


def _room(ahead: timedelta, rate: float) -> int:
    """How many fit between the end of the last piece and one second from now; one that is slower than that, always."""
    room = int((AHEAD - ahead).total_seconds() * rate + 1e-6)
    return room or (1 if ahead <= timedelta(0) else 0)


def _of_today(meter: Meter, now: datetime) -> Meter:
    hour, day = hour_of(now), day_of(now)
    if meter.hour_at != hour:
        meter = replace(meter, hour_at=hour, hour_count=0)
    return meter if meter.day_at == day else replace(meter, day_at=day, day_count=0)


def _returned(meter: Meter, unused: Unused) -> Meter:
    if hour_of(unused.granted_at) == meter.hour_at:
        meter = replace(meter, hour_count=max(0, meter.hour_count - unused.number))
    if day_of(unused.granted_at) == meter.day_at:
        meter = replace(meter, day_count=max(0, meter.day_count - unused.number))
    return meter


def _counted(meter: Meter, number: int) -> Meter:
    return replace(meter, hour_count=meter.hour_count + number, day_count=meter.day_count + number)


def _left(meter: Meter, limits: Limits) -> list[int]:
    pairs = ((limits.per_hour, meter.hour_count), (limits.per_day, meter.day_count))
    return [limit - count for limit, count in pairs if limit is not None]


def _resting(meter: Meter, limits: Limits, now: datetime) -> Grant | None:
    if limits.per_day is not None and meter.day_count >= limits.per_day:
        return Grant(0, now, day_of(now) + timedelta(days=1), rests_for="day")
    if limits.per_hour is not None and meter.hour_count >= limits.per_hour:
        return Grant(0, now, hour_of(now) + timedelta(hours=1), rests_for="hour")
    return None
