"""A send starts once, ends when nothing is open, and does for people what its state allows."""

import datetime as dt
import threading

import pytest
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue
from scene import HOUR, Threads, a_row, accepted

from pipeline import transitions
from pipeline.models import AuditEvent, Delivery, DeliveryState, Send, SendState
from pipeline.queries.sql import execute
from pipeline.transitions import Marked
from pipeline.transitions.sends import WrongStateError

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_send_is_started_once():
    newsletter = a_newsletter()
    readers = a_list(newsletter)
    for n in range(20):
        a_reader(f"p{n}@example.com", readers)
    send = a_send(an_issue(newsletter), readers, started=False)
    outcomes, ready = [], threading.Barrier(3)

    def starter() -> None:
        ready.wait()
        outcomes.append(transitions.start_send(send.pk))

    Threads(starter, starter, starter).finish()
    assert sorted(outcomes) == [False, False, True]
    assert Delivery.objects.filter(send_id=send.pk).count() == 20
    assert AuditEvent.objects.filter(action="send.started").count() == 1


@pytest.mark.parametrize("state", DeliveryState)
def test_a_send_finishes_only_when_nothing_is_open(scene, state):
    Delivery.objects.filter(send_id=scene.send.pk).delete()
    a_row(state, 1)
    execute("UPDATE pipeline_delivery SET send_id = %s", [scene.send.pk])
    still_open = state in {"pending", "claimed", "in_flight", "uncertain"}
    assert transitions.finish_sends() == ([] if still_open else [scene.send.pk])
    assert scene.state() == ("sending" if still_open else "finished")


def test_what_waits_too_long_is_given_up_with_the_last_reply(scene):
    [one] = scene.fly()
    later = timezone.now() + HOUR
    told = Marked(one.id, one.fence, "pending", "deferred", "451 4.7.1 Greylisted", counts=True, due_at=later)
    transitions.record(scene.send.pk, [told])
    assert transitions.expire_overdue() == 0
    Send.objects.update(valid_until=timezone.now() - HOUR)
    [flying] = scene.fly()
    assert transitions.expire_overdue() == 9
    row = scene.row(one)
    assert (row.state, row.reason, row.reply) == ("expired", "too-late", "451 4.7.1 Greylisted")
    assert scene.row(flying).state == "in_flight"


def test_cancelling_closes_all_but_what_is_in_hands(scene):
    done, flying, doubtful, claimed = scene.fly()[0], scene.fly()[0], scene.doubt()[0], scene.claim(2)
    transitions.record(scene.send.pk, [accepted(done)])
    transitions.cancel_send(scene.send.pk, actor="ada", why="the wrong issue")
    assert scene.states() == {"accepted": 1, "in_flight": 1, "held": 1, "claimed": 2, "cancelled": 5}
    scene.mark(*claimed)
    transitions.record(scene.send.pk, [accepted(flying)])
    transitions.cancel_leftovers()
    assert scene.states() == {"accepted": 2, "held": 1, "cancelled": 7}
    assert scene.row(doubtful).retried is False
    assert AuditEvent.objects.get(action="send.cancelled").detail == {"why": "the wrong issue"}


ACTS = {
    "pause": (transitions.pause_send, {"starting", "sending"}),
    "resume": (transitions.resume_send, {"paused", "held"}),
    "cancel": (transitions.cancel_send, {"draft", "scheduled", "starting", "sending", "paused", "held"}),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", SendState)
def test_people_may_do_what_the_state_allows_and_nothing_else(scene, act, state):
    function, allowed = ACTS[act]
    Send.objects.update(state=state)
    before = AuditEvent.objects.count()
    if state in allowed:
        function(scene.send.pk, actor="ada", why="")
        assert AuditEvent.objects.latest("id").actor == "ada"
        return
    with pytest.raises(WrongStateError, match=f"Send {scene.send.pk} is {state}.*Nothing was changed"):
        function(scene.send.pk, actor="ada", why="")
    assert scene.state() == state
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_send_that_does_not_exist_is_said_to_be_missing(act):
    with pytest.raises(WrongStateError, match=r"There is no send 4711\. Nothing was changed"):
        ACTS[act][0](4711, actor="ada", why="")


def test_a_send_due_too_long_ago_waits_for_a_person(scene):
    Send.objects.update(state="scheduled", started_at=None, due_at=timezone.now() - 2 * HOUR + dt.timedelta(minutes=1))
    assert transitions.hold_late_sends() == []
    Send.objects.update(due_at=timezone.now() - 2 * HOUR - dt.timedelta(minutes=1))
    assert transitions.hold_late_sends() == [scene.send.pk]
    assert scene.state() == "held"
    assert "Resume it" in scene.send.state_reason
    assert AuditEvent.objects.filter(action="send.held", subject=f"send:{scene.send.pk}").count() == 1
    transitions.resume_send(scene.send.pk, actor="ada")
    assert scene.state() == "scheduled"
    assert transitions.hold_late_sends() == []
