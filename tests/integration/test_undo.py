"""What feedback did to addresses is taken back: one by one, or all of a send; and stays taken back."""

import json
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.utils import timezone
from months import Mailbox, is_suppressed, states
from returned import books, comes_back, handed_over
from scene import Scene, Threads

from pipeline import transitions
from pipeline.commands import output
from pipeline.models import AuditEvent, Delivery, Policy, Ruling
from pipeline.queries import audit
from pipeline.replies import classify
from pipeline.transitions import rulings
from pipeline.transitions.rulings import lift, undo_batch
from subscribers import transitions as people
from subscribers.models import Suppression
from subscribers.queries import active_suppressions

pytestmark = pytest.mark.django_db
DEAD = "550 5.1.1 User unknown"


def dies(delivery, words=DEAD, source="mail"):
    now, meaning = timezone.now(), classify(words)
    name = (delivery.send_id, delivery.id)
    transitions.record_bounce(*name, reason=meaning.reason, hard=meaning.hard, at=now, source=source, words=words)
    return transitions.rule_on(*name, meaning, words=words, source=source, at=now)


def complains(delivery):
    return transitions.rule_on_complaint(delivery.send_id, delivery.id, source="mail", at=timezone.now())


@pytest.fixture
def deliveries():
    found = handed_over(Scene(4), 4)
    Delivery.objects.filter(id=found[3].id).update(address_key="p3@gmail.com", email="p3@gmail.com")
    return [Delivery.objects.get(send_id=each.send_id, id=each.id) for each in found]


def held(delivery):
    return active_suppressions(delivery.address_key).exists()


def test_a_whole_send_is_taken_back_but_for_complaints_and_what_others_made(deliveries):
    one, other, complaining, _ = deliveries
    people.suppress(one.address_key, reason="dead-address", source="file", by="ada")
    for delivery in (one, other):
        dies(delivery)
    dies(deliveries[3], "550 5.1.2 Host unknown")  # waits for DNS
    complains(complaining)
    assert undo_batch(one.send_id, "ada", "the server had a bad day") == 3
    assert [held(each) for each in deliveries] == [True, False, True, False]
    assert states() == ["undone", "undone", "undone", "applied"]
    ruling = Ruling.objects.order_by("pk").first()
    assert (ruling.by, ruling.why) == ("ada", "the server had a bad day")
    event = AuditEvent.objects.get(action="feedback.undone")
    assert (event.actor, event.subject) == ("ada", f"send:{one.send_id}")
    assert (event.detail["why"], event.detail["rulings"]) == ("the server had a bad day", 3)
    lifting = Suppression.objects.exclude(lifts=None).first()
    assert (lifting.by, lifting.note, lifting.source) == ("ada", "the server had a bad day", f"undo send:{one.send_id}")
    assert all(finding.ok for finding in audit(one.send_id))


def test_a_second_undo_changes_nothing_but_the_record(deliveries):
    dies(deliveries[0])
    undo_batch(deliveries[0].send_id, "ada", "a mistake")
    before = {name: rows for name, rows in books().items() if name != AuditEvent._meta.db_table}
    assert undo_batch(deliveries[0].send_id, "bo", "the same") == 0
    assert {name: rows for name, rows in books().items() if name != AuditEvent._meta.db_table} == before


def test_only_one_destination_is_taken_back(deliveries):
    for delivery in deliveries:
        dies(delivery)
    assert undo_batch(deliveries[0].send_id, "ada", "their outage", destination="gmail") == 1
    assert [held(each) for each in deliveries] == [True, True, True, False]


def test_complaints_go_too_when_they_are_meant(deliveries):
    complains(deliveries[0])
    assert undo_batch(deliveries[0].send_id, "ada", "forged at the provider", complaints=True) == 1
    assert not held(deliveries[0])


@pytest.mark.parametrize(("by", "why"), [("", "why"), ("ada", "  ")])
def test_nobody_takes_back_without_a_name_and_a_reason(deliveries, by, why):
    dies(deliveries[0])
    with pytest.raises(people.TransitionRefusedError):
        undo_batch(deliveries[0].send_id, by, why)
    assert held(deliveries[0])


def test_the_same_report_does_not_suppress_again_what_a_person_lifted(deliveries):
    one, other, *_ = deliveries
    lift(dies(one).suppression, "ada", "they wrote to us")
    lift(dies(other).suppression, "ada", "they wrote to us")
    before = books()
    for words in (DEAD, "550 5.1.1 No such mailbox", "550 5.1.10 null MX"):
        assert dies(one, words).state == "undone"
        assert dies(one, words, source="webhook").state == "undone"
    assert books() == before
    assert not held(one)
    complains(one)
    assert held(one), "but a complaint is another matter"


def test_returned_mail_says_that_a_person_decided(deliveries):
    raw = b"From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"
    raw += b' boundary="b"\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n'
    raw += b"Final-Recipient: rfc822; ada@reader.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    raw += b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n"
    assert comes_back(raw, deliveries[0]).detail == "The address gets nothing more, from any newsletter."
    undo_batch(deliveries[0].send_id, "ada", "a mistake")
    again = comes_back(b"X-Once-More: 1\r\n" + raw, deliveries[0])
    assert again.detail == "Noted; the address stays, because a person took the suppression back."
    assert not held(deliveries[0])


def test_the_next_send_may_suppress_again():
    mailbox = Mailbox()
    [first], [later] = mailbox.handed_over(299), mailbox.handed_over(299.5)
    undo_batch(dies(first).send_id, "ada", "a mistake")
    assert not held(first)
    assert dies(later).state == "applied"
    assert held(first)


def test_lifting_one_of_two_leaves_the_other():
    mailbox = Mailbox()
    [one], [other] = mailbox.handed_over(299), mailbox.handed_over(299.5)
    first, second = dies(one), dies(other)
    lift(first.suppression, "ada", "they wrote to us")
    assert held(one)
    lift(second.suppression, "ada", "they wrote to us")
    assert not held(one)
    assert states() == ["undone", "undone"]


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_do_not_wait_for_each_other(monkeypatch):
    """One lifts the suppression while the other takes the whole send back: each is in the middle of it here."""
    [delivery] = handed_over(Scene(3))
    suppression, middle = dies(delivery).suppression, Barrier(2, timeout=1)

    def meeting(act):
        def met(*given, **told):
            with suppress(BrokenBarrierError):
                middle.wait()
            return act(*given, **told)

        return met

    monkeypatch.setattr(people, "lift_all", meeting(people.lift_all))
    monkeypatch.setattr("pipeline.transitions.rulings._undo", meeting(rulings._undo))
    send_id = delivery.send_id
    Threads(lambda: lift(suppression, "ada", "it lives"), lambda: undo_batch(send_id, "bo", "their outage")).finish()
    assert (held(delivery), states()) == (False, ["undone"])
    assert Suppression.objects.exclude(lifts=None).count() == 1


def test_what_is_counted_begins_anew_after_an_undo(deliveries):
    Policy.objects.filter(reason="mailbox-full").update(issues=1, days=0)
    full = "552 5.2.2 Mailbox full"
    assert dies(deliveries[0], full).state == "applied"
    undo_batch(deliveries[0].send_id, "ada", "a mistake")
    assert dies(deliveries[0], full) is None
    assert not is_suppressed()


def test_the_command(deliveries, pressrun):
    for delivery in deliveries:
        dies(delivery)
    send_id = deliveries[0].send_id
    out, _ = pressrun("feedback", "undo", "--send", str(send_id), "--destination", "Gmail", "--why", "an outage")
    assert out == f"Send {send_id}: 1 taken back. The same reports will not suppress again.\n"
    assert Ruling.objects.get(state="undone").by == output.actor()
    pressrun("feedback", "undo", "--send", str(send_id), "--why", " ", status=2)
    pressrun("feedback", "undo", "--send", "999999", "--why", "x", status=1)
    found = json.loads(pressrun("feedback", "undo", "--send", str(send_id), "--why", "x", "--json")[0])
    assert found == {"send": send_id, "destination": "", "undone": 3}
