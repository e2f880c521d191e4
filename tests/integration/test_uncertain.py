"""What may have arrived: evidence is waited for, one more try is made, and too much of it stops the send."""

import pytest
from django.utils import timezone
from scene import HOUR, Scene

from pipeline import transitions
from pipeline.models import AuditEvent, Delivery, Send
from pipeline.queries.sql import execute
from pipeline.transitions import Marked

pytestmark = pytest.mark.django_db


def test_what_may_have_arrived_is_tried_once_more_and_then_held(scene):
    [one] = scene.doubt()
    assert transitions.settle_uncertain() == []
    row = scene.row(one)
    assert (row.state, row.reason, row.retried, row.fence) == ("pending", "retry", True, one.fence + 1)
    assert AuditEvent.objects.filter(action="delivery.retried", subject=f"delivery:{scene.send.pk}-{one.id}").exists()
    Delivery.objects.filter(send_id=scene.send.pk, id=one.id).update(due_at=timezone.now() - HOUR)
    assert [again.id for again in scene.doubt()] == [one.id]
    assert transitions.settle_uncertain() == []
    row = scene.row(one)
    assert (row.state, row.reason, row.retried, row.due_at) == ("held", "unsettled", True, None)


def test_evidence_is_waited_for(scene):
    [one] = scene.doubt()
    Delivery.objects.filter(send_id=scene.send.pk, id=one.id).update(due_at=timezone.now() + HOUR)
    assert transitions.settle_uncertain() == []
    assert scene.row(one).state == "uncertain"
    transitions.record_evidence(scene.send.pk, one.id, at=timezone.now(), what="a bounce")
    assert (scene.row(one).state, scene.row(one).reason) == ("accepted", "evidence")
    assert AuditEvent.objects.get(action="delivery.settled").detail["evidence"] == "a bounce"


def test_evidence_settles_what_is_held_and_touches_nothing_else(scene):
    held, flying = scene.doubt()[0], scene.fly()[0]
    execute("UPDATE pipeline_delivery SET state = 'held', reason = 'unsettled' WHERE id = %s", [held.id])
    for one in (held, flying):
        transitions.record_delay(scene.send.pk, one.id, at=timezone.now())
    assert (scene.row(held).state, scene.row(flying).state) == ("accepted", "in_flight")
    assert None not in (scene.row(held).delayed_at, scene.row(flying).delayed_at)


def test_evidence_that_came_before_the_answer_was_lost_spares_the_second_copy(scene):
    [one] = scene.fly()
    transitions.record_click(scene.send.pk, one.id, at=timezone.now())
    assert scene.row(one).state == "in_flight"
    lost = Marked(one.id, one.fence, "uncertain", "connection-lost", "", counts=True, due_at=timezone.now() - HOUR)
    transitions.record(scene.send.pk, [lost])
    [other] = scene.doubt()
    assert transitions.settle_uncertain() == []
    assert (scene.row(one).state, scene.row(one).reason, scene.row(one).retried) == ("accepted", "evidence", False)
    assert scene.row(other).retried
    assert AuditEvent.objects.get(action="delivery.settled").subject == f"delivery:{scene.send.pk}-{one.id}"


def test_by_a_send_s_own_policy_nothing_is_repeated(scene):
    Send.objects.update(uncertain_policy=Send.UncertainPolicy.HOLD)
    [one] = scene.doubt()
    assert transitions.settle_uncertain() == []
    assert (scene.row(one).state, scene.row(one).retried) == ("held", False)
    assert scene.state() == "sending"


def test_a_relay_that_breaks_too_often_after_the_dot_gets_a_person_to_look(scene):
    scene.doubt(4)
    assert transitions.settle_uncertain() == [scene.send.pk]
    assert scene.state() == "paused"
    assert "broke the connection 4 times" in scene.send.state_reason
    assert scene.states() == {"held": 4, "pending": 6}
    assert AuditEvent.objects.get(action="send.paused").actor == "sweep"


def test_three_broken_connections_are_settled_without_anybody(scene):
    scene.doubt(3)
    assert transitions.settle_uncertain() == []
    assert scene.states() == {"pending": 10}


@pytest.mark.parametrize(("number", "state"), [(100, "sending"), (101, "paused")])
def test_too_much_in_doubt_is_held_and_the_send_paused(number, state):
    scene = Scene(105)
    scene.doubt(number, reason="lease-lost")
    transitions.settle_uncertain()
    assert scene.state() == state
    assert scene.states()["held"] == (number if state == "paused" else 0)


def test_a_paused_send_settles_nothing(scene):
    [one] = scene.doubt()
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    assert transitions.settle_uncertain() == []
    assert scene.row(one).state == "uncertain"
