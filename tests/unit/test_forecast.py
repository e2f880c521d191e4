"""When a send would be through, laid over days."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.forecast import forecast
from pipeline.limits.metering import Limits, daily_limit

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_warm_up_is_planned_day_by_day():
    ramp = [100, 200, 400]
    planned = forecast(
        600, starts=MONDAY, limits_on=lambda day: Limits(per_day=daily_limit(None, ramp, MONDAY.date(), day)), used=30
    )
    assert [number for _, number in planned.days] == [70, 200, 330]
    assert f"{planned.finishes:%A}" == "Wednesday"


def test_a_rate_and_an_hour_say_the_time():
    assert forecast(7_200, starts=MONDAY, limits_on=lambda _: Limits(rate=2)).finishes == MONDAY + timedelta(hours=1)
    hourly = forecast(250, starts=MONDAY, limits_on=lambda _: Limits(per_hour=100))
    assert hourly.finishes == MONDAY + timedelta(hours=2)


def test_without_limits_or_without_an_end_nothing_is_promised():
    assert forecast(10, starts=MONDAY, limits_on=lambda _: Limits()).finishes is None
    never = forecast(10**9, starts=MONDAY, limits_on=lambda _: Limits(per_day=1))
    assert (never.finishes, len(never.days)) == (None, 366)
    assert forecast(0, starts=MONDAY, limits_on=lambda _: Limits(rate=1)).days == ()


@given(st.integers(1, 50_000), st.integers(50, 5_000), st.none() | st.floats(0.1, 50))
def test_everybody_is_on_a_day_and_no_day_has_too_many(people, per_day, rate):
    limits = Limits(rate=rate, per_day=per_day)
    planned = forecast(people, starts=MONDAY, limits_on=lambda _: limits)
    placed = sum(number for _, number in planned.days)
    assert placed == people or planned.finishes is None
    assert max(number for _, number in planned.days) <= per_day
    assert [day for day, _ in planned.days] == sorted({date.fromordinal(day.toordinal()) for day, _ in planned.days})
