"""A storm on the way: a real relay refuses everybody at one destination, and only that one waits for a person."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

from collections import Counter

import pytest
from test_sending import Desk, copies, relay, url  # noqa: F401 (relay is a fixture)
from test_storms import BIG, SMALL, UNKNOWN, held

from pipeline import queries, transitions
from pipeline.delivery.pacing import manners
from pipeline.models import AuditEvent, Ruling
from pipeline.queries import ringable_sends

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_once(monkeypatch):
    """A batch asks before each group who must wait, and not once a second."""
    monkeypatch.setattr(manners, "LOOK_SECONDS", 0.0)


def at(domain: str, number: int) -> list[str]:
    return [f"p{n}@{domain}" for n in range(number)]


def test_deliveries_there_wait_for_a_person_and_the_others_go_on(relay, at_once):
    """The tenth of dead addresses that would pause the whole send is found to be one destination's alone."""
    server = relay(script={"rcpt": {f"@{BIG}$": [UNKNOWN]}})
    desk = Desk(*at(BIG, 300), *at(SMALL, 200), url=url(server, connections=2))
    desk.work()
    states = desk.states()
    assert desk.send.state == "sending"
    assert copies(server) == Counter(at(SMALL, 200))
    assert states == {"accepted": 200, "rejected": states["rejected"], "pending": 300 - states["rejected"]}
    assert 50 <= states["rejected"] < 300
    assert ringable_sends() == []
    assert queries.next_work(desk.send.pk) == (f"a decision about the many dead addresses: {BIG}", None)
    assert held() == set()
    assert set(Ruling.objects.values_list("state", flat=True)) == {"frozen"}
    assert not AuditEvent.objects.filter(action="send.paused").exists()
    assert desk.in_order()


def test_when_it_is_forgotten_the_rest_goes_there_and_the_send_ends(relay, at_once):
    server = relay(script={"rcpt": {f"@{BIG}$": [UNKNOWN]}})
    desk = Desk(*at(BIG, 300), *at(SMALL, 200), url=url(server, connections=2))
    desk.work()
    assert desk.states()["pending"]
    transitions.discard_storm(desk.send.pk, BIG, actor="ada")
    server.behaviour.script.clear()
    desk.later()
    desk.work()
    assert desk.send.state == "finished"
    assert (held(), set(Ruling.objects.values_list("state", flat=True))) == (set(), {"discarded"})
    assert desk.states()["accepted"] == sum(copies(server).values()) == 500 - desk.states()["rejected"]
    assert desk.in_order()


def test_when_it_is_applied_the_send_goes_on_there_however_many_more_are_dead(relay, at_once):
    server = relay(script={"rcpt": {f"@{BIG}$": [UNKNOWN]}})
    desk = Desk(*at(BIG, 300), *at(SMALL, 200), url=url(server, connections=2))
    desk.work()
    transitions.apply_storm(desk.send.pk, BIG, actor="ada")
    desk.later()
    desk.work()
    assert (desk.send.state, desk.states()) == ("finished", {"accepted": 200, "rejected": 300})
    assert held() == set(at(BIG, 300))
    assert desk.in_order()


def test_when_all_destinations_are_as_bad_it_is_the_list_and_the_whole_send_pauses(relay, at_once):
    server = relay(script={"rcpt": {"^p[0-4]*@": [UNKNOWN]}})
    desk = Desk(*at(BIG, 100), *(f"p{n}@d{n}.example" for n in range(300)), url=url(server, connections=2))
    desk.work()
    assert (desk.send.state, desk.send.state_code) == ("paused", "dead-addresses")
    assert desk.in_order()
