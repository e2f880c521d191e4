"""The policies for returned mail: their defaults, and what an admin may make of them."""

from importlib import import_module

import pytest

from pipeline.replies import CHOICES, DEFAULTS, Action, Fault, Policy, Reason, action_for
from pipeline.replies.policy import why_not
from pipeline.replies.reasons import WORDS, meaning


def test_the_migration_seeds_the_defaults():
    seed = import_module("pipeline.migrations.0021_rulings").SEED
    assert {Reason(name): Policy(Action(action), *numbers) for name, action, *numbers in seed} == DEFAULTS
    assert len(seed) == len(DEFAULTS) == len(Reason)


def test_every_default_may_be_had():
    assert {reason: why_not(reason, policy) for reason, policy in DEFAULTS.items()} == dict.fromkeys(Reason, "")


def test_what_is_no_readers_fault_never_costs_a_reader():
    blameless = {reason for reason, fault in WORDS.values() if fault in {Fault.SENDER, Fault.UNKNOWN}}
    assert blameless == {reason for reason, choices in CHOICES.items() if choices == (Action.IGNORE,)}
    for reason in blameless:
        for action in (Action.SUPPRESS, Action.RECHECK, Action.COUNT):
            assert "never suppresses" in why_not(reason, Policy(action, 5, 60))


@pytest.mark.parametrize(
    ("reason", "policy", "said"),
    [
        (Reason.MAILBOX_FULL, Policy(Action.SUPPRESS), "Choose one of: count, ignore."),
        (Reason.NO_SUCH_MAILBOX, Policy(Action.RECHECK, days=2), "Choose one of: suppress, count, ignore."),
        (Reason.MAILBOX_FULL, Policy(Action.COUNT, 1, 30), "Count 2 to 100 issues, over 7 to 365 days."),
        (Reason.MAILBOX_FULL, Policy(Action.COUNT, 5, 6), "Count 2 to 100 issues, over 7 to 365 days."),
        (Reason.NO_SUCH_DOMAIN, Policy(Action.RECHECK, days=0), "Ask again for 1 to 14 days."),
        (Reason.MAILBOX_FULL, Policy(Action.IGNORE), ""),
        (Reason.NO_SUCH_MAILBOX, Policy(Action.COUNT, 2, 7), ""),
    ],
)
def test_what_cannot_be_had_says_why(reason, policy, said):
    assert why_not(reason, policy) == said


def test_null_mx_is_believed_unless_the_domain_is_ignored_altogether():
    null_mx = meaning("notaccept", "x")
    assert action_for(null_mx) is Action.SUPPRESS
    for action in (Action.COUNT, Action.IGNORE):
        policies = {**DEFAULTS, Reason.NO_SUCH_DOMAIN: Policy(action, 5, 60)}
        assert action_for(null_mx, policies) is action


def test_dead_for_now_is_a_passing_trouble():
    policies = {**DEFAULTS, Reason.TEMPORARY: Policy(Action.IGNORE)}
    assert action_for(meaning("userunknown", "x", temporary=True), policies) is Action.IGNORE
