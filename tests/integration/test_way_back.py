"""Whether a relay keeps our return path: it is asked by a mail to ourselves, and what arrives says it."""

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from relay import Behaviour, Ledger, RelayServer

from pipeline import relays
from pipeline.delivery import wayback
from pipeline.feedback.apply import take_in
from pipeline.feedback.inbound import refusal_of
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Feedback, Marker, Transport
from pipeline.tokens import Purpose

pytestmark = pytest.mark.django_db
BOUNCE = (Path(__file__).resolve().parents[1] / "corpus" / "feedback" / "dsn-unknown-user.eml").read_bytes()
LONG_AGO = dt.timedelta(days=6)


@pytest.fixture
def transport():
    return Transport.objects.create(name="out", url="smtp://smtp.mailgun.org:587")


@pytest.fixture
def question(tmp_path):
    """A mail that a relay took when it was asked, and the relay."""
    with RelayServer(Behaviour(), Ledger(maildir=tmp_path)) as server:
        transport = Transport.objects.create(name="out", url=f"smtp://127.0.0.1:{server.port}?starttls=never")
        wayback.ask(transport.pk, now=timezone.now())
        [entry] = server.ledger.entries
        [file] = (tmp_path / "new").iterdir()
        yield transport, entry["mail_from"], file.read_bytes()


def address_for(transport, *, asked=None) -> str:
    seconds = int((asked or timezone.now()).timestamp())
    return f"p-{keyring().sign(Purpose.WAY_BACK, transport.pk, seconds)}@{settings.BOUNCE_DOMAIN}"


def arrives(address: str, sender: str, raw: bytes = b"Subject: hello\r\n\r\nhello\r\n") -> Feedback:
    return take_in(raw, source="smtp", envelope_to=address, envelope_from=sender, now=timezone.now())


def known_of(transport) -> bool | None:
    transport.refresh_from_db()
    return transport.keeps_return_path


def test_it_is_asked_with_the_address_that_it_goes_to(question):
    _, address, wire = question
    assert f"To: {address}\r\n".encode() in wire
    assert refusal_of(address) == ""
    assert len(address.partition("@")[0]) <= 64


def test_a_mail_that_arrives_as_it_was_sent_tells_that_it_does(question):
    transport, address, wire = question
    assert arrives(address.upper(), address, wire).status == "applied"
    assert known_of(transport) is True
    assert list(relays.way_back_words([transport])) == []


def test_a_pipe_may_tell_who_it_is_from_in_a_header_alone(question):
    transport, address, wire = question
    arrives(address, "", f"Return-Path: <{address}>\r\n".encode() + wire)
    assert known_of(transport) is True


def test_one_that_arrives_with_another_return_path_tells_that_it_does_not(question):
    transport, address, wire = question
    row = arrives(address, "bounce+7@mailgun.example", wire)
    assert "bounce+7@mailgun.example" in row.detail
    assert known_of(transport) is False
    [event] = AuditEvent.objects.filter(action="transport.way-back")
    assert event.detail == {"kept": False, "arrived_with": "bounce+7@mailgun.example"}


def test_one_that_bounces_has_come_back(transport):
    arrives(address_for(transport), "", BOUNCE)
    assert known_of(transport) is True


def test_what_nobody_signed_is_too_late_or_says_nothing_changes_nothing(transport):
    fine = address_for(transport)
    assert arrives(f"p-{'a' * 40}@{settings.BOUNCE_DOMAIN}", "x@y.example").status == "quarantined"
    assert arrives(fine.replace("p-", "b-"), "x@y.example").status == "quarantined"
    assert arrives(address_for(transport, asked=timezone.now() - LONG_AGO), "x@y.example").status == "ignored"
    assert arrives(fine, "").status == "ignored"
    assert known_of(transport) is None


def test_relays_in_the_world_are_asked_once_a_week_until_it_is_known(transport):
    Transport.objects.create(name="here", url="smtp://127.0.0.1:25")
    Transport.objects.create(name="known", url="smtp://relay.example:25", keeps_return_path=False)
    assert wayback.relays_to_ask() == [transport.pk]
    assert wayback.relays_to_ask() == []
    Marker.objects.update(at=timezone.now() - wayback.ASKED_AGAIN_AFTER)
    assert wayback.relays_to_ask() == [transport.pk]


def test_a_relay_that_is_away_is_left_for_another_time(transport):
    transport.url = "smtp://127.0.0.1:1"
    transport.save()
    wayback.try_to_ask(transport.pk)
    assert known_of(transport) is None


def test_which_webhook_is_needed_is_said_by_name(transport):
    Transport.objects.update(keeps_return_path=False)
    transport.refresh_from_db()
    [words] = relays.way_back_words([transport])
    assert "The relay out puts its own return path" in words
    assert "the webhook of Mailgun" in words
    hook = transport.hooks.create(name="bounces", provider="mailgun")
    assert list(relays.way_back_words([transport])) == []
    hook.delete()
    Transport.objects.update(url="smtp://relay.example:25")
    transport.refresh_from_db()
    [words] = relays.way_back_words([transport])
    assert "its provider" in words
