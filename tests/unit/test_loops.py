"""Who tells of complaints: the table, and what follows from it."""

import pytest

from pipeline.limits.destinations import GROUPS
from pipeline.limits.loops import LOOPS, heard_of, read, signed_up

HEAD = "destination\tloop\tby\tsign up\tseen\tsource\n"
ROW = "yahoo\tA loop\tDKIM domain\thttps://a.example/\t2026-11-23\thttps://b.example/\n"


def test_each_row_is_about_a_destination_and_says_where_to_sign_up():
    assert {"yahoo", "microsoft", "mailru", "gmail"} <= set(LOOPS) <= set(GROUPS.values())
    assert all(loop.sign_up.startswith("https://") for loop in LOOPS.values())
    assert not LOOPS["gmail"].name


@pytest.mark.parametrize(
    "text", ["yahoo\tA loop\n", ROW + ROW, ROW.replace("yahoo", "nowhere"), ROW.replace("A loop", "")]
)
def test_a_row_that_is_none_is_told_with_its_line(text):
    with pytest.raises(ValueError, match="line"):
        read(HEAD + text)


def test_the_operators_word_is_taken_for_what_has_a_loop_alone():
    assert signed_up(" Yahoo, microsoft ,") == ("yahoo", "microsoft")
    assert signed_up("") == ()
    for text in ("gmail", "naver", "yahoo.com", "yahoo,x"):
        with pytest.raises(ValueError, match="not known to have"):
            signed_up(text)


def test_what_came_from_somewhere_counts_unless_it_came_another_way():
    assert heard_of(["yahoo"], ["small.example", "gmail"]) == {"yahoo", "small.example"}
    assert heard_of([], []) == frozenset()
