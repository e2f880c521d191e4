"""From the books to a relay and back into the books: one batch after the other, against relays that misbehave.

Time is moved by writing into the books, never by waiting.
"""

import datetime as dt
import socket
from collections import Counter
from contextlib import suppress

import pytest
from django.db import connection
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue
from relay import Behaviour, Ledger, RelayServer

from pipeline import queries, transitions
from pipeline.content.types import ContentError
from pipeline.delivery.batch import Worker, run_batch, story, wires
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Lease, Send, Transport
from pipeline.queries.sql import execute
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db(transaction=True)
KIM = "kim@example.com"


class Desk:
    """A send that has started, and somebody who works on it whenever asked."""

    def __init__(self, *emails: str, url: str) -> None:
        self.newsletter = a_newsletter()
        self.list = a_list(self.newsletter)
        for email in emails:
            a_reader(email, self.list)
        Transport.objects.create(name="default", url=url)
        self.issue = an_issue(self.newsletter)
        self.send = a_send(self.issue, self.list)
        self.stop = False

    def work(self) -> None:
        """Sweep and work until nothing is due."""
        while self.send.pk in sweep():
            run_batch(self.send.pk, self.worker())
            if self.stop:
                return
        self.send.refresh_from_db()

    def worker(self) -> Worker:
        return Worker(name="here:1:2", host="here:1:", siblings=1, stopping=lambda: self.stop)

    def later(self) -> None:
        """As if every wait were over."""
        execute("UPDATE pipeline_delivery SET due_at = now() WHERE due_at > now()")
        execute("UPDATE pipeline_transport SET backoff_until = now() - interval '1 second'")

    def row(self, email: str = KIM) -> Delivery:
        return Delivery.objects.get(send_id=self.send.pk, email=email)

    def says(self, email: str = KIM) -> str:
        row = self.row(email)
        return f"{row.state}/{row.reason}"

    def states(self) -> Counter[str]:
        return Counter(Delivery.objects.filter(send_id=self.send.pk).values_list("state", flat=True))

    def in_order(self) -> bool:
        return all(finding.ok for finding in queries.audit(self.send.pk)) and not Lease.objects.exists()


@pytest.fixture
def relay():
    """Start relays; `relay(script…)` gives one that serves until the test ends."""
    started: list[RelayServer] = []

    def start(*, port: int = 0, **given: object) -> RelayServer:
        server = RelayServer(Behaviour(**given), Ledger(), port=port)
        started.append(server.__enter__())
        return server

    yield start
    for server in started:
        server.__exit__()


def url(server: RelayServer, *, connections: int = 2, more: str = "") -> str:
    return f"smtp://127.0.0.1:{server.port}?starttls=never&connections={connections}{more}"


def copies(server: RelayServer) -> Counter[str]:
    return Counter(entry["rcpt"] for entry in server.ledger.entries)


def suppressed() -> set[tuple[str, str]]:
    return set(Suppression.objects.values_list("address_key", "reason"))


def test_everybody_gets_one_copy_and_the_send_finishes(relay):
    server = relay()
    people = [f"p{n}@example.com" for n in range(60)]
    desk = Desk(*people, url=url(server))
    desk.work()
    assert copies(server) == Counter(people)
    assert desk.states() == {"accepted": 60}
    assert (desk.send.state, desk.in_order()) == ("finished", True)
    assert {row.reply[:3] for row in Delivery.objects.all()} == {"250"}
    assert {entry["mail_from"].partition("-")[0] for entry in server.ledger.entries} == {"b"}
    assert len({entry["message_id"] for entry in server.ledger.entries}) == 60


# Not yet


def test_whoever_is_put_off_is_tried_again_by_the_schedule(relay):
    server = relay(script={"rcpt": {"^kim": ["451 4.7.1 Greylisted", "250 2.1.5 Ok"]}})
    desk = Desk(KIM, "lee@example.com", url=url(server))
    desk.work()
    row = desk.row()
    assert (desk.says(), row.reply, row.attempts) == ("pending/deferred", "451 4.7.1 Greylisted", 1)
    wait = row.due_at - row.updated_at
    assert dt.timedelta(seconds=47) < wait < dt.timedelta(seconds=73)  # a minute, ±20 %
    assert queries.next_work(desk.send.pk)[0] == "the next try"
    desk.later()
    desk.work()
    row = desk.row()
    assert (desk.says(), row.attempts, row.retried) == ("accepted/taken", 2, False)
    assert copies(server) == {KIM: 1, "lee@example.com": 1}
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_whoever_is_put_off_for_too_long_is_given_up_with_the_last_reply(relay):
    server = relay(script={"rcpt": {"^kim": ["451 4.2.1 Busy", "452 4.2.2 Mailbox full"]}})
    desk = Desk(KIM, url=url(server))
    desk.work()
    Send.objects.update(valid_until=timezone.now() + dt.timedelta(seconds=20))
    desk.later()
    desk.work()
    assert (desk.says(), desk.row().reply) == ("expired/too-late", "452 4.2.2 Mailbox full")
    assert suppressed() == set()
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_whoever_may_have_it_is_held_and_not_given_up_when_the_time_is_over(relay):
    server = relay(script={"cut": {"after_dot": ["^kim"]}, "rcpt": {"^kim": ["250 2.1.5 Ok", "451 4.2.1 Busy"]}})
    desk = Desk(KIM, url=url(server))
    desk.work()
    desk.later()
    Send.objects.update(valid_until=timezone.now() + dt.timedelta(seconds=20))
    desk.work()
    assert (desk.says(), desk.row().retried) == ("pending/deferred", True)
    Send.objects.update(valid_until=timezone.now())
    desk.work()
    assert (desk.says(), desk.send.state, desk.in_order()) == ("held/unsettled", "finished", True)


# Never


@pytest.mark.parametrize(
    ("reply", "reason", "dead"),
    [
        ("550 5.1.1 No such user here", "no-such-mailbox", True),
        ("550 5.7.1 Message refused by policy", None, False),
        ("552 5.2.2 Mailbox full", None, False),
        ("554 5.7.1 Service unavailable; client host blocked", None, False),
    ],
)
def test_a_refusal_closes_the_row_and_only_a_dead_address_is_suppressed(relay, reply, reason, dead):
    server = relay(script={"rcpt": {"^kim": [reply]}})
    desk = Desk(KIM, "lee@example.com", url=url(server))
    desk.work()
    row = desk.row()
    assert (row.state, row.reply, row.attempts) == ("rejected", reply, 1)
    assert row.reason == (reason or row.reason) != ("" if dead else "no-such-mailbox")
    assert suppressed() == ({(KIM, "dead-address")} if dead else set())
    assert (desk.send.state, desk.in_order()) == ("finished", True)
    again = a_send(desk.issue, desk.list)
    assert Delivery.objects.get(send_id=again.pk, email=KIM).state == ("skipped" if dead else "pending")


def test_a_message_that_cannot_be_made_costs_nobody_else_theirs(relay, monkeypatch):
    server, make = relay(), wires.envelope

    def envelope(newsletter, send_id, one):
        if one.email == KIM:
            raise ContentError("the first name holds a line break")
        return make(newsletter, send_id, one)

    monkeypatch.setattr(wires, "envelope", envelope)
    desk = Desk(KIM, "lee@example.com", url=url(server))
    desk.work()
    assert (desk.says(), desk.row().reply) == ("rejected/render", "the first name holds a line break")
    assert (desk.says("lee@example.com"), desk.send.state) == ("accepted/taken", "finished")


# Perhaps


def test_a_connection_cut_after_the_dot_leads_to_one_more_copy_and_the_books_name_it(relay):
    server = relay(script={"cut": {"after_dot": ["^kim"]}})
    desk = Desk(KIM, "lee@example.com", url=url(server))
    desk.work()
    assert desk.says() == "uncertain/connection-lost"
    assert desk.send.state == "sending"
    assert copies(server)[KIM] == 1
    desk.later()
    desk.work()
    assert (desk.says(), desk.row().retried, desk.row().attempts) == ("accepted/taken", True, 2)
    assert (desk.row("lee@example.com").retried, copies(server)) == (False, {KIM: 2, "lee@example.com": 1})
    kims = [entry for entry in server.ledger.entries if entry["rcpt"] == KIM]
    assert len({entry["message_id"] for entry in kims}) == len({entry["mail_from"] for entry in kims}) == 1
    assert AuditEvent.objects.filter(action="delivery.retried").count() == 1
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_a_connection_cut_twice_is_held_and_never_tried_a_third_time(relay):
    server = relay(script={"dot": {"^kim": ["keep+cut"]}})
    desk = Desk(KIM, url=url(server))
    for _ in range(4):
        desk.work()
        desk.later()
    assert (desk.says(), desk.row().retried) == ("held/unsettled", True)
    assert copies(server) == {KIM: 2}
    assert (desk.send.state, desk.in_order()) == ("finished", True)


@pytest.mark.parametrize("place", ["before_keeping", "after_dot"])
def test_a_bounce_for_what_may_have_arrived_settles_it_without_another_copy(relay, place):
    server = relay(script={"cut": {place: ["^kim"]}})
    desk = Desk(KIM, url=url(server))
    desk.work()
    transitions.record_bounce(
        desk.send.pk, desk.row().id, reason="mailbox-full", hard=False, at=timezone.now(), source="mail"
    )
    desk.later()
    desk.work()
    assert (desk.says(), desk.row().retried, desk.row().bounce_reason) == ("accepted/evidence", False, "mailbox-full")
    assert copies(server)[KIM] == (1 if place == "after_dot" else 0)
    assert desk.send.state == "finished"


def test_a_connection_cut_before_the_message_is_surely_not_sent(relay):
    server = relay(script={"data": {"^kim": ["cut", "354 Go ahead"]}})
    desk = Desk(KIM, url=url(server))
    desk.work()
    desk.later()
    desk.work()
    assert (desk.says(), desk.row().retried, copies(server)) == ("accepted/taken", False, {KIM: 1})


# The relay itself


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_relay_that_is_away_is_waited_for_and_nothing_is_lost(relay):
    port = free_port()
    desk = Desk(KIM, "lee@example.com", url=f"smtp://127.0.0.1:{port}?starttls=never")
    desk.work()
    transport = Transport.objects.get()
    assert "cannot be reached" in transport.backoff_reason
    assert transport.backoff_until > timezone.now()
    assert desk.states() == {"pending": 2}
    assert {row.attempts for row in Delivery.objects.all()} == {0}
    what, until = queries.next_work(desk.send.pk)
    assert what.startswith("the relay: ")
    assert until == transport.backoff_until
    server = relay(port=port)
    desk.later()
    desk.work()
    assert (desk.send.state, copies(server)) == ("finished", {KIM: 1, "lee@example.com": 1})
    assert Transport.objects.get().backoff_count == 0


def test_a_relay_that_is_busy_is_left_alone_for_a_while(relay):
    server = relay(script={"connect": ["421 4.3.2 Too many connections"] * 2 + ["220 ready"]})
    desk = Desk(KIM, url=url(server, connections=1))
    for _ in range(3):
        desk.work()
        desk.later()
    assert (desk.says(), desk.send.state, copies(server)) == ("accepted/taken", "finished", {KIM: 1})


@pytest.mark.parametrize("place", ["rcpt", "dot"])
def test_a_relay_that_takes_everything_and_has_had_enough_is_left_alone(relay, place):
    server = relay(script={place: {"^kim": ["421 4.3.2 Not now"]}})
    desk = Desk(KIM, url=url(server, connections=1))
    Transport.objects.update(sees_recipient_replies=False)
    desk.work()
    assert "It asks to be given less" in Transport.objects.get().backoff_reason
    assert (desk.row().state, desk.row().attempts, len(server.sessions) <= 2) == ("pending", 0, True)
    server.behaviour.script = {}
    desk.later()
    desk.work()
    assert (desk.says(), copies(server)) == ("accepted/taken", {KIM: 1})


def test_a_relay_that_hangs_up_in_between_costs_nobody_a_copy(relay):
    people = [f"p{n}@example.com" for n in range(20)]
    server = relay(script={"mail": {"": ["250 2.1.0 Ok"] * 3 + ["421 4.4.2 Idle too long"]}, "rcpt": {}})
    desk = Desk(*people, url=url(server, connections=1))
    for _ in range(8):
        desk.work()
        desk.later()
    assert max(copies(server).values(), default=0) <= 1
    assert not Delivery.objects.filter(retried=True).exists()


@pytest.mark.parametrize(
    ("address", "keywords", "words"),
    [
        ("smtp://desk:wrong@127.0.0.1:{port}?starttls=never", ["AUTH PLAIN"], "did not accept the user name 'desk'"),
        ("smtp://desk:wrong@127.0.0.1:{port}?starttls=never", ["SIZE"], "offers no way to sign in"),
        ("smtp://127.0.0.1:{port}?starttls=required", ["SIZE"], "does not offer STARTTLS"),
        ("smtps://127.0.0.1:{port}", ["SIZE"], "could not agree on encryption"),
    ],
)
def test_what_a_person_must_mend_pauses_the_send_and_says_so_in_words(relay, address, keywords, words):
    server = relay(keywords=keywords)
    desk = Desk(KIM, url=address.format(port=server.port))
    desk.work()
    assert desk.send.state == "paused"
    assert words in desk.send.state_reason
    assert "wrong" not in desk.send.state_reason  # the password
    assert desk.states() == {"pending": 1}
    assert AuditEvent.objects.get(action="send.paused").detail["why"] == desk.send.state_reason
    assert all(b"wrong" not in command for session in server.sessions for command in session.commands)
    Transport.objects.update(url=url(relay()))
    transitions.resume_send(desk.send.pk, actor="ada")
    desk.work()
    assert desk.send.state == "finished"


# Stopping and defects


def test_a_worker_that_is_told_to_stop_leaves_nothing_in_doubt_and_the_next_one_goes_on(relay):
    people = [f"p{n}@example.com" for n in range(40)]
    server = relay(delay=0.005)
    desk = Desk(*people, url=url(server))
    worker = Worker(name="here:1:2", host="here:1:", siblings=1, stopping=lambda: len(server.ledger.entries) >= 10)
    sweep()
    assert run_batch(desk.send.pk, worker) is False
    handed = len(server.ledger.entries)
    assert 10 <= handed < 40
    assert desk.states() == {"accepted": handed, "pending": 40 - handed}
    assert desk.in_order()
    desk.work()
    assert copies(server) == Counter(people)
    assert not Delivery.objects.filter(retried=True).exists()


def test_a_defect_in_mid_batch_gives_back_what_was_not_started(relay, monkeypatch):
    server = relay()
    desk = Desk(*(f"p{n}@example.com" for n in range(5)), url=url(server, connections=1))

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    sweep()
    with monkeypatch.context() as patched, suppress(ZeroDivisionError):
        patched.setattr("pipeline.delivery.batch.entries.outcome", broken)
        run_batch(desk.send.pk, desk.worker())
    assert set(desk.states()) == {"pending", "uncertain"}
    assert desk.states()["uncertain"] == len(server.ledger.entries)
    assert desk.in_order()
    assert not connection.in_atomic_block


@pytest.mark.parametrize("act", [transitions.pause_send, transitions.cancel_send])
def test_nobody_works_on_a_send_that_was_stopped(relay, act):
    server = relay()
    desk = Desk(KIM, url=url(server))
    act(desk.send.pk, actor="ada", why="enough")
    desk.work()
    assert run_batch(desk.send.pk, desk.worker()) is False
    assert copies(server) == {}


@pytest.mark.parametrize(("siblings", "people", "calls"), [(2, 6, 1), (2, 4, 0), (1, 6, 0)])
def test_whoever_finds_more_than_they_can_take_calls_another_at_once(relay, monkeypatch, siblings, people, calls):
    """Not where nobody could help: all connections are theirs, or all the work is."""
    monkeypatch.setattr(story, "CLAIM_AT_ONCE", 5)
    desk = Desk(*(f"p{n}@example.com" for n in range(people)), url=url(relay(), connections=2))
    sweep()
    called = []
    run_batch(desk.send.pk, Worker("here:1:2", "here:1:", siblings, lambda: False, call=lambda: called.append(1)))
    assert len(called) == calls
    assert desk.states() == {"accepted": people}
