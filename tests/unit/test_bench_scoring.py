"""How readings of returned mail are scored."""

import pytest

from bench.scoring import FAMILY, Label, Reading, Share, Told, score
from pipeline.replies.reasons import WORDS

ADA = "ada@reader.example"
DEAD = {"address": ADA, "hard": True, "reason": "userunknown"}
FULL = {"address": "Bob@reader.example", "hard": False, "reason": "mailboxfull"}
BOB = "bob@reader.example"


def label(*recipients, kind="bounce", complete=True):
    return Label.of({"kind": kind, "recipients": recipients, "recipients_complete": complete})


def shares(wanted, kind="bounce", **told):
    """The measures over one message, as (count, of); what is told is by a for ada, b for bob, c for a stranger."""
    names = {"a": ADA, "b": BOB, "c": "carl@reader.example"}
    found = score([(wanted, Reading(kind, {names[name]: said for name, said in told.items()}))])
    return {name: (share.count, share.of) for name, share in found.items()}


def test_all_is_right():
    found = shares(label(DEAD, FULL), a=Told(hard=True, word="userunknown"), b=Told(word="mailboxfull"))
    assert found == {
        "recipients_found": (2, 2),
        "precision": (2, 2),
        "kind": (1, 1),
        "dead_caught": (1, 1),
        "false_hard": (0, 1),
        "reason_exact": (2, 2),
        "reason_family": (2, 2),
        "false_bounces": (0, 0),
    }


def test_what_is_not_found_is_wrong_in_all_but_precision():
    found = shares(label(DEAD, FULL), kind="other")
    assert found == {
        "recipients_found": (0, 2),
        "precision": (0, 0),
        "kind": (0, 1),
        "dead_caught": (0, 1),
        "false_hard": (0, 1),
        "reason_exact": (0, 2),
        "reason_family": (0, 2),
        "false_bounces": (0, 0),
    }


def test_a_living_address_called_dead_is_a_false_hard_and_a_dead_one_kept_is_missed():
    found = shares(label(DEAD, FULL), a=Told(), b=Told(hard=True))
    assert (found["dead_caught"], found["false_hard"]) == ((0, 1), (1, 1))


def test_another_word_of_the_same_family_is_right_but_not_exact():
    wanted = label({"address": ADA, "hard": False, "reason": "blocked"})
    for word, exact, family in (("requireptr", 0, 1), ("spamdetected", 0, 0), ("", 0, 0), ("blocked", 1, 1)):
        found = shares(wanted, a=Told(word=word))
        assert (found["reason_exact"], found["reason_family"]) == ((exact, 1), (family, 1))


def test_each_word_has_a_family_and_ours_are_the_same():
    assert set(FAMILY) == set(WORDS)
    assert len(set(FAMILY.values())) == len({reason for reason, _ in WORDS.values()}) - 1, "syntax and unknown are one"


def test_either_address_is_right():
    wanted = label({**DEAD, "also": ["BOB@reader.example"]})
    for told in ("a", "b", "ab"):
        found = shares(wanted, **dict.fromkeys(told, Told(hard=True)))
        assert (found["recipients_found"], found["precision"]) == ((1, 1), (len(told), len(told)))
        assert found["dead_caught"] == (1, 1)


def test_the_disputed_count_as_found_alone():
    found = shares(label({**DEAD, "disputed": True}, {**FULL, "disputed": True}), a=Told(), b=Told(hard=True))
    assert found["recipients_found"] == (2, 2)
    assert [found[name] for name in ("dead_caught", "false_hard", "reason_exact", "reason_family")] == [(0, 0)] * 4


def test_what_is_not_labelled_is_not_scored():
    found = shares(label({"address": ADA, "hard": None, "reason": None}), a=Told(hard=True, word="blocked"))
    assert found["recipients_found"] == (1, 1)
    assert [found[name] for name in ("dead_caught", "false_hard", "reason_exact", "reason_family")] == [(0, 0)] * 4


def test_a_recipient_whose_address_nobody_knows_is_whoever_is_told():
    found = shares(label({**DEAD, "address": None}, complete=False), c=Told(hard=True, word="userunknown"))
    assert (found["recipients_found"], found["dead_caught"], found["reason_exact"]) == ((0, 0), (1, 1), (1, 1))


@pytest.mark.parametrize(("complete", "precision"), [(True, (1, 2)), (False, (0, 0))])
def test_an_address_too_many_shows_only_where_all_are_labelled(complete, precision):
    assert shares(label(DEAD, complete=complete), a=Told(), c=Told())["precision"] == precision


DELAYED = {**FULL, "action": "delayed"}


def test_a_warning_is_a_report_of_no_failure():
    found = shares(label(DELAYED), b=Told(failed=False, word="mailboxfull"))
    assert (found["kind"], found["false_bounces"], found["precision"]) == ((1, 1), (0, 1), (1, 1))
    assert (found["recipients_found"], found["reason_exact"]) == ((1, 1), (1, 1))


def test_a_warning_taken_for_a_failure_is_wrong():
    found = shares(label(DELAYED), b=Told())
    assert (found["false_bounces"], found["precision"]) == ((1, 1), (0, 1))


def test_a_delay_within_a_bounce_does_not_bounce():
    found = shares(label(DEAD, DELAYED), a=Told(hard=True), b=Told())
    assert (found["kind"], found["false_bounces"]) == ((1, 1), (0, 0))
    assert (found["recipients_found"], found["precision"]) == ((2, 2), (1, 2))


@pytest.mark.parametrize("kind", ["complaint", "auto-reply", "other"])
def test_what_is_no_bounce_yields_no_bounced_address(kind):
    wanted = label({"address": ADA, "hard": False, "reason": "feedback"}, kind=kind)
    found = shares(wanted, kind, a=Told())
    assert (found["kind"], found["false_bounces"], found["precision"]) == ((1, 1), (1, 1), (0, 1))
    assert found["recipients_found"] == (0, 0), "recipients are those of bounces"
    assert shares(wanted, kind)["false_bounces"] == (0, 1)


def test_a_share_of_nothing_is_no_percentage():
    assert (Share(0, 0).percent, Share(0, 3).percent, Share(2, 3).percent) == (None, 0.0, 66.7)
