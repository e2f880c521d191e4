"""A person's mails as the staff page tells them: what came back, in whose words, and what was decided by it."""

import datetime as dt

import pytest
from django.utils import timezone
from newsroom import signed_in
from returned import STRANGE, a_bounce, comes_back, handed_over
from scene import Scene

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.models import Delivery, Ruling
from subscribers.models import Subscriber

pytestmark = pytest.mark.django_db
GONE = "550 5.1.1 user unknown <script>alert(9)</script>"
LATE = (
    b"Subject: Delayed Mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
    b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; "
    b"ada@reader.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 451 4.4.1 no answer yet\n--b--\n"
)


@pytest.fixture
def delivery(scene: Scene) -> Delivery:
    [one] = handed_over(scene)
    return one


def page(delivery: Delivery, *rights: str) -> str:
    person = Subscriber.objects.get(pk=delivery.subscriber_id)
    reader = ("wagtailadmin.access_admin", "subscribers.view_subscriber", *rights)
    return signed_in("bo", *rights and reader, superuser=not rights).get(
        f"/admin/subscribers/{person.pk}/").content.decode()  # fmt: skip


def test_each_report_about_a_mail_is_told_with_its_words_its_rule_and_what_was_done(delivery):
    comes_back(LATE, delivery)
    bounce = comes_back(a_bounce(GONE, "5.1.1"), delivery)
    html = page(delivery)
    for told in ("warned that it takes longer", "451 4.4.1 no answer yet", "Only a warning: noted.",
                 "came back: there is no such mailbox", "550 5.1.1 user unknown &lt;script&gt;", "Decided by",
                 bounce.detail):  # fmt: skip
        assert told in html, told
    assert "<script>alert" not in html


def test_what_was_decided_is_told_with_a_way_to_the_suppression(delivery):
    comes_back(a_bounce(GONE, "5.1.1"), delivery)
    ruling = Ruling.objects.get()
    html = page(delivery)
    assert ruling.why
    assert ruling.why in html
    assert f"/admin/suppressions/{ruling.suppression_id}/" in html
    report = signed_in("cleo", superuser=True).get(f"/admin/returns/send/{delivery.send_id}/").content.decode()
    assert "because of this send: suppressed: 1." in report
    people = signed_in("dora", superuser=True).get(f"/admin/returns/send/{delivery.send_id}/people/").content.decode()
    assert f"/admin/suppressions/{ruling.suppression_id}/" in people
    assert f"/admin/sends/{delivery.send_id}/#undo-feedback" in report


def test_what_belongs_to_others_is_not_in_the_story(scene):
    mine, other = handed_over(scene, 2)
    comes_back(a_bounce(STRANGE), other)
    take_in(a_bounce("552 5.2.2 mailbox full"), source="lmtp", envelope_to="x@y.example", envelope_from="",
            now=timezone.now())  # fmt: skip
    html = page(mine)
    assert "qwxz" not in html
    assert "mailbox full" not in html


def test_who_may_not_see_returned_mail_sees_no_way_to_it(delivery):
    row = comes_back(a_bounce(), delivery)
    html = page(delivery, "pipeline.view_delivery")
    assert "qwxz" in html
    assert f"/admin/feedback/{row.pk}/" not in html
    assert f"/admin/feedback/{row.pk}/" in signed_in("cleo", superuser=True).get(
        f"/admin/subscribers/{delivery.subscriber_id}/").content.decode()  # fmt: skip


def test_without_the_right_to_see_deliveries_nothing_of_them_is_told(delivery):
    comes_back(a_bounce(), delivery)
    html = page(delivery, "subscribers.view_subscriber")
    assert "qwxz" not in html
    assert "came back" not in html


def test_a_complaint_is_told(delivery):
    raw = (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n"
        b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\nVersion: 1\n--b--\n"
    )
    comes_back(raw, delivery)
    html = page(delivery)
    assert "complained" in html
    assert "A complaint: suppressed for all newsletters." in html


def test_old_mail_is_told_without_what_is_not_kept_any_more(delivery):
    at = timezone.now() - dt.timedelta(days=200)
    transitions.record_bounce(delivery.send_id, delivery.id, reason="mailbox-full", hard=False, at=at, source="mail")
    assert "came back: the mailbox is full" in page(delivery)


def test_how_near_an_address_is_to_being_given_up_is_told(delivery):
    comes_back(a_bounce("552 5.2.2 mailbox full", "5.2.2"), delivery)
    assert "the mailbox is full: 1 of 5 issues in a row, over 0 of 30 days." in page(delivery)
    transitions.record_click(delivery.send_id, delivery.id, at=timezone.now())
    html = signed_in("cleo", superuser=True).get(f"/admin/subscribers/{delivery.subscriber_id}/").content.decode()
    assert "issues in a row" not in html


def test_what_was_done_is_told_in_korean_too(delivery):
    comes_back(a_bounce(GONE, "5.1.1"), delivery)
    client = signed_in("cleo", superuser=True)
    html = client.get(f"/admin/subscribers/{delivery.subscriber_id}/", headers={"accept-language": "ko"})
    assert "이 주소로는 어떤 뉴스레터도 더 보내지 않습니다." in html.content.decode()
    assert "그곳에서 메일을 읽는 사람이 없다고 서버가 말합니다." in html.content.decode()
