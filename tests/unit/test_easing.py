"""Which domains are one destination, what a reply teaches about it, and how it is slowed down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits.destinations import GROUPS, destination_of, read
from pipeline.limits.easing import PAUSES, SPEEDS, Lesson, lesson, slowed, too_many_put_off


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kim@hanmail.net", "kim@daum.net"),
        ("a@googlemail.com", "a@gmail.com"),
        ("a@HOTMAIL.com", "a@outlook.fr"),
        ("a@aol.com", "a@yahoo.de"),
        ("a@nate.com", "a@empas.com"),
    ],
)
def test_domains_of_one_provider_are_one_destination(one, other):
    assert destination_of(one) == destination_of(other)


def test_any_other_domain_is_its_own_and_never_a_group():
    assert destination_of("a@Example.com") == "example.com"
    assert destination_of("a@yahoo.co.jp") != destination_of("a@yahoo.com")
    assert not {group for group in GROUPS.values() if "." in group}


@pytest.mark.parametrize("line", ["gmail", "a\tb", "dot.ted\texample.com", "x\tExample.com", "x\tone.com\ny\tone.com"])
def test_a_slip_in_the_table_is_told_with_its_line(line):
    with pytest.raises(ValueError, match=r"destinations\.tsv line \d"):
        read(line)


@pytest.mark.parametrize(
    ("reply", "command", "teaches"),
    [
        ("421 4.7.0 [TSS04] Messages temporarily deferred", "RCPT", Lesson.TROUBLE),
        ("421 Try again later", ".", Lesson.TROUBLE),
        ("450 4.7.28 Gmail has detected an unusual rate", "RCPT", Lesson.TROUBLE),
        ("452 4.3.2 Connection rate limit exceeded", "RCPT", Lesson.TROUBLE),
        ("421 4.3.2 Shutting down", "MAIL", Lesson.NOTHING),
        ("421 4.3.2 Shutting down", "", Lesson.NOTHING),
        ("450 4.2.1 The user is receiving mail at a rate", "RCPT", Lesson.NOTHING),
        ("452 4.2.2 Mailbox full", "RCPT", Lesson.NOTHING),
        ("451 4.7.1 Greylisted, please come back", "RCPT", Lesson.NOTHING),
        ("451 4.4.1 No answer from host", "RCPT", Lesson.PUT_OFF),
        ("451 Try later", ".", Lesson.PUT_OFF),
        ("250 2.0.0 Ok", ".", Lesson.WELL),
        ("550 5.1.1 No such user", "RCPT", Lesson.WELL),
    ],
)
def test_only_what_speaks_of_us_teaches(reply, command, teaches):
    code, _, rest = reply.partition(" ")
    enhanced = rest.partition(" ")[0] if rest[:1].isdigit() else ""
    assert lesson(code=int(code), enhanced=enhanced, command=command, words=reply) is teaches


def test_silence_teaches_nothing():
    assert lesson(code=None, enhanced="", command="RCPT", words="The connection ended.") is Lesson.NOTHING


def test_a_fifth_put_off_is_borne_and_more_is_not():
    assert not too_many_put_off("-" * 199)
    assert not too_many_put_off("-" * 40 + "+" * 160)
    assert too_many_put_off("-" * 41 + "+" * 159)
    assert not too_many_put_off("-" * 100 + "+" * 200)


@given(st.integers(0, 4))
def test_trouble_makes_it_slower_and_never_stops_it_for_good(step):
    after = slowed(step)
    assert step < after.step or step == len(SPEEDS) - 1
    assert SPEEDS[after.step]
    assert after.pause.total_seconds() == PAUSES[after.step] <= 600
    assert slowed(step, scale=0.01).pause == after.pause / 100
