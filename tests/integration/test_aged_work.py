"""What a worker's watchdog sees of work that stands still. Time is moved by writing into the books."""

import pytest
from scene import Scene, accepted

from pipeline import transitions
from pipeline.models import Transport
from pipeline.queries.sql import execute
from pipeline.watchdog import look_into_books

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = "now() - interval '31 minutes'"


def aged(host: str = "here:1:") -> bool:
    books = look_into_books(host)
    assert books is not None
    return books.aged


def long_ago(table: str, *columns: str) -> None:
    execute(f"UPDATE pipeline_{table} SET {', '.join(f'{column} = {LONG_AGO}' for column in columns)}")


def test_a_batch_that_never_ends_is_that_of_its_own_worker(scene: Scene):
    assert not aged()
    long_ago("lease", "created_at")
    assert aged()
    assert not aged("there:1:")


def test_due_work_that_nobody_touches_is_everybodys(scene: Scene):
    transitions.close_lease(scene.lease)
    assert not aged()
    long_ago("delivery", "due_at", "updated_at")
    assert aged()
    assert aged("there:1:")


@pytest.mark.parametrize("reason", ["relay", "pause", "moved", "worked on", "later"])
def test_what_waits_for_a_reason_has_not_been_forgotten(scene: Scene, reason: str):
    if reason == "moved":
        transitions.record(scene.send.pk, [accepted(one) for one in scene.fly()])
    if reason != "worked on":
        transitions.close_lease(scene.lease)
    execute(f"UPDATE pipeline_delivery SET due_at = {LONG_AGO} WHERE state = 'pending'")
    if reason == "relay":
        transitions.back_off(Transport.objects.get().pk, why="it is away")
    if reason == "pause":
        transitions.pause_send(scene.send.pk, actor="ada", why="a look")
    if reason == "later":
        execute("UPDATE pipeline_delivery SET due_at = now() + interval '1 hour'")
    assert not aged()
