"""Leases: a living holder keeps its own, a dead or hanging one loses it, and a relay is never asked too much."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from django.conf import settings
from django.utils import timezone
from scene import HOUR, Scene, Threads

from pipeline import transitions
from pipeline.models import AuditEvent, Delivery, Lease, Transport
from pipeline.queries.sql import execute, rows
from pipeline.transitions.leases import LOCK_SPACE

pytestmark = pytest.mark.django_db


def lapse(lease: int, seconds: int = 60) -> None:
    execute("UPDATE pipeline_lease SET created_at = now() - interval '1 hour', renewed_at = now() - make_interval("
            "secs => %s) WHERE id = %s", [seconds, lease])  # fmt: skip


@pytest.fixture
def held(scene: Scene) -> Iterator[int]:
    """The scene's lease, with the lock that its living holder keeps."""
    rows("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, scene.lease])
    yield scene.lease
    rows("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, scene.lease])


def test_a_holder_that_lives_keeps_its_lease_and_one_that_hangs_loses_it(scene, held):
    scene.fly(2)
    lapse(held, 40)
    assert transitions.settle_dead_leases(settings.LEASE) == 0
    lapse(held, 50)
    lapse(held, 0)
    assert transitions.settle_dead_leases(settings.LEASE) == 0
    lapse(held, 50)
    assert transitions.settle_dead_leases(settings.LEASE) == 1
    assert not Lease.objects.filter(pk=held).exists()
    assert scene.states() == {"uncertain": 2, "pending": 8}


def test_a_dead_holder_loses_its_lease_at_once_and_the_trail_names_what_is_in_doubt(scene):
    flying = scene.fly(2)
    scene.claim(3)
    assert transitions.settle_dead_leases(settings.LEASE) == 0  # too young to have its lock
    lapse(scene.lease, 0)
    assert transitions.settle_dead_leases(settings.LEASE) == 1
    assert scene.states() == {"uncertain": 2, "pending": 8}
    event = AuditEvent.objects.get(action="lease.lost")
    assert sorted(event.detail["uncertain"]) == sorted(f"{scene.send.pk}-{one.id}" for one in flying)
    waiting = Delivery.objects.filter(send_id=scene.send.pk, state="uncertain").values_list("reason", "due_at")
    assert {reason for reason, _ in waiting} == {"lease-lost"}
    assert all(due > timezone.now() + settings.UNCERTAIN_WAIT - HOUR for _, due in waiting)


def test_leases_share_the_connections_of_a_relay_and_a_worker_keeps_a_child_free(scene):
    def ask(owner: str, *, wanted: int = 2, siblings: int = 2) -> int:
        host = owner.rpartition(":")[0] + ":"
        grant = transitions.open_lease(
            scene.send.pk, owner=owner, host=host, wanted=wanted, at_most=4, siblings=siblings
        )
        return grant.connections if grant else 0

    assert [ask("a:1:1"), ask("a:1:2"), ask("a:1:3"), ask("b:1:1")] == [2, 1, 0, 0]  # the scene's own lease has one
    transitions.close_lease(scene.lease)
    assert [ask("a:1:4"), ask("b:1:1")] == [0, 1]


def test_a_worker_keeps_a_child_free_however_many_relays_there_are(scene):
    def ask(owner: str, relay: int) -> bool:
        grant = transitions.open_lease(
            scene.send.pk, owner=owner, host="a:1:", wanted=1, at_most=9, siblings=2, transport_id=relay
        )
        return grant is not None

    first, second = scene.send.transport_id, Transport.objects.create(name="second").pk
    assert [ask("a:1:1", first), ask("a:1:2", second), ask("a:1:3", second), ask("a:1:3", first)] == [1, 1, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_children_that_ask_at_once_leave_one_of_them_free():
    scene, ready = Scene(), threading.Barrier(4)
    relays = [scene.send.transport_id, *(Transport.objects.create(name=f"r{n}").pk for n in range(3))]

    def child(number: int) -> None:
        ready.wait()
        for _ in range(20):
            transitions.open_lease(
                scene.send.pk, owner=f"a:1:{number}", host="a:1:", wanted=1, at_most=99, siblings=3,
                transport_id=relays[number],
            )  # fmt: skip

    Threads(*(partial(child, number) for number in range(4))).finish()
    assert Lease.objects.filter(owner__startswith="a:1:").count() == 3


@pytest.mark.parametrize("stop", [transitions.pause_send, transitions.cancel_send])
def test_nobody_gets_a_lease_for_a_send_that_is_not_going(scene, stop):
    stop(scene.send.pk, actor="ada", why="")
    assert transitions.open_lease(scene.send.pk, owner="h:1", host="h:", wanted=1, at_most=9, siblings=9) is None


def test_a_relay_that_is_away_is_asked_less_and_less_often(scene):
    def wait() -> float:
        [(seconds,)] = rows("SELECT extract(epoch FROM backoff_until - now()) FROM pipeline_transport")
        execute("UPDATE pipeline_transport SET backoff_until = now() - interval '1 second'")
        return round(float(seconds))

    waits = []
    for _ in range(9):
        transitions.back_off(scene.send.transport_id, why="away")
        waits.append(wait())
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    transitions.back_off(scene.send.transport_id, why="away")
    transitions.back_off(scene.send.transport_id, why="a second batch that failed with it")
    assert Transport.objects.get().backoff_reason == "away"
    assert transitions.open_lease(scene.send.pk, owner="h:1", host="h:", wanted=1, at_most=9, siblings=9) is None
    transitions.clear_backoff(scene.send.transport_id)
    assert scene.a_lease()
    assert (Transport.objects.get().backoff_count, Transport.objects.get().backoff_reason) == (0, "")


def died(scene: Scene, *, making: int | None = None) -> None:
    """The holder of the scene's lease is dead; the next one takes up its work."""
    lapse(scene.lease, 0)
    execute("UPDATE pipeline_lease SET making = %s WHERE id = %s", [making, scene.lease])
    assert transitions.settle_dead_leases(settings.LEASE) == 1
    scene.lease = scene.a_lease()


def deaths(scene: Scene) -> dict[int, int | None]:
    return dict(Delivery.objects.filter(send_id=scene.send.pk).values_list("id", "deaths"))


def test_whoever_dies_casts_suspicion_on_what_it_had_not_begun_to_hand_over(scene):
    flying, waiting = scene.fly(2), scene.claim(3)
    died(scene)
    suspects = {pk for pk, number in deaths(scene).items() if number is not None}
    assert suspects == {one.id for one in waiting}
    assert not suspects & {one.id for one in flying}
    assert {one.id: one.deaths for one in scene.claim(10)} == {
        pk: number for pk, number in deaths(scene).items() if pk not in {one.id for one in flying}
    }


def test_an_orderly_end_casts_no_suspicion(scene):
    scene.claim(3)
    transitions.close_lease(scene.lease)
    assert set(deaths(scene).values()) == {None}


def test_three_who_died_of_the_same_message_are_enough(scene):
    [deadly, *_] = scene.claim(10)
    died(scene)
    for number in (1, 2):
        scene.claim(10)
        died(scene, making=deadly.id)
        assert deaths(scene) == {pk: number if pk == deadly.id else 0 for pk in range(1, 11)}
    scene.claim(10)
    died(scene, making=deadly.id)
    row = scene.row(deadly)
    assert (row.state, row.reason, row.reply) == (
        "rejected", "render", "3 workers died while they made this message",
    )  # fmt: skip
    assert scene.states() == {"rejected": 1, "pending": 9}
    event = AuditEvent.objects.get(action="delivery.deadly")
    assert (event.subject, event.detail) == (f"delivery:{scene.send.pk}-{deadly.id}", {"deaths": 3})


def test_a_suspect_that_is_on_the_wire_by_now_has_killed_nobody(scene):
    scene.claim(3)
    died(scene)
    one = next(each for each in scene.claim(10) if each.deaths == 0)
    scene.mark(one)
    died(scene, making=one.id)
    assert deaths(scene)[one.id] == 0
    assert scene.row(one).state == "uncertain"
