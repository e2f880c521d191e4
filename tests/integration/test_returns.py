"""The report of what came back of a send: its counts, who is behind them, and the file of it."""

import csv
import io
import re

import pytest
from newsroom import a_list, a_newsletter, a_send, an_issue, signed_in
from returned import return_path
from scene import HOUR, Scene, accepted, refused

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Delivery, Send
from pipeline.queries import BOUNCED, REFUSED, Narrowed, Part, returned, returns_of

pytestmark = pytest.mark.django_db

NO_SUCH_USER = "550 5.1.1 <kim@gmail.com>: user unknown"
FULL = b"""From: MAILER-DAEMON@reader.example
To: nobody
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your mail could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.reader.example

Final-Recipient: rfc822; ADDRESS
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 WORDS
--b--
"""
HOSTILE = "<script>alert(1)</script> mailbox full \u202emoc.live"


GONE = ("a@gmail.com", "b@googlemail.com")
FULL_BOXES = ("c@full.example", "d@full.example")
OTHERS = ("e@full.example", "f0@fine.example", "f1@fine.example", "f2@fine.example")


@pytest.fixture
def send(db) -> Send:
    """To eight: two refused, two whose mail came back, four whose mail was taken."""
    keyring()
    scene = Scene(addresses=(*GONE, *FULL_BOXES, *OTHERS))
    answers = [
        refused(one, "no-such-mailbox", NO_SUCH_USER) if one.email in GONE else accepted(one) for one in scene.fly(8)
    ]
    assert len(transitions.record(scene.send.pk, answers)) == 8
    for email in FULL_BOXES:
        bounce(Delivery.objects.get(send_id=scene.send.pk, email=email))
    return scene.send


def bounce(delivery: Delivery, words: str = HOSTILE) -> None:
    raw = FULL.replace(b"ADDRESS", delivery.email.encode()).replace(b"WORDS", words.encode())
    take_in(raw, source="smtp", envelope_to=return_path(delivery), envelope_from="", now=delivery.updated_at + HOUR)


def test_reasons_providers_and_domains_add_up_to_the_same(send):
    found = returns_of(send.pk)
    assert found.all == Part("", 8, 2, 2)
    assert found.reasons == (Part("mailbox-full", 8, 0, 2), Part("no-such-mailbox", 8, 2, 0))
    assert found.providers == (Part("full.example", 3, 0, 2), Part("gmail", 2, 2, 0))
    assert found.domains == (
        Part("full.example", 3, 0, 2), Part("gmail.com", 1, 1, 0), Part("googlemail.com", 1, 1, 0),
    )  # fmt: skip
    for parts in (found.reasons, found.providers, found.domains):
        assert sum(part.n for part in parts) == found.all.n


def test_another_send_a_skipped_person_and_a_message_never_made_are_not_in_it(send):
    others = Delivery.objects.filter(send_id=send.pk).values()[:3]
    for number, row in enumerate(others):
        odd = {"state": ("skipped", "expired", "rejected")[number], "reason": ("erased", "too-late", "render")[number]}
        Delivery.objects.create(**row | odd | {"id": 100 + number, "address_key": f"odd{number}@gmail.com"})
    Delivery.objects.create(**others[0] | {"send_id": send.pk + 1})
    assert returns_of(send.pk).all == Part("", 8, 2, 2)
    assert len(returned(send.pk, Narrowed(), after=0, most=100)) == 4


def test_who_is_behind_each_number(send):
    def found(**asked: str) -> list[str]:
        return sorted(row.email for row in returned(send.pk, Narrowed(**asked), after=0, most=100))

    both = ["a@gmail.com", "b@googlemail.com"]
    assert found(way=REFUSED) == found(reason="no-such-mailbox") == found(provider="gmail") == both
    assert found(way=BOUNCED) == found(provider="full.example") == ["c@full.example", "d@full.example"]
    assert found(domain="gmail.com") == ["a@gmail.com"]
    assert found(domain="gmail.com", reason="mailbox-full") == []


def test_the_first_report_is_the_one_that_is_shown(send):
    row = Delivery.objects.get(send_id=send.pk, address_key="c@full.example")
    bounce(row, "something else, later")
    [shown] = [row for row in returned(send.pk, Narrowed(), after=0, most=9) if row.email == "c@full.example"]
    assert HOSTILE in shown.words
    assert len(returned(send.pk, Narrowed(), after=0, most=9)) == 4


def test_the_report_is_for_editors_and_the_addresses_are_not(send):
    ada = signed_in("ada", group="Editors")
    html = ada.get(f"/admin/returns/send/{send.pk}/").content.decode()
    assert "4 of 8 people" in html
    assert "50.00" in html
    assert "the mailbox is full" in html
    assert html.count("It lies with the recipient.") == 2
    assert "after 5 issues in a row, over at least 30 days" in html
    assert "people/" not in html
    assert not [email for email in (*GONE, *FULL_BOXES) if email in html]
    eve = signed_in("eve", "wagtailadmin.access_admin", "pipeline.view_delivery")
    for path in ("people/", "people.csv"):
        assert ada.get(f"/admin/returns/send/{send.pk}/{path}").status_code == 302
        assert eve.get(f"/admin/returns/send/{send.pk}/{path}").status_code == 200


def test_each_person_is_told_in_the_servers_words_and_no_word_of_theirs_does_anything(send, bo):
    html = bo.get(f"/admin/returns/send/{send.pk}/people/").content.decode()
    assert html.count("<li><p><strong><bdi>") == 4
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert "[U+202E]" in html
    assert "Code 5.1.1" in html
    assert html.count("Decided by phrase") == 4


def test_pages_of_people_hold_each_once(send, bo, monkeypatch):
    monkeypatch.setattr("pipeline.staff.returns.PAGE", 1)
    url, seen, following = f"/admin/returns/send/{send.pk}/people/", [], "?way=bounced"
    while following is not None:
        html = bo.get(url + following).content.decode()
        seen += re.findall(r"<bdi>([^<]+)</bdi>", html)
        found = re.search(r'rel="next" href="([^"]+)"', html)
        following = found[1].replace("&amp;", "&") if found else None
    assert sorted(seen) == ["c@full.example", "d@full.example"]


def test_nonsense_in_the_address_finds_nobody_and_breaks_nothing(send, bo):
    url = f"/admin/returns/send/{send.pk}/people/"
    for name, value in (
        ("way", "x"),
        ("reason", "' OR 1=1\0"),
        ("after", "9" * 30),
        ("provider", "%"),
        ("domain", "a" * 999),
    ):
        assert bo.get(url, {name: value}).status_code == 200


def test_the_file_holds_what_the_page_shows_and_its_taking_is_noted(send, bo):
    Delivery.objects.filter(email="a@gmail.com").update(reply="=1+1")
    response = bo.get(f"/admin/returns/send/{send.pk}/people.csv")
    lines = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [(line["email"], line["way"], line["reason"]) for line in lines if line["way"] == "refused"] == [
        ("a@gmail.com", "refused", "no-such-mailbox"), ("b@googlemail.com", "refused", "no-such-mailbox"),
    ]  # fmt: skip
    assert len(lines) == 4
    assert lines[0]["words"] == "'=1+1"
    assert next(line["code"] for line in lines if line["email"] == "c@full.example") == "5.2.2"
    assert AuditEvent.objects.filter(subject=f"send:{send.pk}", action="send.exported", actor="bo").count() == 1


def test_nobody_has_come_back_yet(bo):
    newsletter = a_newsletter()
    send = a_send(an_issue(newsletter), a_list(newsletter))
    html = bo.get(f"/admin/returns/send/{send.pk}/").content.decode()
    assert "nobody’s was refused or came back so far" in html
