"""Claims: who gets a delivery, the last look before a person is written to, and the fence against late words."""

import datetime as dt
import threading
from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone
from newsroom import a_list, a_send, delivery_of
from scene import HOUR, Scene, Threads, accepted

from pipeline import transitions
from pipeline.models import Delivery, Lease
from pipeline.queries.sql import execute
from pipeline.transitions import Marked
from subscribers import transitions as people
from subscribers.models import Subscriber, Subscription

pytestmark = pytest.mark.django_db

# -- claiming


def test_a_claim_takes_what_is_due_and_raises_the_fence(scene):
    later = delivery_of(scene.send, scene.people[0])
    Delivery.objects.filter(send_id=scene.send.pk, id=later.id).update(due_at=timezone.now() + HOUR)
    claimed = scene.claim(100)
    assert len(claimed) == 9
    assert {one.fence for one in claimed} == {1}
    assert later.id not in {one.id for one in claimed}
    assert scene.claim(100) == []


def test_nothing_is_claimed_for_a_lease_that_was_taken_away(scene):
    """Else it would lie there for ever: nobody looks for the rows of a lease that is gone."""
    transitions.close_lease(scene.lease)
    assert scene.claim(5) == []
    assert scene.states() == {"pending": 10}


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_time_share_the_work_and_overlap_nowhere():
    scene, found, ready = Scene(120), [], threading.Barrier(4)
    leases = [scene.a_lease(f"here:1:{n}") for n in range(4)]

    def worker(lease: int) -> None:
        ready.wait()
        while claimed := transitions.claim(scene.send.pk, lease_id=lease, most=7):
            found.extend((one.id, one.fence, lease) for one in claimed)

    Threads(*(lambda lease=lease: worker(lease) for lease in leases)).finish()
    assert Counter(pk for pk, _, _ in found) == Counter(range(1, 121))
    assert {fence for _, fence, _ in found} == {1}
    kept = Delivery.objects.filter(send_id=scene.send.pk).values_list("id", "lease_id")
    assert dict(kept) == {pk: lease for pk, _, lease in found}


@pytest.mark.django_db(transaction=True)
def test_a_claim_under_way_while_its_lease_is_taken_leaves_nothing_behind():
    scene = Scene(5)
    with transaction.atomic():
        scene.claim(5)
        Threads(lambda: transitions.close_lease(scene.lease)).finish()
    transitions.close_lease(scene.lease)
    assert scene.states() == {"pending": 5}
    assert not Lease.objects.exists()


# -- the last look before a person is written to


def unsubscribed(scene: Scene, person: Subscriber) -> None:
    people.leave(person, scope="elsewhere", list_ids=[scene.list.pk], source="t", by="t", at=timezone.now())


def suppressed(scene: Scene, person: Subscriber) -> None:
    people.suppress(person.address_key, reason="dead-address", source="t", by="t")


def left_by_scope(scene: Scene, person: Subscriber) -> None:
    people.suppress(person.address_key, reason="unsubscribed", scope=scene.newsletter.scope, source="t", by="t")


def erased(scene: Scene, person: Subscriber) -> None:
    execute("UPDATE pipeline_delivery SET subscriber_id = 999999 WHERE subscriber_id = %s", [person.pk])


def erased_by_state(scene: Scene, person: Subscriber) -> None:
    Subscription.objects.filter(subscriber=person).update(state="erased")


def taking_a_break(scene: Scene, person: Subscriber) -> None:
    Subscription.objects.filter(subscriber=person).update(state="paused")


def left_long_suppressed_before(scene: Scene, person: Subscriber) -> None:
    """What was lifted, or is over, or is another newsletter's, is not why they get nothing now."""
    still_reachable(scene, person)
    left_by_scope(scene, person)


def still_reachable(scene: Scene, person: Subscriber) -> None:
    held = people.suppress(person.address_key, reason="manual", source="t", by="t")
    people.lift(held, by="ada", note="a mistake")
    yesterday = timezone.now() - dt.timedelta(days=1)
    people.suppress(person.address_key, reason="manual", source="t", by="t", expires_at=yesterday)
    people.suppress(person.address_key, reason="manual", scope="newsletter:999", source="t", by="t")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unsubscribed, "unsubscribed"),
        (left_by_scope, "unsubscribed"),
        (left_long_suppressed_before, "unsubscribed"),
        (suppressed, "suppressed"),
        (erased, "erased"),
        (erased_by_state, "erased"),
        (taking_a_break, "paused"),
    ],
)
def test_whoever_may_not_be_written_to_any_more_is_left_out(scene, change, reason):
    first, other = scene.claim(2)
    change(scene, Subscriber.objects.get(pk=first.subscriber_id))
    assert scene.mark(first, other) == {first.id: "skipped", other.id: "in_flight"}
    row = scene.row(first)
    assert (row.state, row.reason, row.lease_id, row.attempts) == ("skipped", reason, None, 0)


def test_what_no_longer_holds_keeps_nobody_out(scene):
    [one] = scene.claim()
    still_reachable(scene, Subscriber.objects.get(pk=one.subscriber_id))
    assert scene.mark(one) == {one.id: "in_flight"}


def test_one_of_two_lists_is_enough_to_be_written_to(scene):
    friends = a_list(scene.newsletter, "friends")
    people.subscribe(scene.people[0], to=friends, text="t", source="t", by="t", at=timezone.now())
    send = a_send(scene.send.proofs.get().issue, scene.list, friends)
    Subscription.objects.filter(subscriber=scene.people[0], list=scene.list).update(state="unsubscribed")
    scene.send, scene.lease = send, None
    scene.lease = scene.a_lease()
    claimed = {one.subscriber_id: one for one in scene.claim(20)}
    assert set(scene.mark(*claimed.values()).values()) == {"in_flight"}


@pytest.mark.parametrize("stop", [transitions.pause_send, transitions.cancel_send])
def test_nothing_flies_once_the_send_is_stopped(scene, stop):
    one, two = scene.claim(2)
    stop(scene.send.pk, actor="ada", why="enough")
    assert scene.mark(one, two) == {one.id: "pending", two.id: "pending"}
    assert scene.row(one).fence == one.fence + 1


def test_a_batch_whose_lease_was_taken_away_marks_nothing(scene):
    one, *_ = scene.claim(3)
    transitions.close_lease(scene.lease)
    assert scene.mark(one) == {}
    assert scene.states() == {"pending": 10}


# -- fences


def test_what_is_given_back_keeps_its_place_in_the_queue(scene):
    execute("UPDATE pipeline_delivery SET due_at = now() - id * interval '1 minute'")
    for _ in range(2):
        assert {one.id for one in scene.claim(4)} == {7, 8, 9, 10}
        assert transitions.give_back(scene.lease) == 4


def test_what_was_no_try_keeps_its_place_in_the_queue(scene):
    execute("UPDATE pipeline_delivery SET due_at = now() - interval '1 day'")
    unsent, put_off = scene.fly(2)
    now = timezone.now()
    transitions.record(scene.send.pk, [
        Marked(unsent.id, unsent.fence, "pending", "not-sent", "421 Busy", counts=False, due_at=now),
        Marked(put_off.id, put_off.fence, "pending", "deferred", "451 Later", counts=True, due_at=now + HOUR),
    ])  # fmt: skip
    assert scene.row(unsent).due_at < now - 23 * HOUR
    assert scene.row(put_off).due_at == now + HOUR
    waiting = scene.claim()[0]
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    assert scene.mark(waiting) == {waiting.id: "pending"}
    assert scene.row(waiting).due_at < now - 23 * HOUR


def test_a_late_word_of_an_earlier_holder_changes_nothing(scene):
    [one] = scene.fly()
    transitions.close_lease(scene.lease)
    assert scene.row(one).state == "uncertain"
    Delivery.objects.filter(send_id=scene.send.pk).update(due_at=timezone.now() - HOUR)
    assert transitions.settle_uncertain() == []
    scene.lease = scene.a_lease()
    again = next(each for each in scene.fly(10) if each.id == one.id)
    assert (again.fence, again.retried) == (one.fence + 2, True)
    assert transitions.record(scene.send.pk, [accepted(one)]) == set()
    assert scene.row(one).state == "in_flight"
    transitions.reject_unrenderable(scene.send.pk, one, why="stale")
    assert transitions.record(scene.send.pk, [accepted(again)]) == {one.id}
    assert scene.row(one).reply == "250 2.0.0 Ok"


def test_a_stale_record_cannot_mark_or_reject_what_another_has_claimed(scene):
    [one] = scene.claim()
    transitions.close_lease(scene.lease)
    scene.lease = scene.a_lease()
    again = next(each for each in scene.claim(10) if each.id == one.id)
    transitions.reject_unrenderable(scene.send.pk, one, why="stale")
    assert scene.mark(one) == {}
    assert scene.row(one).state == "claimed"
    transitions.reject_unrenderable(scene.send.pk, again, why="a field is missing")
    assert (scene.row(one).state, scene.row(one).reason) == ("rejected", "render")


def test_doubt_that_is_recorded_again_counts_one_try_and_words_later_than_the_lease_are_kept(scene):
    one, other = scene.fly(2)
    due = timezone.now() + HOUR
    doubt = Marked(one.id, one.fence, "uncertain", "connection-lost", "no answer", counts=True, due_at=due)
    assert transitions.record(scene.send.pk, [doubt]) == {one.id}
    assert transitions.record(scene.send.pk, [doubt]) == set()  # as when the answer to the first commit was lost
    assert scene.row(one).attempts == 1
    transitions.close_lease(scene.lease)
    assert scene.row(other).reason == "lease-lost"
    late = doubt._replace(id=other.id, fence=other.fence)
    assert transitions.record(scene.send.pk, [late]) == {other.id}
    assert (scene.row(other).reason, scene.row(other).reply) == ("connection-lost", "no answer")
