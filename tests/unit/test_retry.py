from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.retry import next_attempt, parse_duration, parse_schedule

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("10m", 600), ("72h", 259_200), ("5d", 432_000), (" 1m ", 60), ("0s", 0)]
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-1m", "1.5h", "1 m", "1w", "１m", "1m\n2m", "999999d", "9999999s", "1M", "NaNs"]
)
def test_anything_else_is_refused_by_its_name(text):
    with pytest.raises(ValueError, match=r"PRESSRUN_LEASE: .* is not a duration: write a whole number"):
        parse_duration(text, variable="PRESSRUN_LEASE")


@given(st.text(max_size=12))
def test_no_text_makes_anything_but_a_duration_or_a_value_error(text):
    with suppress(ValueError):
        assert timedelta(0) <= parse_duration(text) <= timedelta(days=366)


def test_a_schedule_is_a_list_of_durations():
    assert parse_schedule("1m, 5m,1h") == (MINUTE, 5 * MINUTE, 60 * MINUTE)


@pytest.mark.parametrize("text", ["", "1m,", ",", "1m;5m", "0s", "1m,0m"])
def test_a_broken_schedule_names_its_variable(text):
    with pytest.raises(ValueError, match="--retry: "):
        parse_schedule(text, variable="--retry")


def test_each_try_waits_by_its_place_and_the_last_wait_repeats():
    schedule = parse_schedule("1m,5m,15m")
    waits = [next_attempt(schedule, attempts, NOW, 0.5) - NOW for attempts in (1, 2, 3, 4, 99)]
    assert waits == [MINUTE, 5 * MINUTE, 15 * MINUTE, 15 * MINUTE, 15 * MINUTE]


def test_a_row_without_tries_waits_as_after_the_first():
    assert next_attempt([MINUTE], 0, NOW, 0.5) == NOW + MINUTE


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 48), (0.5, 60), (1.0, 72)])
def test_jitter_moves_a_wait_by_up_to_a_fifth(jitter, seconds):
    assert next_attempt([MINUTE], 1, NOW, jitter) == NOW + timedelta(seconds=seconds)
