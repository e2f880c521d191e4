"""A send stops by itself when too much is refused or comes back, says why in words, and takes nobody off a list."""

import datetime as dt

import pytest
from django.utils import timezone
from test_sending import Desk, copies, relay, suppressed, url  # noqa: F401 (the relay is a fixture)

from pipeline import transitions
from pipeline.models import AuditEvent, BrakeCount, Send, Stop, Transport
from pipeline.transitions.brakes import Told, count_outcomes, verdict
from pipeline.transitions.counts import Counts, read_counts

NOT_GENUINE = "550-5.7.26 This mail is unauthenticated, which poses a security risk\n550 5.7.26 to the sender"
PEOPLE = [f"p{n}@example.com" for n in range(300)]


def complaint(*ids: int) -> None:
    transitions.record_complaint(*ids, at=timezone.now(), source="mail")


def delay(reason: str):
    return lambda *ids: transitions.record_delay(*ids, at=timezone.now(), reason=reason)


def bounce(reason: str, *, hard: bool = False):
    return lambda *ids: transitions.record_bounce(*ids, reason=reason, hard=hard, at=timezone.now(), source="mail")


def counts(**given: int) -> Counts:
    return Counts(**({"outcomes": 200, "dead": 0, "refused": 0, "complaints": 0, "alarm": 0} | given))


@pytest.mark.parametrize(
    ("counted", "stop"),
    [
        (counts(), None),
        (counts(dead=20), None),
        (counts(dead=21), Stop.DEAD_ADDRESSES),
        (counts(dead=150, outcomes=199), None),
        (counts(refused=10, alarm=10), None),
        (counts(refused=11, alarm=11), Stop.REFUSALS),
        (counts(refused=15, alarm=15, outcomes=15), None),
        (counts(refused=16, alarm=16, outcomes=16), Stop.OUR_FAULT),
        (counts(refused=16, alarm=16, outcomes=20_000), Stop.OUR_FAULT),
        (counts(refused=16, alarm=16, outcomes=20_000, looked_at=True), None),
        (counts(refused=16, alarm=16, outcomes=16, looked_at=True), Stop.OUR_FAULT),
        (counts(complaints=1, outcomes=1_000), None),
        (counts(complaints=2, outcomes=1_000), Stop.COMPLAINTS),
        (counts(complaints=1, outcomes=999), Stop.COMPLAINTS),
    ],
)
def test_each_threshold_just_below_and_just_above(counted, stop):
    assert verdict(counted) == stop


@pytest.mark.django_db
def test_a_reply_in_thousands_is_forgotten_and_a_run_of_them_is_not(scene):
    for _ in range(60):
        assert count_outcomes(scene.send.pk, "a", Told(outcomes=1_000, refused=1)) == 1
    for n in range(2, 16):
        assert count_outcomes(scene.send.pk, "b", Told(outcomes=10, refused=1)) == n
    assert scene.state() == "sending"
    assert count_outcomes(scene.send.pk, "a", Told(outcomes=10, refused=1)) == 16
    assert (scene.state(), scene.send.state_code) == ("paused", "our-fault")


@pytest.mark.django_db
def test_counts_of_many_processes_add_up_and_a_person_starts_them_anew(scene):
    for n in range(40):
        count_outcomes(scene.send.pk, f"worker {n % 4}", Told(outcomes=5, dead=1, refused=0))
    assert read_counts(scene.send.pk) == counts(dead=40)
    assert (scene.state(), scene.send.state_code) == ("paused", "dead-addresses")
    transitions.resume_send(scene.send.pk, actor="ada")
    assert read_counts(scene.send.pk) == counts(outcomes=0, looked_at=True)
    assert scene.state() == "sending"


@pytest.mark.django_db
def test_without_brakes_nothing_is_counted_and_nothing_stops(scene):
    Send.objects.update(brakes=False)
    assert count_outcomes(scene.send.pk, "a", Told(outcomes=1_000, refused=1_000)) == 0
    assert not BrakeCount.objects.exists()
    assert scene.state() == "sending"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("phase", ["rcpt", "dot"])
def test_when_everybody_says_that_we_are_the_problem_it_pauses_at_once(relay, phase):  # noqa: F811
    server = relay(script={phase: {"": [NOT_GENUINE]}})
    desk = Desk(*PEOPLE, url=url(server, connections=4))
    desk.work()
    assert (desk.send.state, desk.send.state_code) == ("paused", "our-fault")
    assert 16 <= desk.states()["rejected"] <= 20
    assert desk.states()["rejected"] + desk.states()["pending"] == 300
    assert suppressed() == set()
    why = desk.send.state_reason
    assert "say that the sender is the problem, not the reader" in why
    assert "cannot prove that our mail is really ours" in why
    assert "“550-5.7.26 This mail is unauthenticated" in why
    assert "Nobody was taken off a list" in why
    event = AuditEvent.objects.get(subject=f"send:{desk.send.pk}", action="send.paused")
    assert event.detail == {"why": why, "code": "our-fault"}
    assert desk.in_order()


@pytest.mark.django_db(transaction=True)
def test_it_does_so_too_where_the_relay_was_given_more_connections_than_its_address_says(relay):  # noqa: F811
    server = relay(script={"rcpt": {"": [NOT_GENUINE]}})
    desk = Desk(*PEOPLE, url=url(server, connections=1))
    Transport.objects.update(connections=8)
    desk.work()
    assert (desk.send.state, desk.send.state_code) == ("paused", "our-fault")
    assert 16 <= desk.states()["rejected"] <= 20


@pytest.mark.django_db(transaction=True)
def test_a_refusal_for_size_is_no_fault_of_ours(relay):  # noqa: F811
    server = relay(script={"dot": {"": ["552 5.3.4 Message size exceeds fixed limit"]}})
    desk = Desk(*PEOPLE[:250], url=url(server))
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"rejected": 250})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("dead", "state"), [(20, "finished"), (40, "paused")])
def test_dead_addresses_are_borne_up_to_a_tenth(relay, dead, state):  # noqa: F811
    unknown = "|".join(f"^p{n * 6}@" for n in range(dead))
    server = relay(script={"rcpt": {unknown: ["550 5.1.1 No such user"]}})
    desk = Desk(*(f"p{n}@d{n % 10}.example" for n in range(240)), url=url(server))  # at one domain it were a storm
    desk.work()
    assert desk.send.state == state
    if state == "paused":
        assert desk.send.state_code == "dead-addresses"
        assert "addresses do not exist" in desk.send.state_reason


@pytest.mark.django_db
def test_what_comes_back_counts_as_what_is_said_at_once(scene):
    send, now = scene.send.pk, timezone.now()
    count_outcomes(send, "a", Told(outcomes=5_000))
    for one in scene.fly(10):
        for _ in range(2):  # the same report again is no other
            transitions.record_bounce(
                send, one.id, reason="authentication", hard=False, at=now, source="mail", words=NOT_GENUINE
            )
    assert read_counts(send).refused == 10
    assert scene.state() == "sending"
    count_outcomes(send, "returned mail", Told(refused=5))
    assert scene.state() == "sending"
    count_outcomes(send, "returned mail", Told(refused=1, words="550 5.7.1 blocked", reason="reputation"))
    assert (scene.state(), scene.send.state_code) == ("paused", "our-fault")
    assert "the address that we send from has a bad name" in scene.send.state_reason
    assert suppressed() == set()


@pytest.mark.django_db
def test_what_comes_back_late_about_mail_from_before_a_person_looked_does_not_stop_it_again(scene):
    send, now = scene.send.pk, timezone.now()
    [before] = scene.fly()
    transitions.pause_send(send, actor="ada", why="")
    transitions.resume_send(send, actor="ada")
    BrakeCount.objects.update(since=now + dt.timedelta(seconds=5))
    transitions.record_bounce(send, before.id, reason="policy", hard=False, at=now, source="mail")
    assert read_counts(send).refused == 0
    BrakeCount.objects.update(since=now - dt.timedelta(seconds=5))
    [after] = scene.fly()
    transitions.record_bounce(send, after.id, reason="policy", hard=False, at=now, source="mail")
    assert read_counts(send).refused == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "told"),
    [
        (complaint, {"complaints": 1}),
        (delay("reputation"), {"refused": 1, "alarm": 1}),
        (delay("mailbox-full"), {}),
        (bounce("no-such-mailbox", hard=True), {"dead": 1}),
        (bounce("no-such-mailbox"), {}),  # for now only: a server that has lost its list of users for an hour
        (lambda *ids: [bounce("no-such-mailbox", hard=hard)(*ids) for hard in (False, True)], {"dead": 1}),
        (bounce("too-big"), {}),
    ],
)
def test_each_kind_of_return_is_counted_once(scene, what, told):
    [one] = scene.fly()
    for _ in range(2):
        what(scene.send.pk, one.id)
    assert read_counts(scene.send.pk) == counts(outcomes=0, **told)
