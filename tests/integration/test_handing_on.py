"""Answers that came to a return path are handed on to whoever edits the newsletter, as words and nothing else."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import datetime as dt
from email.message import EmailMessage

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from letterbox import relay, url  # noqa: F401 (relay is a fixture)
from relay import Behaviour
from returned import comes_back, handed_over
from scene import Scene, elsewhere, slow_errands

from pipeline import handing_on
from pipeline.feedback.answer import read_answer
from pipeline.feedback.apply import take_in
from pipeline.models import Feedback, Newsletter, Transport
from pipeline.transitions import answers

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def an_answer(text: str = "고맙습니다.\nWhere is the map?", **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in {"From": "Ada <ada@reader.example>", "Subject": "Re: City Letter 20",
                        "In-Reply-To": "<1@city.example>", **headers}.items():  # fmt: skip
        message[name] = value
    message.set_content(text)
    return message.as_bytes()


@pytest.fixture
def delivery(relay):
    scene = Scene()
    Transport.objects.update(url=url(relay))
    Newsletter.objects.update(reply_to="desk@city.example")
    return handed_over(scene)[0]


def test_it_is_handed_on_once_and_answered_to_its_writer(delivery, relay):
    row = comes_back(an_answer(), delivery)
    assert handing_on.is_any_due()
    handing_on.hand_on()
    handing_on.hand_on()
    [(to, letter)] = relay.ledger.letters
    assert to == "desk@city.example"
    assert letter["Reply-To"] == delivery.email
    assert letter["Subject"] == "Re: City Letter 20"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert relay.ledger.entries[0]["mail_from"].startswith("pressrun@")
    assert "> 고맙습니다.\n> Where is the map?" in letter.get_content().replace("\r\n", "\n")
    row.refresh_from_db()
    assert (row.kind, row.status, row.detail) == ("reply", "applied", "An answer: handed on to desk@city.example.")
    assert row.handed_on_at
    assert not handing_on.is_any_due()


def test_what_a_machine_answered_is_not_handed_on(delivery):
    comes_back(an_answer(**{"Auto-Submitted": "auto-replied"}), delivery)
    assert not handing_on.is_any_due()


def test_what_nobody_signed_is_not_handed_on():
    take_in(an_answer(), source="smtp", envelope_to="b-abc@bounces.localhost", envelope_from="", now=timezone.now())
    assert Feedback.objects.get().status == "quarantined"
    assert not handing_on.is_any_due()


def test_no_header_of_a_stranger_becomes_one_of_ours(delivery, relay):
    hostile = b"From: x@y.example\r\nIn-Reply-To: <1@a>\r\nReply-To: =?utf-8?q?a=0D=0ABcc:_all?= <a@b.example>\r\n"
    comes_back(hostile + b"Subject: Re: =?utf-8?q?=0D=0ABcc:_all@x.example?= <script>\r\n\r\nhello\r\n", delivery)
    handing_on.hand_on()
    [(_, letter)] = relay.ledger.letters
    assert letter["Bcc"] is None
    assert letter["Reply-To"] == "a@b.example"
    assert "script" in letter["Subject"]


def test_attachments_stay_where_they_are(delivery, relay):
    message = EmailMessage()
    message["From"], message["Subject"], message["In-Reply-To"] = "a@b.example", "Re: x", "<1@a>"
    message.set_content("see there")
    message.add_attachment(b"MZ", maintype="application", subtype="exe", filename="x.exe")
    comes_back(message.as_bytes(), delivery)
    handing_on.hand_on()
    [(_, letter)] = relay.ledger.letters
    assert not letter.is_multipart()
    assert "1 attachments are not shown" in letter.get_content()


def test_while_no_relay_takes_it_it_waits_and_is_tried_again(delivery, relay):
    relay.behaviour = Behaviour(script={"dot": {"": ["451 4.3.0 later", "250 2.0.0 Ok"]}})
    comes_back(an_answer(), delivery)
    handing_on.hand_on()
    row = Feedback.objects.get()
    assert row.handed_on_at is None
    assert "451 4.3.0 later" in row.detail
    assert row.hand_on_due_at > timezone.now()
    Feedback.objects.update(hand_on_due_at=timezone.now() - HOUR)
    handing_on.hand_on()
    assert Feedback.objects.get().handed_on_at


def test_after_three_days_it_is_given_up_and_still_there(delivery, relay):
    relay.behaviour = Behaviour(script={"dot": {"": ["451 4.3.0 later"] * 9}})
    comes_back(an_answer(), delivery)
    Feedback.objects.update(received_at=timezone.now() - dt.timedelta(days=4))
    handing_on.hand_on()
    row = Feedback.objects.get()
    assert (row.handed_on_at, row.hand_on_due_at) == (None, None)
    assert "451 4.3.0 later" in row.detail


def test_a_flood_of_them_waits_its_turn(delivery, relay, monkeypatch):
    monkeypatch.setattr(handing_on, "PER_HOUR", 2)
    for number in range(4):
        comes_back(an_answer(f"number {number}"), delivery)
    handing_on.hand_on()
    assert len(relay.ledger.letters) == 2
    assert set(Feedback.objects.filter(handed_on_at=None).values_list("hand_on_attempts", flat=True)) == {0}
    Feedback.objects.update(handed_on_at=timezone.now() - 2 * HOUR, hand_on_due_at=timezone.now())
    Feedback.objects.filter(hand_on_attempts=1).update(hand_on_due_at=None)
    handing_on.hand_on()
    assert len(relay.ledger.letters) == 4


def test_a_flood_of_them_is_put_off_at_once(delivery, relay, monkeypatch):
    """To ask of each anew whether it must wait would keep every worker busy, and sends would wait for them."""
    monkeypatch.setattr(handing_on, "PER_HOUR", 1)
    asked = []
    counted = handing_on._of_late
    monkeypatch.setattr(handing_on, "_of_late", lambda newsletter: asked.append(1) or counted(newsletter))
    for number in range(6):
        comes_back(an_answer(f"number {number}"), delivery)
    handing_on.hand_on()
    assert (len(relay.ledger.letters), len(asked)) == (1, 2)
    assert not handing_on.is_any_due()
    assert Feedback.objects.filter(handed_on_at=None, hand_on_attempts=0).count() == 5


def test_a_relay_that_does_not_answer_keeps_one_worker_for_a_minute(delivery, monkeypatch):
    slow_errands(monkeypatch)
    tried = []
    monkeypatch.setattr(handing_on, "_try", tried.append)
    for number in range(3):
        comes_back(an_answer(f"number {number}"), delivery)
    handing_on.hand_on()
    assert len(tried) == 1
    with elsewhere(handing_on.LOCK):
        handing_on.hand_on()
    assert len(tried) == 1


def test_it_never_goes_round_in_circles(delivery, relay):
    Newsletter.objects.update(reply_to="b-x@bounces.localhost")
    comes_back(an_answer(), delivery)
    handing_on.hand_on()
    assert relay.ledger.letters == []
    assert "nobody outside" in Feedback.objects.get().detail


def test_two_at_once_do_not_take_the_same(delivery):
    comes_back(an_answer(), delivery)
    assert answers.claim_answer()
    assert answers.claim_answer() is None


@given(st.binary(max_size=2000))
def test_anything_can_be_read(raw):
    said = read_answer(raw)
    assert "\0" not in said.text + said.subject + said.sender
