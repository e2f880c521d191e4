"""When a send may go: wall times in a zone as moments, and the days and hours that people allow. Pure.

Zones change their clocks. A wall time that a change leaves out becomes the next minute that exists; one that comes
twice is meant the first time. What is kept is the moment in UTC with the zone and the wall time beside it, so that a
page can show what was asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import PressrunError

UNDO_FOR: Final = timedelta(minutes=3)
"""How long "send now" on a page can be taken back before anybody is written to."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE: Final = timedelta(minutes=1)
_QUARTER: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)
_LOOK_AHEAD: Final = 15
"""Days in which a weekly window opens at least once, also when a change of clocks swallows it in one week."""
_SPAN: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)")


class ScheduleError(PressrunError):
    """A zone or a window that cannot be understood. The text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A wall time as it will come about."""

    utc: datetime
    wall: datetime
    """What the clocks will show then, without zone."""
    moved: bool
    """The clocks skip what was asked for; this is the next minute that there is."""
    twice: bool
    """The clocks show it twice; this is the first time."""


@dataclass(frozen=True, slots=True)
class _Hours:
    """From a minute of the day to another, on one day of the week; 1440 is the end of the day."""

    day: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """Days and hours of the week, by the clocks of some zone, in which mail may go out. None at all: always."""

    text: str
    """`mon-fri 08:00-20:00, sat 09:00-12:00`; hours that end before they begin go on past midnight."""
    hours: tuple[_Hours, ...]

    @classmethod
    def parse(cls, text: str) -> "Window":
        """Read a window. Raises ScheduleError naming the part and what is allowed."""
        parts = [part for part in (" ".join(each.split()) for each in text.lower().split(",")) if part]
        hours = [each for part in parts for each in _hours(part)]
        return cls(", ".join(parts), tuple(sorted(set(hours), key=lambda each: (each.day, each.begin))))

    def __bool__(self) -> bool:
        return bool(self.hours)

    def is_open(self, at: datetime, zone: str) -> bool:
        """Whether mail may go out at a moment. Raises ScheduleError for a zone that there is not."""
        local = at.astimezone(zone_named(zone))
        minute = local.hour * 60 + local.minute
        return not self.hours or any(
            each.day == local.weekday() and each.begin <= minute < each.end for each in self.hours
        )

    def opens(self, at: datetime, zone: str) -> datetime:
        """The first moment from `at` on at which it is open: `at` itself, or when the next hours begin, in UTC."""
        if self.is_open(at, zone):
            return at
        found = (moment for moment in self._beginnings(at, zone) if moment >= at and self.is_open(moment, zone))
        return min(found)

    def _beginnings(self, at: datetime, zone: str) -> Iterator[datetime]:
        """When hours begin in the days to come: as written, and where a change of clocks lands within them."""
        place = zone_named(zone)
        today = at.astimezone(place).date()
        for day in (today + n * _DAY for n in range(-1, _LOOK_AHEAD)):
            changes = list(_changes(day, place))
            for wall in (_wall(day, each.begin) for each in self.hours if each.day == day.weekday()):
                yield moment_of(wall, zone).utc
                if changes:  # the clocks may show it a second time
                    yield wall.replace(tzinfo=place, fold=1).astimezone(UTC)
            yield from changes


def moment_of(wall: datetime, zone: str) -> Moment:
    """The moment at which the clocks of `zone` show `wall` (without a zone of its own).

    In a gap the next minute that there is, in an overlap the first of the two. Raises ScheduleError.
    """
    place = zone_named(zone)
    wall = wall.replace(tzinfo=None, fold=0)
    early, late = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    found = _local(min(early, late), place)
    if found == wall:
        return Moment(min(early, late), wall, moved=False, twice=early < late)
    moment = _first_after(wall, min(early, late), max(early, late), place)
    return Moment(moment, _local(moment, place), moved=True, twice=False)


def zone_named(name: str) -> ZoneInfo:
    """Raises ScheduleError for a name that is no time zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(
            f"{name!r} is not a time zone. Write one such as Europe/Paris, Asia/Seoul or UTC"
        ) from error


def _first_after(wall: datetime, early: datetime, late: datetime, place: ZoneInfo) -> datetime:
    """The end of the gap that swallows `wall`: between these two the clocks jump over it. Exact to the second."""
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        if _local(middle, place) < wall:
            early = middle
        else:
            late = middle
    shown = _local(late, place)
    missing = (_MINUTE - timedelta(seconds=shown.second)) if shown.second else timedelta(0)
    return late.replace(microsecond=0) + missing


def _changes(day: date, place: ZoneInfo) -> Iterator[datetime]:
    """Moments around a local day at which its clocks are changed, to the quarter of an hour; most days have none."""
    begin = datetime.combine(day, time(), place).astimezone(UTC) - _QUARTER
    if _offset(begin, place) == _offset(begin + _DAY + 5 * _QUARTER, place):
        return
    for before, after in pairwise(begin + n * _QUARTER for n in range(104)):
        if _offset(before, place) != _offset(after, place):
            yield after


def _offset(moment: datetime, place: ZoneInfo) -> timedelta | None:
    return moment.astimezone(place).utcoffset()


def _local(moment: datetime, place: ZoneInfo) -> datetime:
    return moment.astimezone(place).replace(tzinfo=None, fold=0)


def _wall(day: date, minute: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minute)


def _hours(part: str) -> Iterator[_Hours]:
    found = _SPAN.fullmatch(part)
    if not found or not {found[1], found[2] or found[1]} <= set(DAYS):
        raise ScheduleError(
            f"{part!r} is not a time to send. Write days and hours such as mon-fri 08:00-20:00, "
            f"with commas between several; the days are {', '.join(DAYS)}"
        )
    begin, end = (_minute(part, *found.group(n, n + 1)) for n in (3, 5))
    first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
    for day in ((first + n) % 7 for n in range((last - first) % 7 + 1)):
        if begin < end:
            yield _Hours(day, begin, end)
        else:
            yield _Hours(day, begin, 1440)
            if end:
                yield _Hours((day + 1) % 7, 0, end)


def _minute(part: str, hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 1440:
        raise ScheduleError(f"{hours}:{minutes} in {part!r} is not a time of day; it goes from 00:00 to 24:00")
    return total
