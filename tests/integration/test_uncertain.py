"""What may have arrived: evidence is waited for, one more try is made, and too much of it stops the send."""

import pytest
from django.utils import timezone
from scene import HOUR, Scene, accepted

from pipeline import transitions
from pipeline.models import AuditEvent, Delivery, Send
from pipeline.queries.sql import execute, rows
from pipeline.transitions import Marked
from pipeline.transitions.settling import IN_DOUBT

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


def test_evidence_spares_the_second_copy_that_is_being_prepared(scene):
    scene.doubt()
    transitions.settle_uncertain()
    execute("UPDATE pipeline_delivery SET due_at = now() - interval '1 day' WHERE retried")
    [again] = scene.claim()
    assert again.retried
    transitions.record_evidence(scene.send.pk, again.id, at=timezone.now(), what="an automatic answer")
    assert (scene.row(again).state, scene.row(again).reason, scene.row(again).lease_id) == (
        "accepted",
        "evidence",
        None,
    )
    assert scene.mark(again) == {}
    assert AuditEvent.objects.get(action="delivery.settled").detail["evidence"] == "an automatic answer"


def test_evidence_that_came_during_a_second_try_that_failed_spares_the_third(scene):
    scene.doubt()
    transitions.settle_uncertain()
    execute("UPDATE pipeline_delivery SET due_at = now() - interval '1 day' WHERE retried")
    [again] = scene.fly()
    transitions.record_bounce(
        scene.send.pk, again.id, reason="mailbox-full", hard=False, at=timezone.now(), source="smtp"
    )
    put_off = Marked(again.id, again.fence, "pending", "deferred", "451", counts=True, due_at=timezone.now() - HOUR)
    transitions.record(scene.send.pk, [put_off])
    assert again.id not in {one.id for one in scene.claim(10)}
    assert (scene.row(again).state, scene.row(again).reason) == ("accepted", "evidence")
    assert scene.states() == {"accepted": 1, "claimed": 9}


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


def too_much() -> Scene:
    """A send that was paused because of 101 that may have arrived."""
    scene = Scene(110)
    scene.doubt(101, reason="lease-lost")
    assert transitions.settle_uncertain() == [scene.send.pk]
    return scene


def test_what_a_person_has_looked_at_does_not_pause_the_send_again():
    scene = too_much()
    transitions.resume_send(scene.send.pk, actor="ada")
    [one] = scene.doubt(reason="lease-lost")
    assert transitions.settle_uncertain() == []
    assert scene.state() == "sending"
    assert scene.row(one).retried


def test_lost_connections_that_a_person_has_looked_at_do_not_pause_the_send_again(scene):
    lost = scene.doubt(5)
    Delivery.objects.filter(id__in=[one.id for one in lost[1:]]).update(due_at=timezone.now() + HOUR)
    assert transitions.settle_uncertain() == [scene.send.pk]
    assert scene.states() == {"held": 1, "uncertain": 4, "pending": 5}
    transitions.resume_send(scene.send.pk, actor="ada")
    Delivery.objects.filter(state="uncertain").update(due_at=timezone.now() - HOUR)
    assert transitions.settle_uncertain() == []
    assert scene.states() == {"held": 1, "pending": 9}


def test_what_was_settled_bit_by_bit_adds_up():
    scene = Scene(110)
    for number, paused in ((60, False), (40, False), (1, True)):
        scene.doubt(number, reason="lease-lost")
        Delivery.objects.filter(state="pending", retried=True).update(due_at=timezone.now() + HOUR)
        assert bool(transitions.settle_uncertain()) is paused
    assert "101 messages may have arrived" in Send.objects.get().state_reason


def test_one_that_is_in_doubt_a_second_time_is_counted_once():
    scene = Scene(60)
    for _ in range(2):
        scene.doubt(60, reason="lease-lost")
        assert transitions.settle_uncertain() == []
    assert scene.states() == {"held": 60}


def test_the_true_reply_is_taken_as_long_as_evidence_is_waited_for_and_then_it_is_held():
    scene = Scene(110)
    scene.doubt(101, reason="lease-lost")
    late, silent = scene.doubt(2, reason="lease-lost")
    Delivery.objects.filter(id__in=[late.id, silent.id]).update(due_at=timezone.now() + HOUR)
    assert transitions.settle_uncertain() == [scene.send.pk]
    assert (scene.row(late).state, scene.row(silent).state) == ("uncertain", "uncertain")
    assert transitions.record(scene.send.pk, [accepted(late)]) == {late.id}
    Delivery.objects.filter(id=silent.id).update(due_at=timezone.now() - HOUR)
    assert transitions.settle_uncertain() == []
    assert (scene.row(late).state, scene.row(silent).state) == ("accepted", "held")
    assert (scene.state(), scene.send.state_code) == ("paused", "uncertain")


def test_only_what_is_in_doubt_is_read(scene):
    execute("ANALYZE pipeline_delivery")
    given = {"send": scene.send.pk, "wait": HOUR}
    plan = "".join(line for (line,) in rows(f"EXPLAIN {IN_DOUBT}", given))
    assert "delivery_uncertain" in plan
    assert "Seq Scan on pipeline_delivery" not in plan


def test_a_paused_send_settles_nothing(scene):
    [one] = scene.doubt()
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    assert transitions.settle_uncertain() == []
    assert scene.row(one).state == "uncertain"
