import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tokens import ID_LIMIT, BadTokenError, Keyring, Purpose

RING = Keyring({1: b"a" * 32, 2: b"b" * 32})
IDS = st.lists(st.integers(0, ID_LIMIT - 1), min_size=4, max_size=4)


@given(IDS, st.sampled_from(Purpose))
def test_a_token_gives_back_its_ids_whatever_its_case(ids, purpose):
    ids = ids[: purpose.value[1]]
    token = RING.sign(purpose, *ids)

    assert RING.verify(purpose, token.upper()) == tuple(ids)
    assert len(token) <= 60
    assert token == token.lower()


@given(st.sampled_from(Purpose), st.sampled_from(Purpose))
def test_a_token_opens_only_its_own_purpose(made, used):
    token = RING.sign(made, *range(made.value[1]))
    if made is used:
        assert RING.verify(used, token)
    else:
        with pytest.raises(BadTokenError):
            RING.verify(used, token)


@given(st.integers(0, 200), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_character_can_be_changed(position, letter):
    token = RING.sign(Purpose.VIEW, 7, 12)
    position %= len(token)
    forged = token[:position] + letter + token[position + 1 :]
    if forged == token:
        return

    with pytest.raises(BadTokenError):
        RING.verify(Purpose.VIEW, forged)


@given(st.text(max_size=80))
def test_any_text_is_refused_without_another_error(text):
    with pytest.raises(BadTokenError):
        RING.verify(Purpose.VIEW, text)


def test_an_old_key_verifies_for_ever_and_a_foreign_one_never():
    old = Keyring({1: b"a" * 32}).sign(Purpose.VIEW, 1, 2)
    foreign = Keyring({1: b"c" * 32}).sign(Purpose.VIEW, 1, 2)

    assert RING.verify(Purpose.VIEW, old) == (1, 2)
    with pytest.raises(BadTokenError):
        RING.verify(Purpose.VIEW, foreign)


def test_the_wrong_number_of_ids_is_refused():
    with pytest.raises(ValueError, match="holds 2 ids"):
        RING.sign(Purpose.VIEW, 1)


def test_an_id_beyond_the_limit_would_not_fit_an_address_and_is_refused():
    assert len(RING.sign(Purpose.UNSUBSCRIBE, *[ID_LIMIT - 1] * 4)) == 60
    with pytest.raises(ValueError, match="from 0 to 34359738367"):
        RING.sign(Purpose.VIEW, ID_LIMIT, 1)
