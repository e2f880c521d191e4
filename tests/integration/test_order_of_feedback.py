"""Whatever the order in which it comes, how often, and before or after the relay's own yes: the books end the same."""

import itertools
from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returned import return_path
from rulebook import Rulebook
from scene import Scene, accepted

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.feedback.replay import replay
from pipeline.keys import keyring
from pipeline.models import Delivery, Ruling
from pipeline.queries.stored import Chosen
from pipeline.replies.policy import strength
from pipeline.replies.reasons import Reason
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
ALL = Chosen()
TAKEN = "the relay takes it"
SAID = [
    "bounce userunknown", "bounce userunknown 4xx", "bounce hostunknown", "bounce mailboxfull", "bounce suspend",
    "bounce onhold", "bounce authfailure", "bounce expired", "delay expired", "complaint", "reply", "auto-reply",
    "other",
]  # fmt: skip


class Stage:
    """Three messages on the wire, and what may become known of them."""

    def __init__(self, monkeypatch):
        self.rules, self.scene = Rulebook(monkeypatch), Scene(4)
        keyring()
        self.flying = self.scene.fly(3)

    def happen(self, events):
        for number, said in events:
            one = self.flying[number]
            if said == TAKEN:
                transitions.record(self.scene.send.pk, [accepted(one)])
            else:
                to = return_path(self.scene.row(one))
                take_in(said.encode(), source="lmtp", envelope_to=to, envelope_from="", now=timezone.now())

    def end_of(self, *events, between=lambda: None, at_last=lambda: None):
        """The books after these events, and nothing of it stays."""
        with transaction.atomic():
            for event in events:
                self.happen([event])
                between()
            at_last()
            found = self.books()
            transaction.set_rollback(True)
        return found

    def books(self):
        """What is known of each delivery, and what is held against whom."""
        facts = [(row.id, row.state, row.bounce_reason, row.bounce_hard,
                  *(at is not None for at in (row.bounced_at, row.delayed_at, row.complained_at, row.alive_at)))
                 for row in Delivery.objects.order_by("id")]  # fmt: skip
        standing = Ruling.objects.exclude(state="discarded")
        rulings = Counter(standing.values_list("delivery_id", "reason", "state", "suppression__reason"))
        held = Suppression.objects.filter(lifts=None, lifted_by=None)
        return facts, rulings, Counter(held.values_list("address_key", "reason", "source"))


@pytest.fixture
def stage(monkeypatch):
    return Stage(monkeypatch)


EVENTS = st.tuples(st.integers(0, 2), st.sampled_from([*SAID, TAKEN]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(events=st.lists(EVENTS, max_size=6), again=st.lists(st.integers(0, 5), max_size=3), data=st.data())
def test_in_any_order_and_any_number_of_times_it_ends_the_same(stage, events, again, data):
    everybody_taken = [(number, TAKEN) for number in range(3)]
    events = list(dict.fromkeys([*events, *everybody_taken]))
    doubled = [*events, *(events[number] for number in again if number < len(events))]
    other_order = data.draw(st.permutations(doubled))
    assert stage.end_of(*other_order, between=lambda: replay(ALL, dry_run=False, told=pytest.fail)) == stage.end_of(
        *events
    )


def test_a_definite_bounce_is_not_lost_behind_a_vague_one(stage):
    vague, definite = (0, "bounce onhold"), (0, "bounce userunknown")
    facts, rulings, suppressed = stage.end_of(vague, definite)
    assert [fact[2:4] for fact in facts if fact[2]] == [("no-such-mailbox", True)]
    assert [reason for _, reason, *_ in rulings] == ["no-such-mailbox"]
    assert len(suppressed) == 1
    assert stage.end_of(definite, vague) == (facts, rulings, suppressed)


def test_it_bounced_when_it_first_did(stage):
    stage.happen([(0, TAKEN), (0, "bounce onhold")])
    first = stage.scene.row(stage.flying[0]).bounced_at
    stage.happen([(0, "bounce userunknown")])
    assert stage.scene.row(stage.flying[0]).bounced_at == first


def test_the_order_of_strength_is_total_and_puts_the_dead_first():
    said = [(reason, hard) for reason in Reason for hard in (False, True)]
    assert len({strength(reason, hard=hard) for reason, hard in said}) == len(said)
    dead, alive = ([strength(reason, hard=hard) for reason in Reason] for hard in (True, False))
    assert all(one > other for one, other in itertools.product(dead, alive))
    assert min(alive) == strength("unknown", hard=False) == strength("a reason of another version", hard=False)
