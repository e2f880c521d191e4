"""Several relays in order: a send goes on through the next one and back, and one that fails is tried with care."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import socket
from collections import Counter
from functools import partial

import pytest
from django.utils import timezone
from newsroom import a_send
from scene import HOUR, Scene
from test_sending import Desk, copies, relay, url  # noqa: F401 (relay is a fixture)

from pipeline import queries, transitions
from pipeline.delivery.batch import run_batch
from pipeline.delivery.sweep import sweep
from pipeline.domains import lookup
from pipeline.domains.lookup import LookupFailedError
from pipeline.models import AuditEvent, Delivery, Issue, Route, Send, Transport, TransportMeter
from pipeline.queries import ringable_sends, ways_of
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = HOUR / 3600
PEOPLE = [f"p{n}@example.com" for n in range(20)]


def nobody() -> str:
    """The address of a relay that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"smtp://127.0.0.1:{taken.getsockname()[1]}?starttls=never&connections=2"


class Newsdesk(Desk):
    """A send whose newsletter has two relays."""

    def __init__(self, *emails: str, first: str, second: str) -> None:
        super().__init__(*emails, url=first)
        self.first = Transport.objects.get()
        self.second = Transport.objects.create(name="second", url=second)
        for position, transport in enumerate((self.first, self.second)):
            Route.objects.create(newsletter=self.newsletter, transport=transport, position=position)

    def breaker(self) -> str:
        self.first.refresh_from_db()
        return "open" if self.first.backoff_until else "closed"

    def half_open(self) -> None:
        execute("UPDATE pipeline_transport SET backoff_until = now() - interval '1 second' WHERE backoff_count > 0")


def events(transport: Transport) -> list[str]:
    found = AuditEvent.objects.filter(subject=f"transport:{transport.pk}").order_by("pk")
    return [event.action.partition(".")[2] for event in found]


def test_a_send_goes_on_through_the_next_relay_while_the_first_is_away(relay):
    second = relay()
    desk = Newsdesk(*PEOPLE, first=nobody(), second=url(second))
    desk.work()
    assert copies(second) == Counter(PEOPLE)
    assert (desk.send.state, desk.in_order()) == ("finished", True)
    assert (desk.breaker(), events(desk.first)) == ("open", ["opened"])
    assert "127.0.0.1" in ways_of(desk.send.pk)[0].reason


def test_and_back_when_the_first_works_again_which_one_connection_finds_out(relay):
    first, second = relay(script={"connect": ["close", "close", "close", "close", "220 back"]}), relay()
    desk = Newsdesk(*PEOPLE, first=url(first), second=url(second))
    sweep()
    while not desk.first.backoff_until:
        run_batch(desk.send.pk, desk.worker())
        desk.first.refresh_from_db()
    assert not copies(first)
    tried = len(first.sessions)
    desk.half_open()
    run_batch(desk.send.pk, desk.worker())
    assert len(first.sessions) == tried + 1
    for _ in range(6):
        desk.half_open()
        run_batch(desk.send.pk, desk.worker())
    desk.work()
    assert desk.breaker() == "closed"
    assert events(desk.first) == ["opened", "closed"]
    assert copies(first) + copies(second) == Counter(PEOPLE)
    assert copies(first)
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_only_one_batch_tries_a_relay_that_is_half_open():
    scene = Scene()
    transitions.close_lease(scene.lease)
    transitions.back_off(scene.send.transport_id, why="away")
    execute("UPDATE pipeline_transport SET backoff_until = now()")

    def ask() -> int:
        grant = transitions.open_lease(scene.send.pk, owner="a:1:1", host="a:1:", wanted=4, at_most=4, siblings=9)
        return grant.connections if grant else 0

    assert [ask(), ask()] == [1, 0]


def test_a_half_dead_relay_that_cuts_every_message_is_left_for_the_next(relay):
    first = relay(script={"data": {"": ["cut"]}})
    second = relay()
    desk = Newsdesk(*PEOPLE, first=url(first), second=url(second))
    desk.work()
    desk.later()
    desk.work()
    assert copies(second) == Counter(PEOPLE)
    assert not copies(first)
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_message_id_and_return_path_are_the_same_through_each(relay):
    first, second = relay(script={"rcpt": {"": ["451 4.4.1 Later"]}}), relay()
    desk = Newsdesk("p0@example.com", first=url(first), second=url(second))
    desk.work()
    [asked] = {command for session in first.sessions for command in session.commands if command.startswith(b"MAIL")}
    transitions.back_off(desk.first.pk, why="away")
    execute("UPDATE pipeline_delivery SET due_at = now()")
    desk.work()
    [taken] = second.ledger.entries
    assert taken["mail_from"] in asked.decode()


def test_a_day_that_is_used_up_goes_on_through_the_next_relay(relay):
    first, second = relay(), relay()
    desk = Newsdesk(*PEOPLE, first=url(first), second=url(second))
    Transport.objects.filter(pk=desk.first.pk).update(per_day=5, reserved=0)
    desk.work()
    assert (len(copies(first)), len(copies(second))) == (5, 15)
    assert TransportMeter.objects.get(transport=desk.first).rests_for == "day"


def test_what_only_a_person_can_mend_fails_over_and_on_every_relay_pauses_with_each_reason(relay):
    plain = relay(keywords=["PIPELINING"])
    second = relay()
    no_tls = f"smtp://127.0.0.1:{plain.port}?starttls=required"
    desk = Newsdesk(*PEOPLE[:3], first=no_tls, second=url(second))
    desk.work()
    assert copies(second) == Counter(PEOPLE[:3])
    assert desk.send.state == "finished"
    opened = AuditEvent.objects.get(action="transport.opened")
    assert opened.detail["needs_person"]
    assert "STARTTLS" in opened.detail["why"]

    Transport.objects.filter(pk=desk.second.pk).update(url=no_tls)
    send = a_send(desk.issue, desk.list)
    desk.half_open()
    while send.pk in sweep():
        run_batch(send.pk, desk.worker())
    send.refresh_from_db()
    assert send.state == "paused"
    assert "default: " in send.state_reason
    assert "second: " in send.state_reason
    assert send.state_reason.count("STARTTLS") >= 2
    assert not copies(plain)


def test_what_it_waits_for_names_the_first_relay_when_none_can_be_used():
    scene = Scene()
    transitions.close_lease(scene.lease)
    other = Transport.objects.create(name="other", url="smtp://127.0.0.1:2")
    for position, pk in enumerate((scene.send.transport_id, other.pk)):
        Route.objects.create(newsletter=scene.newsletter, transport_id=pk, position=position)
    transitions.back_off(scene.send.transport_id, why="It is away.")
    assert ringable_sends() == [scene.send.pk]
    transitions.back_off(other.pk, why="It is away too.")
    assert ringable_sends() == []
    assert queries.next_work(scene.send.pk)[0] == "the relay: It is away."


def test_a_relay_added_later_must_be_fit_for_real_people(relay, settings):
    settings.BASE_URL = "http://127.0.0.1:8000"
    desk = Newsdesk(*PEOPLE[:2], first=nobody(), second="smtp://mx.real.example:25")
    while desk.send.pk in sweep():
        run_batch(desk.send.pk, desk.worker())
    desk.second.refresh_from_db()
    assert desk.second.needs_person
    assert "not ready" in desk.second.backoff_reason


def test_a_name_server_that_does_not_answer_is_no_reason_to_call_a_person(relay, settings, monkeypatch):
    settings.BASE_URL, settings.BOUNCE_DOMAIN = "https://news.city-letter.org", "bounces.city-letter.org"
    settings.PICTURES_URL = settings.BASE_URL
    desk = Newsdesk(*PEOPLE[:2], first=nobody(), second="smtp://mx.city-letter.org:25")
    transitions.back_off(desk.first.pk, why="It is away.")

    def no_answer(*_):
        raise LookupFailedError("the name server did not answer")

    monkeypatch.setattr(lookup, "ask", no_answer)
    assert not run_batch(desk.send.pk, desk.worker())
    desk.second.refresh_from_db()
    assert "did not answer" in desk.second.backoff_reason
    assert desk.second.backoff_until < timezone.now() + 10 * SECOND
    assert not desk.second.needs_person


def test_nobody_waits_for_what_an_urgent_send_has_for_a_slow_destination():
    scene = Scene()
    urgent = a_send(Issue.objects.get(), scene.list)
    Send.objects.filter(pk=urgent.pk).update(urgent=True)
    relay, waits = scene.send.transport_id, partial(queries.gives_way, scene.send.pk, scene.send.transport_id)
    Delivery.objects.filter(send_id=urgent.pk, id__gt=1).update(destination="daum")
    assert waits()
    Delivery.objects.filter(send_id=urgent.pk, id=1).update(due_at=timezone.now() + HOUR)
    assert waits()
    transitions.limit_destination(relay, "daum", rate=5, actor="ada")
    assert not waits()
    transitions.limit_destination(relay, "daum", rate=None, actor="ada")
    transitions.learn(relay, "daum", trouble="421 4.7.0 Too many messages from you")
    execute("UPDATE pipeline_destination SET blocked_until = now() - interval '1 second'")
    assert not waits()
    assert urgent.pk in ringable_sends()


def test_an_urgent_send_passes_a_routine_one(relay):
    server = relay(delay=0.02)
    desk = Desk(*PEOPLE, url=url(server, connections=1))
    urgent = a_send(desk.issue, desk.list)
    Send.objects.filter(pk=urgent.pk).update(urgent=True)
    assert ringable_sends() == [urgent.pk, desk.send.pk]
    assert not run_batch(desk.send.pk, desk.worker())
    assert not server.ledger.entries
    run_batch(urgent.pk, desk.worker())
    assert len(server.ledger.entries) == 20
    desk.work()
    assert len(server.ledger.entries) == 40
