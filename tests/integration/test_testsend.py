"""Test sends: the proof's bytes to a few addresses, marked, never in the books, and told word for word."""

import datetime as dt
import email
import email.policy
import re
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from django.test import Client
from django.utils import timezone
from newsroom import DOCUMENT, a_list, a_newsletter, a_reader, an_issue
from relay import Behaviour, Ledger, RelayServer
from segments import slots_of_message

from pipeline import models
from pipeline.content import message
from pipeline.delivery import testsend
from pipeline.delivery.testsend import TestRefusedError as RefusedError
from pipeline.delivery.testsend import send_test
from pipeline.feedback.apply import take_in
from pipeline.models import AuditEvent, Delivery, Feedback, Proof, Send, Transport
from pipeline.readiness import NotReadyError
from pipeline.sending import make_draft_proof, make_proof
from subscribers import transitions as people
from subscribers.models import Subscription

pytestmark = pytest.mark.django_db
ANN = "ann@example.org"


class Desk:
    """An issue, its draft proof, and a relay that keeps what it takes."""

    def __init__(self, folder: Path, **behaviour: object) -> None:
        self.folder = folder
        self.server = RelayServer(Behaviour(**behaviour), Ledger(maildir=folder))
        self.newsletter = a_newsletter()
        self.issue = an_issue(self.newsletter)
        self.proof = make_draft_proof(self.issue)

    def __enter__(self) -> Self:
        self.server.__enter__()
        Transport.objects.create(name="default", url=f"smtp://127.0.0.1:{self.server.port}?starttls=never")
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def test(self, *emails: str, **more: object) -> list[testsend.Answer]:
        return send_test(self.proof, emails or (ANN,), **{"actor": "ada", **more})

    def taken(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.folder / "new").iterdir())]

    def mail(self) -> email.message.EmailMessage:
        [raw] = self.taken()
        return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.fixture
def desk(tmp_path):
    with Desk(tmp_path / "mail") as desk:
        yield desk


def test_it_arrives_marked_with_a_sample_name_and_is_not_in_the_books(desk):
    [answer] = desk.test()
    assert (answer.email, answer.verdict, answer.reply[:3]) == (ANN, "accepted", "250")
    mail = desk.mail()
    assert mail["Subject"] == "[TEST] News for Robin"
    assert mail["To"] == ANN
    assert "Dear Robin" in mail.get_body(("html",)).get_content()
    assert (Send.objects.count(), Delivery.objects.count()) == (0, 0)


def test_its_bytes_are_the_proofs_but_for_slots_and_the_mark(desk):
    desk.test()
    [raw] = desk.taken()
    filled = slots_of_message(message.load(bytes(Proof.objects.get(pk=desk.proof.pk).packed)), raw)
    assert filled, "something outside of the slots differs"
    assert filled["subject"] == b"[TEST] News for Robin"
    assert {value for name, value in filled.items() if name.startswith("token.")} == {b"test"}


def test_a_subject_without_slots_is_marked_too(tmp_path):
    with Desk(tmp_path / "mail") as desk:
        desk.issue = an_issue(desk.newsletter, replace(DOCUMENT, number=21, subject="도시 소식 21호"))
        desk.proof = make_draft_proof(desk.issue)
        desk.test()
        assert desk.mail()["Subject"] == "[TEST] 도시 소식 21호"


def test_its_links_act_for_nobody_and_say_so(desk):
    kim = a_reader(ANN, a_list(desk.newsletter))
    desk.test(reader=kim)
    mail, stranger = desk.mail(), Client(enforce_csrf_checks=True)
    addresses = set(re.findall(r"https?://[^\s<>\"]+/[uv]/[a-z]+", str(mail) + mail.get_body(("html",)).get_content()))
    assert {address.rpartition("/")[2] for address in addresses} == {"test"}
    for address in addresses:
        path = "/" + address.split("/", 3)[3]
        assert "This was a test" in stranger.get(path).content.decode()
    body, kind = "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
    posted = stranger.post("/u/test", body, content_type=kind)
    assert (posted.status_code, "This was a test" in posted.content.decode()) == (200, True)
    assert Subscription.objects.get(subscriber=kim).state == "subscribed"


def test_what_comes_back_is_known_for_an_answer_to_a_test(desk):
    desk.test()
    mail_from = desk.server.ledger.entries[0]["mail_from"]
    unsubscribe = re.search(r"mailto:([^>]+)>", desk.mail()["List-Unsubscribe"])[1]
    for address in (mail_from, unsubscribe):
        take_in(
            b"From: mailer-daemon@example.org\r\nSubject: Undelivered\r\n\r\n550 5.1.1 no such user\r\n",
            source="smtp",
            envelope_to=address,
            envelope_from="",
            now=timezone.now(),
        )
    assert set(Feedback.objects.values_list("status", "detail")) == {("ignored", "It answers a test send.")}


def test_it_may_be_as_a_subscriber_would_get_it(desk):
    evil = a_reader("kim@example.com", first_name="Kim <b>\x07", language="ko")
    desk.test(reader=evil)
    mail = desk.mail()
    assert mail["To"] == ANN
    assert "Dear Kim &lt;b&gt;" in mail.get_body(("html",)).get_content()
    assert "kim@example.com" not in mail.as_string()


def test_an_issue_that_is_not_fit_to_send_can_be_tested_and_not_sent(tmp_path):
    with Desk(tmp_path / "mail") as desk:
        desk.newsletter.postal_address = ""
        desk.newsletter.save()
        desk.issue.refresh_from_db()
        desk.proof = make_draft_proof(desk.issue)
        assert [answer.verdict for answer in desk.test()] == ["accepted"]
        assert any(found["severity"] == "block" for found in desk.proof.findings)
        with pytest.raises(Exception, match="not fit to send"):
            make_proof(desk.issue)


def test_it_is_the_newest_draft_that_is_tested(desk):
    desk.issue.title = "A title that nobody published"
    revision = desk.issue.save_revision()
    issue = models.Issue.objects.get(pk=desk.issue.pk)
    desk.proof = make_draft_proof(issue)
    assert (desk.proof.revision, desk.proof.card["title"]) == (revision, "A title that nobody published")
    assert make_proof(issue).card["title"] == DOCUMENT.title


# Who may, and how much


def test_who_tested_what_with_whom_and_what_was_answered_is_kept(desk):
    desk.test(ANN, "Bo@Example.org", "bo@example.org")
    asked, answered = AuditEvent.objects.filter(subject=f"issue:{desk.issue.pk}").order_by("pk")
    assert (asked.actor, asked.action) == ("ada", "proof.tested")
    assert asked.detail == {"proof": desk.proof.hash, "to": [ANN, "bo@example.org"]}
    assert [(one["email"], one["verdict"], one["reply"][:3]) for one in answered.detail["answers"]] == [
        (ANN, "accepted", "250"),
        ("bo@example.org", "accepted", "250"),
    ]


def test_one_persons_tests_have_an_end_and_another_has_their_own(desk, monkeypatch):
    monkeypatch.setattr(testsend, "PER_HOUR", 3)
    desk.test(ANN, "bo@example.org")
    with pytest.raises(RefusedError, match="within an hour; 3 is the limit"):
        desk.test(ANN, "bo@example.org")
    desk.test(ANN)
    desk.test(ANN, actor="bo")
    assert len(desk.taken()) == 4


def test_tests_of_more_than_an_hour_ago_count_no_more(desk, monkeypatch):
    monkeypatch.setattr(testsend, "PER_HOUR", 1)
    then = timezone.now() - dt.timedelta(minutes=61)
    AuditEvent.objects.create(actor="ada", action="proof.tested", subject="issue:1", detail={"to": [ANN]}, at=then)
    assert [answer.verdict for answer in desk.test()] == ["accepted"]


@pytest.mark.parametrize(
    ("emails", "words"),
    [
        (("not an address",), "is not an email address"),
        ((f"{ANN}\r\nRCPT TO:<x@example.org>",), "is not an email address"),
        (tuple(f"p{n}@example.org" for n in range(21)), "21 addresses; a test goes to 20"),
    ],
)
def test_what_is_too_much_or_no_address_is_refused_before_anything_goes_out(desk, emails, words):
    with pytest.raises(RefusedError, match=words):
        desk.test(*emails)
    assert desk.taken() == []
    assert not AuditEvent.objects.exists()


def test_nobody_at_all_is_refused(desk):
    with pytest.raises(RefusedError, match="Nobody is named"):
        send_test(desk.proof, (), actor="ada")


def test_an_address_that_gets_nothing_gets_no_test_and_the_others_do(desk):
    people.suppress(ANN, reason="complaint", source="test", by="test")
    people.suppress("left@example.org", reason="unsubscribed", source="test", by="test", scope=desk.newsletter.scope)
    people.suppress("else@example.org", reason="unsubscribed", source="test", by="test", scope="newsletter:0")
    answers = desk.test(ANN, "left@example.org", "else@example.org")
    assert [answer.verdict for answer in answers] == ["rejected", "rejected", "accepted"]
    assert "gets nothing" in answers[0].reply
    assert [entry["rcpt"] for entry in desk.server.ledger.entries] == ["else@example.org"]


# The relay's words


def test_each_address_has_the_relays_own_words(tmp_path):
    script = {
        "rcpt": {
            "^no@": ["550-5.1.1 <no@example.org>: No such user\n550 5.1.1 here"],
            "^later@": ["451 4.7.1 Greylisted"],
        }
    }
    with Desk(tmp_path / "mail", script=script) as desk:
        answers = desk.test("no@example.org", "later@example.org", ANN)
    assert [(answer.verdict, answer.reply.split("\n")[0]) for answer in answers] == [
        ("rejected", "550-5.1.1 <no@example.org>: No such user"),
        ("deferred", "451 4.7.1 Greylisted"),
        ("accepted", answers[2].reply),
    ]
    assert len(desk.server.ledger.entries) == 1


def test_nothing_is_repeated_when_the_answer_never_comes(tmp_path):
    with Desk(tmp_path / "mail", script={"cut": {"after_dot": ["^ann@"]}}) as desk:
        [answer] = desk.test()
        assert answer.verdict == "uncertain"
        assert len(desk.server.ledger.entries) == 1


def test_a_relay_that_refuses_us_is_told_in_its_words_without_a_promise(tmp_path):
    script = {"connect": ["554 5.7.1 You are not welcome"]}
    with Desk(tmp_path / "mail", script=script) as desk, pytest.raises(RefusedError) as refused:
        desk.test()
    assert "554 5.7.1 You are not welcome" in str(refused.value)
    assert "Nothing was handed over. A test is not repeated by itself." in str(refused.value)
    assert AuditEvent.objects.filter(action="proof.tested").exists()


def test_a_relay_that_is_away_is_told(desk):
    Transport.objects.update(url="smtp://127.0.0.1:1?starttls=never")
    with pytest.raises(RefusedError, match="cannot be reached"):
        desk.test()


def test_without_a_relay_there_is_no_test(desk):
    Transport.objects.all().delete()
    with pytest.raises(NotReadyError, match="no relay"):
        desk.test()
