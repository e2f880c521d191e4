"""Trouble on our own side: what is known must not be lost, and one send's or person's trouble is nobody else's."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

from collections import Counter

import pytest
from django.db import OperationalError
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue
from scene import Scene, accepted
from test_sending import KIM, Desk, copies, relay, url  # noqa: F401 (relay is a fixture)

from pipeline import tasks, transitions
from pipeline.delivery import sweep as sweeping
from pipeline.delivery.batch import wires
from pipeline.models import Delivery, SendState, Transport
from pipeline.queries.sql import execute
from subscribers import transitions as people

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [f"p{n}@example.com" for n in range(30)]


def test_replies_are_kept_while_the_database_is_away(relay, monkeypatch):
    server = relay()
    desk = Desk(*PEOPLE, url=url(server))
    real, failures = transitions.record, iter(range(3))

    def record(*given: object) -> set[int]:
        if next(failures, None) is not None:
            raise OperationalError("the database is away")
        return real(*given)

    monkeypatch.setattr(transitions, "record", record)
    desk.work()
    assert desk.states() == {"accepted": 30}
    assert copies(server) == Counter(PEOPLE)
    assert not Delivery.objects.filter(retried=True).exists()


def test_rows_whose_mark_was_committed_without_our_hearing_of_it_still_go_out():
    scene = Scene()
    flying = scene.fly(3)
    assert set(scene.mark(*flying).values()) == {"in_flight"}

    person = scene.people[flying[0].subscriber_id - scene.people[0].pk]
    people.suppress(person.address_key, reason="dead-address", source="test", by="test")
    assert scene.mark(*flying)[flying[0].id] == "pending", person
    assert scene.row(flying[0]).fence == flying[0].fence + 1


@pytest.mark.parametrize("refusal", ["421 4.3.2 Too many connections", "554 5.3.2 Too many connections"])
def test_a_relay_that_answers_is_well_though_it_refuses_some_connections(relay, refusal):
    server = relay(script={"connect": ["220 relay.test ESMTP", refusal]})
    desk = Desk(*PEOPLE, url=url(server, connections=4))
    desk.work()
    assert desk.states() == {"accepted": 30}
    assert desk.send.state == SendState.FINISHED
    assert Transport.objects.get().backoff_until is None


def test_a_defect_with_one_person_is_that_persons_alone(relay, monkeypatch):
    real = wires.envelope

    def envelope(newsletter: object, send_id: int, one: object) -> object:
        if one.email == KIM:
            raise ZeroDivisionError
        return real(newsletter, send_id, one)

    monkeypatch.setattr(wires, "envelope", envelope)
    desk = Desk(KIM, *PEOPLE, url=url(relay()))
    desk.work()
    assert desk.says() == "rejected/render"
    assert desk.states() == {"accepted": 30, "rejected": 1}
    assert desk.in_order()


def test_one_sends_trouble_does_not_keep_the_sweep_from_the_others(monkeypatch):
    newsletter = a_newsletter()
    everyone = a_list(newsletter)
    a_reader(KIM, everyone)
    issue = an_issue(newsletter)
    sends = [a_send(issue, everyone) for _ in range(2)]
    execute("UPDATE pipeline_send SET state = 'scheduled', started_at = NULL")
    execute("DELETE FROM pipeline_delivery")
    real = sweeping.require_ready

    def require_ready(of: object, through: object, **given: object) -> None:
        if not hasattr(require_ready, "asked"):
            require_ready.asked = True
            raise RuntimeError("something nobody thought of")
        real(of, through, **given)

    monkeypatch.setattr(sweeping, "require_ready", require_ready)
    assert sweeping.sweep() == [sends[1].pk]
    assert sorted(sweeping.sweep()) == [send.pk for send in sends]


def test_the_true_reply_settles_what_was_taken_for_uncertain_and_was_not_repeated():
    scene = Scene()
    yes, no = scene.fly(2)
    transitions.close_lease(scene.lease)
    assert transitions.record(scene.send.pk, [accepted(yes)]) == {yes.id}
    assert scene.row(yes).state == "accepted"
    assert transitions.record(scene.send.pk, [accepted(no, fence=no.fence - 1)]) == set()
    assert scene.row(no).state == "uncertain"


def waiting_to_be_repeated(scene: Scene) -> Delivery:
    [one] = scene.doubt()
    assert transitions.settle_uncertain() == []
    row = scene.row(one)
    assert (row.state, row.retried) == ("pending", True)
    return row


def test_evidence_spares_the_second_copy_of_what_waits_to_be_repeated():
    scene = Scene()
    row = waiting_to_be_repeated(scene)
    transitions.record_bounce(
        scene.send.pk, row.id, reason="mailbox-full", hard=False, at=timezone.now(), source="mail"
    )
    row.refresh_from_db()
    assert (row.state, row.reason, row.bounce_reason) == ("accepted", "evidence", "mailbox-full")


def test_what_may_have_arrived_is_never_called_cancelled():
    scene = Scene()
    row = waiting_to_be_repeated(scene)
    transitions.cancel_send(scene.send.pk, actor="ada", why="enough")
    row.refresh_from_db()
    assert (row.state, row.reason) == ("held", "unsettled")
    transitions.close_lease(scene.lease)
    transitions.cancel_leftovers()
    assert scene.states() == {"held": 1, "cancelled": 9}


def test_a_child_that_was_asked_to_end_one_task_works_on_the_next(monkeypatch):
    monkeypatch.setattr(tasks.signal, "signal", lambda *_: None)
    monkeypatch.setattr(tasks, "_terminated", True)
    assert tasks.stopping()
    tasks._listen_for_the_end()
    assert not tasks.stopping()
