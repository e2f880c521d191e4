"""Limits as arithmetic: what is granted, to whom, and what a restart makes of it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.metering import AHEAD, Grant, Limits, Meter, Unused, daily_limit, take, take_ahead

NOON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def drain(meter: Meter, limits: Limits, now: datetime, *, wanted: int = 1_000) -> tuple[Meter, list[Grant]]:
    """Draw until nothing is granted."""
    grants: list[Grant] = []
    while True:
        meter, grant = take(meter, limits, now=now, wanted=wanted)
        if not grant.number:
            return meter, grants
        grants.append(grant)


def test_a_rate_is_given_out_a_second_ahead_and_in_pieces_that_do_not_overlap():
    limits = Limits(rate=10)
    meter, first = take(Meter(), limits, now=NOON, wanted=4)
    meter, second = take(meter, limits, now=NOON, wanted=100)
    meter, third = take(meter, limits, now=NOON, wanted=100)
    assert (first.number, second.number, third.number) == (4, 6, 0)
    assert (first.begins, first.ends) == (NOON, second.begins)
    assert second.ends == NOON + AHEAD
    _, later = take(meter, limits, now=third.ends, wanted=100)
    assert later.number == 1
    assert third.ends < NOON + 2 * AHEAD


def test_what_nobody_drew_has_gone_by():
    limits = Limits(rate=10)
    meter, _ = drain(Meter(), limits, NOON)
    _, grants = drain(meter, limits, NOON + timedelta(hours=1))
    assert sum(grant.number for grant in grants) == 10


def test_our_own_mail_takes_the_next_piece_of_the_rate_however_far_ahead():
    limits = Limits(rate=10)
    meter, _ = drain(Meter(), limits, NOON)
    meter, own = take_ahead(meter, limits, now=NOON)
    assert (own.number, own.begins, own.ends) == (1, NOON + AHEAD, NOON + AHEAD * 1.1)
    _, after = take(meter, limits, now=NOON + AHEAD, wanted=1)
    assert after.begins == own.ends


def test_our_own_mail_has_what_issues_leave_and_no_more():
    whole = Limits(per_hour=20)
    meter, grants = drain(Meter(), whole.less(10), NOON)
    assert sum(grant.number for grant in grants) == 18
    for number in (1, 1, 0):
        meter, own = take_ahead(meter, whole, now=NOON)
        assert own.number == number
    assert own.rests_for == "hour"


def test_a_rate_below_one_a_second_grants_one_at_a_time():
    limits = Limits(rate=0.1)
    meter, grant = take(Meter(), limits, now=NOON, wanted=5)
    assert (grant.number, grant.ends) == (1, NOON + timedelta(seconds=10))
    meter, none = take(meter, limits, now=NOON + SECOND, wanted=5)
    assert none.number == 0
    assert take(meter, limits, now=NOON + timedelta(seconds=10), wanted=5)[1].number == 1


def test_a_day_that_is_used_up_rests_until_the_next_utc_day():
    limits = Limits(per_hour=60, per_day=100)
    meter, grants = drain(Meter(), limits, NOON)
    assert sum(grant.number for grant in grants) == 60
    meter, grants = drain(meter, limits, NOON + timedelta(hours=1))
    assert sum(grant.number for grant in grants) == 40
    _, rest = take(meter, limits, now=NOON + timedelta(hours=2), wanted=1)
    assert (rest.rests_for, rest.ends) == ("day", datetime(2026, 11, 23, tzinfo=UTC))
    _, grants = drain(meter, limits, rest.ends)
    assert sum(grant.number for grant in grants) == 60


def test_an_hour_that_is_used_up_rests_until_the_next():
    meter, _ = drain(Meter(), Limits(per_hour=3), NOON)
    _, rest = take(meter, Limits(per_hour=3), now=NOON, wanted=1)
    assert (rest.rests_for, rest.ends) == ("hour", datetime(2026, 11, 22, 13, tzinfo=UTC))


def test_what_is_given_back_counts_for_its_own_hour_and_day_alone():
    limits = Limits(per_hour=10)
    meter, _ = take(Meter(), limits, now=NOON, wanted=10)
    _, same = take(meter, limits, now=NOON, wanted=10, unused=Unused(7, NOON))
    assert same.number == 7
    other = NOON + timedelta(hours=1)
    meter, _ = take(meter, limits, now=other, wanted=4)
    _, stale = take(meter, limits, now=other, wanted=10, unused=Unused(7, NOON))
    assert stale.number == 6


@given(
    rate=st.floats(0.05, 5_000),
    per_hour=st.none() | st.integers(1, 500),
    asks=st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 500)), min_size=1, max_size=60),
)
def test_however_it_is_drawn_no_limit_is_exceeded_and_no_piece_overlaps(rate, per_hour, asks):
    limits, meter, now, granted = Limits(rate=rate, per_hour=per_hour), Meter(), NOON, []
    for milliseconds, wanted in asks:
        now += timedelta(milliseconds=milliseconds)
        meter, grant = take(meter, limits, now=now, wanted=wanted)
        assert grant.number <= wanted
        if grant.number:
            assert grant.begins <= now + AHEAD
            assert not granted or grant.begins >= granted[-1].ends
            assert abs((grant.ends - grant.begins).total_seconds() * rate - grant.number) < 0.01
            granted.append(grant)
        else:
            assert grant.ends >= now
    if per_hour:
        assert (
            sum(grant.number for grant in granted if grant.begins < datetime(2026, 11, 22, 13, tzinfo=UTC)) <= per_hour
        )


def test_a_share_is_kept_for_our_own_mails_but_never_everything():
    assert Limits(10, 100, 1).less(5) == Limits(10, 95, 1)
    assert not Limits().less(50).counted


@pytest.mark.parametrize(
    ("day", "limit"),
    [(19, 50), (20, 50), (21, 100), (22, 300), (23, 250)],
)
def test_a_warm_up_grows_day_by_day_and_ends(day, limit):
    per_day = 250 if day == 23 else 1_000
    assert daily_limit(per_day, [50, 100, 300], date(2026, 11, 20), date(2026, 11, day)) == limit


def test_without_a_warm_up_the_usual_limit_holds():
    assert daily_limit(7, [], None, date(2026, 11, 20)) == 7
    assert daily_limit(None, [50], date(2026, 11, 20), date(2027, 1, 1)) is None
