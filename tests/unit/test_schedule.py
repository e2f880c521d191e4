"""Wall times across changes of clocks, and the days and hours in which mail may go out."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.delivery.schedule import DAYS, Moment, ScheduleError, Window, moment_of

ZONES = (
    "Europe/Paris", "America/New_York", "Asia/Seoul", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns",
    "Asia/Kathmandu", "Pacific/Apia", "America/Santiago", "Africa/Casablanca", "UTC",
)  # fmt: skip


def wall_of(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1)  # noqa: DTZ001 (a wall time has no zone)


WALLS = st.datetimes(wall_of(2024), wall_of(2035)).map(lambda wall: wall.replace(second=0, microsecond=0))
MOMENTS = WALLS.map(lambda wall: wall.replace(tzinfo=dt.UTC))
MINUTE = dt.timedelta(minutes=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def wall(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("zone", "asked", "goes", "shown", "moved", "twice"),
    [
        ("Europe/Paris", "2026-07-01 09:00", "2026-07-01 07:00", "2026-07-01 09:00", False, False),
        ("Europe/Paris", "2026-03-29 02:00", "2026-03-29 01:00", "2026-03-29 03:00", True, False),
        ("Europe/Paris", "2026-03-29 02:30", "2026-03-29 01:00", "2026-03-29 03:00", True, False),
        ("Europe/Paris", "2026-03-29 02:59", "2026-03-29 01:00", "2026-03-29 03:00", True, False),
        ("Europe/Paris", "2026-03-29 03:00", "2026-03-29 01:00", "2026-03-29 03:00", False, False),
        ("Europe/Paris", "2026-10-25 02:30", "2026-10-25 00:30", "2026-10-25 02:30", False, True),
        ("Europe/Paris", "2026-10-25 03:00", "2026-10-25 02:00", "2026-10-25 03:00", False, False),
        ("America/New_York", "2026-03-08 02:30", "2026-03-08 07:00", "2026-03-08 03:00", True, False),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30", "2026-11-01 01:30", False, True),
        ("Asia/Seoul", "2026-03-29 02:30", "2026-03-28 17:30", "2026-03-29 02:30", False, False),
        ("Asia/Kolkata", "2026-11-22 09:00", "2026-11-22 03:30", "2026-11-22 09:00", False, False),
        # Half an hour only.
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30", "2026-10-04 02:30", True, False),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", "2026-04-05 01:45", False, True),
        # A whole day that never was.
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00", "2011-12-31 00:00", True, False),
    ],
)
def test_a_wall_time_is_a_moment(zone, asked, goes, shown, moved, twice):
    assert moment_of(wall(asked), zone) == Moment(utc(goes), wall(shown), moved, twice)


@given(WALLS, st.sampled_from(ZONES))
@example(wall("2026-03-29 02:30"), "Europe/Paris")
@example(wall("2026-10-25 02:30"), "Europe/Paris")
def test_it_is_what_the_clocks_show_or_the_first_minute_after(asked, zone):
    found = moment_of(asked, zone)
    assert found.utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == found.wall
    assert found.moved == (found.wall != asked)
    before = (found.utc - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    assert before < asked <= found.wall


@given(WALLS, st.sampled_from(ZONES))
def test_later_walls_are_never_earlier_moments_but_for_clocks_put_back(asked, zone):
    first, second = moment_of(asked, zone), moment_of(asked + MINUTE, zone)
    assert second.utc >= first.utc


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd", "Europe", "a\0b"])
def test_what_is_no_zone_is_named(zone):
    with pytest.raises(ScheduleError, match="is not a time zone"):
        moment_of(wall("2026-01-01 00:00"), zone)


# Windows


@pytest.mark.parametrize(
    ("text", "at", "opens"),
    [
        ("", "2026-11-22 03:00", "2026-11-22 03:00"),
        ("mon-fri 08:00-20:00", "2026-11-20 10:00", "2026-11-20 10:00"),
        ("mon-fri 08:00-20:00", "2026-11-20 18:59", "2026-11-20 18:59"),
        ("mon-fri 08:00-20:00", "2026-11-20 19:00", "2026-11-23 07:00"),
        ("mon-fri 08:00-20:00, sat 09:00-12:00", "2026-11-20 19:00", "2026-11-21 08:00"),
        ("sat-sun 00:00-24:00", "2026-11-20 23:00", "2026-11-20 23:00"),
        ("fri 22:00-06:00", "2026-11-21 04:00", "2026-11-21 04:00"),
        ("fri 22:00-06:00", "2026-11-21 05:00", "2026-11-27 21:00"),
        ("sat-mon 10:00-11:00", "2026-11-22 12:00", "2026-11-23 09:00"),
        ("sun 02:15-02:45", "2026-03-28 12:00", "2026-04-05 00:15"),  # swallowed by the gap of that Sunday
        ("sun 02:15-03:30", "2026-03-28 12:00", "2026-03-29 01:00"),
        ("sun 02:15-02:30", "2026-10-25 00:40", "2026-10-25 01:15"),  # the clocks show it a second time
    ],
)
def test_a_window_opens_by_the_clocks_of_paris(text, at, opens):
    assert Window.parse(text).opens(utc(at), "Europe/Paris") == utc(opens)


@st.composite
def windows(draw) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        days = "-".join(draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=2)))
        begin, end = draw(st.integers(0, 1439)), draw(st.integers(0, 1440))
        parts.append(f"{days} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}")
    return ", ".join(parts)


@given(windows(), MOMENTS, st.sampled_from(ZONES), st.floats(0, 1))
@example("sun 01:30-02:30", utc("2026-10-25 00:45"), "Europe/Paris", 0.9)
def test_it_opens_at_the_first_open_minute(text, at, zone, share):
    window = Window.parse(text)
    opens = window.opens(at, zone)
    assert window.is_open(opens, zone)
    if opens > at:
        assert not window.is_open(opens - MINUTE, zone)
        somewhere = at + dt.timedelta(minutes=int(share * ((opens - at) / MINUTE - 1)))
        assert not window.is_open(somewhere, zone)


@given(windows())
def test_a_window_says_itself_again(text):
    window = Window.parse(text)
    assert Window.parse(window.text) == window
    assert Window.parse(f"  {text.upper()} ,") == window


@pytest.mark.parametrize(
    "text",
    [
        "monday 08:00-20:00",
        "mon 8-20",
        "mon-fri",
        "08:00-20:00",
        "mon 08:00-25:00",
        "mon 08:61-09:00",
        "xyz 08:00-09:00",
    ],
)
def test_what_is_no_window_is_named_with_what_is_allowed(text):
    with pytest.raises(ScheduleError, match=r"mon-fri 08:00-20:00|from 00:00 to 24:00"):
        Window.parse(text)
