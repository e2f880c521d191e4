"""A batch that meets trouble on our own side: what a relay said is kept, and no batch goes on for ever."""

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connection
from relay import RelayServer
from test_sending import Desk, relay, url  # noqa: F401 (the relay is a fixture)

from pipeline import transitions
from pipeline.content import message
from pipeline.content.types import ContentError
from pipeline.delivery.batch import hand, run_batch, story, wires
from pipeline.delivery.brake import Brake
from pipeline.delivery.smtp import Connection
from pipeline.delivery.sweep import sweep
from pipeline.models import Delivery, Send, Transport
from pipeline.queries.sql import rows
from pipeline.transitions.counts import read_counts

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [f"p{n}@example.com" for n in range(20)]


def lose_the_database() -> None:
    """As when PostgreSQL restarts: the session ends, and Django does not know."""
    with pytest.raises(OperationalError):
        rows("SELECT pg_terminate_backend(pg_backend_pid())")


def after(number: int, act: Callable[[], None], then: Callable[..., object]) -> Callable[..., object]:
    """What does as `then`, but for the call with this number, before which `act` happens."""
    calls = 0

    def stand_in(*given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            act()
        return then(*given, **named)

    return stand_in


# The database


def test_a_database_that_goes_while_replies_are_under_way_costs_none_of_them(relay, monkeypatch):  # noqa: F811
    server = relay(delay=0.2)
    desk = Desk(*PEOPLE[:6], url=url(server, connections=2))
    monkeypatch.setattr(story, "CLAIM_AT_ONCE", 2)
    monkeypatch.setattr(transitions, "claim", after(2, lose_the_database, transitions.claim))
    sweep()
    run_batch(desk.send.pk, desk.worker())
    handed = len(server.ledger.entries)
    assert 2 <= handed < 6
    assert desk.states() == {"accepted": handed, "pending": 6 - handed}
    assert desk.in_order()


@pytest.mark.parametrize("step", ["give_back", "clear_backoff"])
def test_a_database_that_goes_at_the_end_of_a_batch_leaves_no_hand_behind(relay, monkeypatch, step):  # noqa: F811
    server = relay()
    desk = Desk(*PEOPLE, url=url(server, connections=2))
    sweep()
    with monkeypatch.context() as patched:
        patched.setattr(transitions, step, after(1, lose_the_database, getattr(transitions, step)))
        with pytest.raises(OperationalError):
            run_batch(desk.send.pk, desk.worker())
    assert desk.states() == {"accepted": 20}
    assert desk.in_order()
    for session in server.sessions:
        session.join(5)
        assert session.commands[-1] == b"QUIT"


def test_a_batch_that_fails_in_the_middle_still_writes_what_the_relay_said(relay, monkeypatch):  # noqa: F811
    def broken() -> None:
        raise ZeroDivisionError

    server = relay(delay=0.2)
    desk = Desk(*PEOPLE[:6], url=url(server, connections=2))
    monkeypatch.setattr(story, "CLAIM_AT_ONCE", 2)
    monkeypatch.setattr(transitions, "claim", after(2, broken, transitions.claim))
    sweep()
    with pytest.raises(ZeroDivisionError):
        run_batch(desk.send.pk, desk.worker())
    handed = len(server.ledger.entries)
    assert handed
    assert desk.states() == {"accepted": handed, "pending": 6 - handed}
    assert not connection.in_atomic_block


def test_a_commit_that_fails_is_counted_once_and_goes_on_in_a_session_set_like_the_first(relay, monkeypatch):  # noqa: F811
    settings, write = [], transitions.record_and_mark

    def look(*given: object, **named: object) -> object:
        names = ("plan_cache_mode", "enable_seqscan", "idle_in_transaction_session_timeout")
        settings.append([rows(f"SHOW {name}")[0][0] for name in names])
        return write(*given, **named)

    server = relay()
    desk = Desk(*PEOPLE, url=url(server, connections=1))
    monkeypatch.setattr(transitions, "record_and_mark", after(3, lose_the_database, look))
    desk.work()
    assert desk.states() == {"accepted": 20}
    assert read_counts(desk.send.pk).outcomes == 20
    assert {tuple(each) for each in settings} == {("force_generic_plan", "off", "45s")}


# A hand


def test_a_hand_with_a_defect_ends_its_batch_and_leaves_its_own_group_in_doubt(relay, monkeypatch):  # noqa: F811
    def broken() -> None:
        raise ZeroDivisionError

    server = relay()
    desk = Desk(*PEOPLE, url=url(server, connections=1))
    sweep()
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "send", after(2, broken, Connection.send))
        with pytest.raises(ZeroDivisionError):
            run_batch(desk.send.pk, desk.worker())
    counted = desk.states()
    assert counted["accepted"] == len(server.ledger.entries) == 1
    assert 1 <= counted["uncertain"] <= 2
    assert counted["pending"] == 19 - counted["uncertain"]
    assert set(Delivery.objects.filter(state="uncertain").values_list("reason", flat=True)) == {"lease-lost"}
    assert desk.in_order()


# A relay that was fast when a group was made, and is slow now


class Slowing:
    """Asked before each message; from the fortieth on the relay takes its time, and something happens."""

    def __init__(self, server: RelayServer, act: Callable[[], object]) -> None:
        self._server, self._act = server, act

    def __call__(self) -> bool:
        if len(self._server.ledger.entries) >= 40 and not self._server.behaviour.delay:
            self._server.behaviour.delay = 0.2
            self._act()
        return False


@pytest.fixture
def large_groups(monkeypatch):
    """One connection gets 1, 2, 4 … 64 messages at once, whatever it takes."""
    monkeypatch.setattr(hand, "GROUP_SECONDS", 60.0)


@pytest.mark.parametrize("act", [transitions.pause_send, transitions.cancel_send])
def test_a_stop_holds_in_the_middle_of_a_group(relay, large_groups, act):  # noqa: F811
    def stop() -> None:
        act(desk.send.pk, actor="ada", why="enough")
        connection.close()  # of the hand's thread

    server = relay()
    desk = Desk(*PEOPLE, *(f"q{n}@example.com" for n in range(100)), url=url(server, connections=1))
    Send.objects.update(brakes=False)
    sweep()
    run_batch(desk.send.pk, replace(desk.worker(), stopping=Slowing(server, stop)))
    handed = len(server.ledger.entries)
    assert 40 <= handed < 55  # of a group that ends with the 63rd
    assert desk.states()["accepted"] == handed
    assert desk.states().keys() <= {"accepted", "pending", "cancelled"}
    sweep()
    assert desk.in_order()


def test_a_batch_does_not_outlive_its_time_by_what_is_left_of_a_group(relay, large_groups, monkeypatch):  # noqa: F811
    monkeypatch.setattr(story, "START_FOR_SECONDS", 1.0)
    monkeypatch.setattr(story, "FINISH_FOR_SECONDS", 0.2)
    server = relay()
    desk = Desk(*PEOPLE, *(f"q{n}@example.com" for n in range(100)), url=url(server, connections=1))
    Send.objects.update(brakes=False)
    sweep()
    assert run_batch(desk.send.pk, replace(desk.worker(), stopping=Slowing(server, lambda: None)))
    handed = len(server.ledger.entries)
    assert 40 <= handed < 55
    assert desk.states() == {"accepted": handed, "pending": 120 - handed}


# A connection that is lost


def test_nobody_waits_for_a_connection_that_is_long_in_coming(relay, large_groups, settings):  # noqa: F811
    settings.TIME_SCALE = 0.01  # three seconds for the greeting
    server = relay(script={"connect": ["220 Go", "220 Go", "silent"], "rcpt": {"^p9@": ["cut", "250 2.1.5 Ok"]}})
    desk = Desk(*PEOPLE, url=url(server, connections=2, more="&rate=20"))
    sweep()
    run_batch(desk.send.pk, desk.worker())
    assert len(server.sessions) == 3
    assert desk.states() == {"accepted": 20}
    assert desk.in_order()


# Waiting


@pytest.mark.parametrize("limit", ["brake", "pace"])
def test_a_batch_that_must_not_give_more_waits_for_an_answer_and_does_not_spin(relay, monkeypatch, limit):  # noqa: F811
    turns = []
    turn = story._Batch._turn
    monkeypatch.setattr(story._Batch, "_turn", lambda batch: (turns.append(1), turn(batch)))
    if limit == "brake":
        monkeypatch.setattr(Brake, "allowed", lambda _, flying: max(1 - flying, 0))
    server = relay(delay=0.1)
    desk = Desk(*PEOPLE[:10], url=url(server, connections=4, more="" if limit == "brake" else "&rate=10"))
    desk.work()
    assert desk.states() == {"accepted": 10}
    assert len(turns) < 100


def test_a_pace_that_needs_one_connection_uses_one_so_that_a_relay_does_not_tire_of_all(relay):  # noqa: F811
    server = relay(script={"idle": {"seconds": 0.3, "says": "421 4.4.2 Timeout"}})
    desk = Desk(*PEOPLE, url=url(server, connections=4, more="&rate=10"))
    sweep()
    run_batch(desk.send.pk, desk.worker())
    assert desk.states() == {"accepted": 20}


# Whose fault it was


def test_a_batch_that_is_stopped_before_the_first_answer_holds_it_against_no_relay(relay):  # noqa: F811
    server = relay()
    desk = Desk(*PEOPLE, url=url(server, connections=1))
    sweep()
    asked = lambda: any(b"DATA" in session.commands for session in server.sessions)  # noqa: E731
    run_batch(desk.send.pk, replace(desk.worker(), stopping=asked))
    assert (len(server.ledger.entries), desk.states()) == (0, {"pending": 20})
    assert Transport.objects.get().backoff_count == 0
    desk.work()
    assert desk.states() == {"accepted": 20}


# Messages that cannot be made


@pytest.fixture
def fresh_proofs():
    """As in a process that has read no proof yet."""
    wires.segments.cache_clear()
    wires.slots.cache_clear()


def test_a_proof_that_this_version_cannot_read_pauses_the_send_and_refuses_nobody(relay, fresh_proofs, monkeypatch):  # noqa: F811
    server = relay()
    desk = Desk(*PEOPLE, url=url(server))
    with monkeypatch.context() as older:
        older.setattr(message, "_MAGIC", b"pressrun-proof 0\n")
        desk.work()
        assert (desk.send.state, desk.states()) == ("paused", {"pending": 20})
        assert "a format that this version does not know" in desk.send.state_reason
    transitions.resume_send(desk.send.pk, actor="ada")
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"accepted": 20})


@pytest.mark.parametrize("defect", [ContentError("the message needs a value for token.new"), ZeroDivisionError()])
def test_messages_none_of_which_can_be_made_pause_the_send_and_refuse_nobody(relay, monkeypatch, defect):  # noqa: F811
    server = relay()
    desk = Desk(*PEOPLE, *(f"q{n}@example.com" for n in range(10)), url=url(server))
    with monkeypatch.context() as older:
        older.setattr(wires, "envelope", Mock(side_effect=defect))
        desk.work()
    assert (desk.send.state, desk.states()) == ("paused", {"pending": 30})
    assert "No message can be made of this issue" in desk.send.state_reason
    assert desk.in_order()
    transitions.resume_send(desk.send.pk, actor="ada")
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"accepted": 30})


def test_however_many_cannot_be_made_they_are_refused_alone_where_one_could(relay, monkeypatch):  # noqa: F811
    make, good = wires.envelope, []

    def envelope(newsletter, send_id, one):
        if good and one.email not in good:
            raise ContentError("the first name holds a line break")
        good.append(one.email)
        return make(newsletter, send_id, one)

    monkeypatch.setattr(wires, "envelope", envelope)
    desk = Desk(*PEOPLE, *(f"q{n}@example.com" for n in range(10)), url=url(relay()))
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"rejected": 29, "accepted": 1})


def test_a_few_that_cannot_be_made_are_each_refused_when_all_were_tried(relay, monkeypatch):  # noqa: F811
    monkeypatch.setattr(wires, "envelope", Mock(side_effect=ContentError("the first name holds a line break")))
    desk = Desk(*PEOPLE[:3], url=url(relay()))
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"rejected": 3})
