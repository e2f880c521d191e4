"""What a person decides about a storm spares who has shown life, and the send's brakes hear nothing of it."""

import datetime as dt

import pytest
from django.utils import timezone
from test_storms import BIG, SMALL, Post, held

from pipeline import transitions
from pipeline.models import Delivery, Ruling
from pipeline.transitions import rulings
from pipeline.transitions.brakes import Told, count_outcomes
from pipeline.transitions.counts import read_counts
from pipeline.transitions.storms import look_for_storms

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("fact", ["clicked_at", "alive_at", "unsubscribed_at"])
def test_who_has_shown_life_meanwhile_is_not_dead_whatever_a_person_says_of_all(fact):
    post = Post(big=100)
    before = post.send
    post.again()
    dead = post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    now = timezone.now()
    for one, at in ((dead[0], now), (dead[1], now - dt.timedelta(days=2))):
        Delivery.objects.filter(send_id=before.pk, address_key=one.address_key).update(**{fact: at})
    assert transitions.apply_storm(post.send.pk, BIG, actor="ada", why="they have closed") == 19
    assert held() == {one.address_key for one in dead[1:]}
    ruling = Ruling.objects.get(send_id=post.send.pk, delivery_id=dead[0].id)
    assert (ruling.state, ruling.by, ruling.why) == ("discarded", "ada", "There has been a sign of life meanwhile.")


@pytest.mark.parametrize("settle", [rulings.uphold, rulings.discard])
def test_what_is_frozen_while_it_is_looked_into_waits_for_a_person(settle):
    post = Post(big=100)
    dead = post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    ruling = Ruling.objects.get(delivery_id=dead[0].id)
    assert not settle(ruling.pk, by="feedback", why="DNS says so.", at=timezone.now())
    assert (post.rulings(), held()) == ({"frozen": 20}, set())


def come_back(post: Post, number: int) -> None:
    """So many of those accepted come back as dead, by mail."""
    for one in Delivery.objects.filter(
        send_id=post.send.pk, state="accepted", bounced_at=None, address_key__endswith=f"@{BIG}"
    )[:number]:
        at = timezone.now()
        transitions.record_bounce(one.send_id, one.id, reason="no-such-mailbox", hard=True, at=at, source="mail")
        post.rule(one, source="mail")


def test_what_was_a_fault_there_is_nothing_to_the_brakes_whenever_it_comes_back():
    post = Post(big=200, small=200)
    post.taken(SMALL, dead=0, alive=100)
    post.taken(BIG, dead=20, alive=80)
    count_outcomes(post.send.pk, "a", Told(outcomes=200, dead=20))
    look_for_storms()
    assert (read_counts(post.send.pk).outcomes, read_counts(post.send.pk).dead) == (100, 0)
    come_back(post, 5)
    transitions.discard_storm(post.send.pk, BIG, actor="ada")
    assert read_counts(post.send.pk).dead == 0, "what came since the last look"
    back = Delivery.objects.filter(send_id=post.send.pk, state="accepted", bounced_at=None)
    for one, dead in ((back.filter(address_key__endswith=BIG)[0], 0), (back.filter(address_key__endswith=SMALL)[0], 1)):
        at = timezone.now()
        transitions.record_bounce(one.send_id, one.id, reason="no-such-mailbox", hard=True, at=at, source="mail")
        assert read_counts(post.send.pk).dead == dead


def test_a_second_storm_at_one_place_takes_only_its_own_out_of_the_brakes():
    post = Post(big=200, small=200)
    post.taken(SMALL, dead=0, alive=100)
    post.taken(BIG, dead=20, alive=80)
    count_outcomes(post.send.pk, "a", Told(outcomes=200, dead=20))
    look_for_storms()
    transitions.discard_storm(post.send.pk, BIG, actor="ada")
    post.taken(BIG, dead=6, alive=4)
    count_outcomes(post.send.pk, "a", Told(outcomes=10, dead=6))
    assert post.state() == "frozen"
    assert (read_counts(post.send.pk).outcomes, read_counts(post.send.pk).dead) == (100, 0)
