"""Our own mails: their From and signature, their share of a relay's limits, and which relay they go through."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import datetime as dt
import email
import email.policy

import pytest
from dkimkeys import verifies
from letterbox import Letterbox, later, relay, tell_all, url  # noqa: F401 (relay is a fixture)
from relay import Behaviour, Ledger, RelayServer
from scene import Scene

from pipeline import alerts, rotation, transitions
from pipeline.delivery import signing
from pipeline.models import Route, Transport, TransportMeter
from pipeline.queries.signing import dkim_keys

pytestmark = pytest.mark.django_db


def transports(*relays) -> list[int]:
    """The scene's own transport, and one more for each further relay."""
    first, *others = relays
    Transport.objects.update(url=url(first))
    made = [Transport.objects.create(name=f"relay {relay.port}", url=url(relay)) for relay in others]
    return [*Transport.objects.exclude(pk__in=[each.pk for each in made]).values_list("pk", flat=True),
            *(each.pk for each in made)]  # fmt: skip


def test_the_mail_is_an_alert_and_not_an_issue(scene: Scene, settings, relay):
    settings.ALERT_MAIL, settings.ALERT_SMTP_URL = ("ops@city.example",), url(relay)
    transitions.pause_if_sending(scene.send.pk, actor="delivery", why="535 5.7.8 Authentication failed\r\nBcc: x@y")
    tell_all()
    [(to, letter)] = relay.ledger.letters
    assert to == "ops@city.example"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["From"] == "Pressrun <pressrun@bounces.localhost>"
    assert letter["Subject"] == f"City Letter, send {scene.send.pk}: paused"
    assert letter["Bcc"] is None
    assert not [name for name in letter if name.lower().startswith(("list-", "precedence", "feedback-id"))]
    assert "535 5.7.8" in letter.get_content()
    assert relay.ledger.entries[0]["mail_from"] == "pressrun@bounces.localhost"


def test_its_from_is_a_setting_and_is_signed_where_the_domain_has_a_key(scene: Scene, settings, tmp_path):
    settings.ALERT_MAIL, settings.MAIL_FROM = ("ops@city.example",), ("시청 소식", "ops@city.example")
    rotation.new_keys("city.example", ed25519=False, selector="", today=dt.date(2026, 11, 22), actor="ada")
    rotation.start_keys("city.example", lambda *_: (), unseen=True, actor="ada")
    [key] = [signing.key_of(row) for row in dkim_keys(rotation.find_domain("city.example"), state="active")]
    with RelayServer(Behaviour(), Ledger(maildir=tmp_path)) as relay:
        Transport.objects.update(url=url(relay))
        transitions.pause_send(scene.send.pk, actor="ada", why="")
        tell_all()
    [wire] = [path.read_bytes() for path in (tmp_path / "new").iterdir()]
    assert email.message_from_bytes(wire, policy=email.policy.default)["From"] == "시청 소식 <ops@city.example>"
    assert verifies(wire, key) == [True]
    assert relay.ledger.entries[0]["mail_from"] == "pressrun@bounces.localhost"


def test_it_is_told_out_of_the_share_that_issues_leave_and_not_beyond_the_relays_limit(scene: Scene, settings, relay):
    settings.ALERT_MAIL = ("ops@city.example", "desk@city.example")
    Transport.objects.update(url=url(relay), per_day=10, reserved=10)
    transport = Transport.objects.get()
    assert [transitions.draw(transport.pk, wanted=20).grant.number for _ in range(2)] == [9, 0]
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    told, waits = tell_all()
    assert told.delivered_at
    assert waits.due_at
    assert "its limit for this day is used up" in waits.error
    assert len(relay.ledger.letters) == TransportMeter.objects.get().day_count - 9 == 1


def test_a_try_that_reached_no_relay_costs_nothing_of_its_limit(scene: Scene, settings):
    settings.ALERT_MAIL = ("ops@city.example",)
    Transport.objects.update(per_day=10)
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    tell_all()
    assert TransportMeter.objects.get().day_count == 0


@pytest.mark.parametrize("actor", ["delivery", "brakes", "sweep"])
def test_mail_goes_around_the_failing_relay(scene: Scene, settings, relay, actor):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(), Letterbox()) as failing:
        transports(failing, relay)
        transitions.pause_if_sending(scene.send.pk, actor=actor, why="it is no good", code="our-fault")
        [tried] = tell_all()
        assert tried.delivered_at
        assert failing.sessions == []
    assert [entry["rcpt"] for entry in relay.ledger.entries] == ["ops@city.example"]


def test_mail_goes_around_every_relay_of_a_send_that_none_of_them_takes(scene: Scene, settings, relay):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(), Letterbox()) as second, RelayServer(Behaviour(), Letterbox()) as third:
        for position, pk in enumerate(transports(relay, second)):
            Route.objects.create(newsletter=scene.newsletter, transport_id=pk, position=position)
            transitions.back_off(pk, why="its password is wrong", needs_person=True)
            transitions.try_again([pk])  # as when the send pauses for it
        Transport.objects.create(name="zzz", url=url(third))
        transitions.pause_if_sending(scene.send.pk, actor="delivery", why="None of the relays can be used")
        [tried] = tell_all()
        assert tried.delivered_at
        assert (relay.sessions, second.sessions, len(third.ledger.letters)) == ([], [], 1)


def test_mail_goes_through_no_relay_that_fails_for_others_while_there_is_one_that_works(scene: Scene, settings, relay):
    settings.ALERT_MAIL = ("ops@city.example",)
    Transport.objects.update(url=url(relay))
    with RelayServer(Behaviour(script={"rcpt": {"": ["451 4.3.0 Later"]}}), Letterbox()) as busy:
        Transport.objects.create(name="busy", url=url(busy))
        transitions.back_off(scene.send.transport_id, why="it is away")
        transitions.pause_send(scene.send.pk, actor="ada", why="")
        [tried] = tell_all()
        assert "Later" in tried.error
        assert relay.sessions == []
        Transport.objects.filter(name="busy").delete()
    later()
    assert alerts.hand_over()[0].delivered_at  # where it is the only one, nothing is lost by trying


def test_the_healthy_one_of_a_sends_relays_goes_before_the_failing_one(scene: Scene, settings, relay):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(), Letterbox()) as first:
        for position, pk in enumerate(transports(first, relay)):
            Route.objects.create(newsletter=scene.newsletter, transport_id=pk, position=position)
        transitions.back_off(scene.send.transport_id, why="it is away")
        transitions.try_again([scene.send.transport_id])  # half open
        transitions.pause_if_sending(scene.send.pk, actor="brakes", why="too much is refused", code="refusals")
        tell_all()
        assert (first.sessions, len(relay.ledger.letters)) == ([], 1)


def test_a_relay_that_has_something_against_us_is_tried_again(scene: Scene, settings):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(script={"dot": {"": ["550 5.7.26 Unauthenticated", "250 Ok"]}}), Letterbox()) as relay:
        Transport.objects.update(url=url(relay))
        transitions.pause_send(scene.send.pk, actor="ada", why="")
        [tried] = tell_all()
        assert tried.due_at
        later()
        assert alerts.hand_over()[0].delivered_at


def test_with_only_a_failing_relay_the_mail_waits(scene: Scene, settings):
    settings.ALERT_MAIL = ("ops@city.example",)
    transitions.pause_if_sending(scene.send.pk, actor="delivery", why="it is away")
    [tried] = tell_all()
    assert tried.due_at
    assert "127.0.0.1:1" in tried.error


def test_an_address_that_the_relay_refuses_is_given_up_and_the_others_get_theirs(scene: Scene, settings):
    settings.ALERT_MAIL = ("gone@city.example", "ops@city.example", "가@city.example")
    behaviour = Behaviour(script={"rcpt": {"^gone": ["550 5.1.1 No such user"]}})
    with RelayServer(behaviour, Letterbox()) as relay:
        Transport.objects.update(url=url(relay))
        transitions.pause_send(scene.send.pk, actor="ada", why="")
        fates = {each.target: bool(each.given_up_at) for each in tell_all()}
    assert fates == {"gone@city.example": True, "ops@city.example": False, "가@city.example": True}


def test_a_lost_answer_is_repeated_with_the_same_message_id_and_through_no_second_relay(scene: Scene, settings, relay):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(script={"cut": {"after_dot": ["ops"]}}), Letterbox()) as first:
        settings.ALERT_SMTP_URL = url(first)
        Transport.objects.update(url=url(relay))
        transitions.pause_send(scene.send.pk, actor="ada", why="")
        tell_all()
        later()
        alerts.hand_over()
        ids = {letter["Message-ID"] for _, letter in first.ledger.letters}
    assert len(first.ledger.letters) == 2
    assert len(ids) == 1
    assert relay.ledger.letters == []
