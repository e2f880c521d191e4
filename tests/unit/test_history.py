"""When an address is given up: the count is what the books say, whatever order they were written in."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.replies import DEFAULTS, Action, Policy, Reason
from pipeline.replies.history import Fate, failed_as, life_of, tally

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NOW = START + 365 * DAY
FULL = Fate(1, "issue 1", "accepted", "taken", START, bounced_at=START + DAY, bounce_reason="mailbox-full")
COUNTED = [reason for reason, policy in DEFAULTS.items() if policy.action is Action.COUNT]


def on(day: float, issue: int, fate: Fate = FULL, **changes) -> Fate:
    """The same, of another issue on another day."""
    at = START + day * DAY
    bounced = fate.bounced_at and at + DAY
    moved = {"send_id": issue, "issue": f"issue {issue}", "left_at": at, "bounced_at": bounced}
    return replace(fate, **moved | changes)


def counted(fates, reason=Reason.MAILBOX_FULL, **given):
    return tally(reason, fates, now=NOW, **given)


@pytest.mark.parametrize("reason", COUNTED)
def test_each_default_is_reached_by_so_many_issues_over_so_many_days_and_by_no_less(reason):
    policy = DEFAULTS[reason]
    bounce = replace(FULL, bounce_reason=reason)
    apart = policy.days / (policy.issues - 1)
    enough = [on(n * apart, n, bounce) for n in range(policy.issues)]
    assert counted(enough, reason).is_enough(policy)
    assert not counted(enough[1:], reason).is_enough(policy), "one issue too few"
    hurried = [on(n * apart * 0.99, n, bounce) for n in range(policy.issues)]
    assert not counted(hurried, reason).is_enough(policy), "a day too few"


def test_one_issue_counts_once_however_often_it_was_sent():
    again = [on(day, 7, send_id=100 + day) for day in range(40)]
    assert counted(again).issues == 1
    assert counted([*again, on(50, 8)]).issues == 2


@pytest.mark.parametrize(
    "life",
    [
        on(20, 9, bounced_at=None, state="accepted", lives=(START + 20.5 * DAY,)),
        on(20, 9, replace(FULL, bounced_at=None), sees_replies=True),
        on(20, 9, replace(FULL, bounced_at=None), keeps_return_path=True),
        on(0, 1, lives=(START + 20 * DAY,)),
    ],
    ids=["a click", "taken by the recipient's side", "taken, and nothing came back", "an answer, long after"],
)
def test_life_resets_the_count(life):
    before, after = [on(day, day) for day in (1, 5, 10)], [on(day, day) for day in (30, 40)]
    assert counted([*before, *after]).issues == 5
    assert counted([*before, life, *after]).issues == 2


def test_to_be_taken_by_a_relay_that_knows_nothing_is_no_sign_of_life():
    taken = on(20, 9, replace(FULL, bounced_at=None))
    assert life_of(taken, NOW) is None
    assert life_of(replace(taken, sees_replies=True, bounced_at=NOW), NOW) is None, "it came back all the same"
    assert life_of(replace(taken, keeps_return_path=True), taken.left_at + 3 * DAY) is None, "it may still come back"


def test_a_word_spoken_for_the_address_resets_the_count():
    fates = [on(day, day) for day in range(0, 50, 10)]
    assert counted(fates).issues == 5
    assert counted(fates, cleared=[START + 25 * DAY]).issues == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Reason.MAILBOX_FULL),
        ({"lives": (NOW,)}, None),
        ({"bounced_at": START + 15 * DAY}, None),
        ({"bounce_reason": "no-such-mailbox", "bounce_hard": False}, Reason.TEMPORARY),
        ({"bounce_reason": "no-such-mailbox", "bounce_hard": True}, Reason.NO_SUCH_MAILBOX),
        ({"bounced_at": None}, None),
        ({"bounced_at": None, "state": "rejected", "reason": "mailbox-full"}, Reason.MAILBOX_FULL),
        ({"bounced_at": None, "state": "rejected", "reason": "render"}, None),
        ({"bounced_at": None, "state": "skipped", "reason": "suppressed"}, None),
    ],
)
def test_what_counts_as_a_failure(changes, reason):
    assert failed_as(replace(FULL, **changes)) is reason


GIVEN_UP = replace(FULL, bounced_at=None, state="expired", reason="too-late", reply="452 4.2.2 Full", attempts=5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Reason.MAILBOX_FULL),
        ({"we_stopped": True}, None),
        ({"attempts": 2}, None),
        ({"reply": ""}, None),
        ({"reply": "the relay closed the connection"}, None),
        ({"reply": "421 4.7.0 Too many connections", "sees_replies": True}, None),
        ({"reply": "451 4.7.1 Your address is on a blocklist", "sees_replies": True}, None),
        ({"reply": "451 4.3.0 Try again later"}, None),
        ({"reply": "451 4.3.0 Try again later", "sees_replies": True}, Reason.TEMPORARY),
    ],
)
def test_our_own_giving_up_counts_only_where_the_mailbox_had_the_last_word(changes, reason):
    assert failed_as(replace(GIVEN_UP, **changes)) is reason


# -- whatever the books may hold

MOMENTS = st.integers(0, 300).map(lambda n: START + n * DAY)
FATES = st.builds(
    Fate,
    send_id=st.integers(1, 30),
    issue=st.sampled_from([f"issue {n}" for n in range(9)]),
    state=st.sampled_from(["accepted", "rejected", "expired", "skipped", "held"]),
    reason=st.sampled_from(["taken", "mailbox-full", "temporary", "render"]),
    left_at=MOMENTS,
    reply=st.sampled_from(["", "452 4.2.2 Full", "451 4.3.0 Later"]),
    attempts=st.integers(0, 6),
    bounced_at=st.none() | MOMENTS,
    bounce_reason=st.sampled_from(["mailbox-full", "temporary", "reputation"]),
    lives=st.lists(MOMENTS, max_size=1).map(tuple),
    sees_replies=st.booleans(),
    keeps_return_path=st.booleans(),
    we_stopped=st.booleans(),
)
POLICIES = st.builds(Policy, st.just(Action.COUNT), st.integers(2, 8), st.integers(7, 90))


@given(st.lists(FATES, max_size=15), st.permutations(range(15)), POLICIES)
def test_the_order_of_the_books_changes_nothing(fates, order, policy):
    shuffled = [fates[n] for n in order if n < len(fates)]
    first, second = counted(fates), counted(shuffled)
    assert (first.issues, first.span) == (second.issues, second.span)
    doubled = counted([*fates, *shuffled])
    assert (doubled.issues, doubled.is_enough(policy)) == (first.issues, first.is_enough(policy))


@given(st.lists(FATES, max_size=15), POLICIES)
def test_enough_is_never_less_than_was_asked(fates, policy):
    found = counted(fates)
    issues = {fate.issue for fate in fates if failed_as(fate) is Reason.MAILBOX_FULL}
    assert found.issues <= len(issues)
    if found.is_enough(policy):
        moments = [fate.left_at for fate in fates if failed_as(fate) is Reason.MAILBOX_FULL]
        assert max(moments) - min(moments) >= policy.days * DAY
        assert len(issues) >= policy.issues


@given(st.lists(FATES, max_size=15), MOMENTS)
def test_nothing_before_a_sign_of_life_counts(fates, moment):
    alive = replace(FULL, issue="alive", lives=(moment,))
    found = counted([*fates, alive])
    assert all(fate.left_at > moment for fate in found.fates)
    assert found.issues <= counted(fates).issues
