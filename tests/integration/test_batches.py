"""A batch that meets trouble on our own side: what a relay said is kept, and no batch goes on for ever."""

from collections.abc import Callable

import pytest
from django.db import OperationalError, connection
from test_sending import KIM, Desk, copies, relay, url  # noqa: F401 (the relay is a fixture)

from pipeline import transitions
from pipeline.delivery.batch import run_batch, story
from pipeline.delivery.smtp import Connection
from pipeline.delivery.sweep import sweep
from pipeline.models import Delivery
from pipeline.queries.sql import rows

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
