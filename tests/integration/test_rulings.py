"""From feedback to a suppression: once for each delivery and reason, by its policy."""

import datetime as dt

import pytest
from django.utils import timezone
from returned import handed_over
from scene import Scene

from pipeline import transitions
from pipeline.delivery.batch.entries import Entries
from pipeline.delivery.brake import Brake
from pipeline.delivery.envelope import Result, Verdict
from pipeline.models import Policy, Ruling, Send
from pipeline.replies import DEFAULTS, Action, classify
from pipeline.replies import Policy as Wanted
from pipeline.transitions import Marked
from pipeline.transitions.rulings import BOUNCE_WITHIN
from subscribers import transitions as people
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
UNKNOWN = "550 5.1.1 User unknown"


def ruled(delivery, text=UNKNOWN, *, at=None, source="mail"):
    return transitions.rule_on(
        delivery.send_id, delivery.id, classify(text), words=text, source=source, at=at or timezone.now()
    )


def test_a_dead_mailbox_is_suppressed_and_the_ruling_says_why():
    [delivery] = handed_over(Scene(3))
    ruling = ruled(delivery)
    assert (ruling.state, ruling.reason, ruling.source) == ("applied", "no-such-mailbox", "mail")
    assert (ruling.address_key, ruling.domain, ruling.destination) == (delivery.address_key, *["example.com"] * 2)
    assert (ruling.words, ruling.rule, ruling.by) == (UNKNOWN, classify(UNKNOWN).rule, "feedback")
    assert ruling.settled_at
    held = Suppression.objects.get()
    assert (held.address_key, held.reason, held.scope) == (delivery.address_key, "dead-address", "all")
    assert (ruling.suppression, held.source) == (held, f"bounce delivery:{delivery.send_id}-{delivery.id}")


def test_the_same_again_from_anywhere_changes_nothing():
    [delivery] = handed_over(Scene(3))
    first = ruled(delivery, source="smtp")
    again = ruled(delivery, "550 5.1.1 No such mailbox here", source="mail")
    assert again == first
    assert Ruling.objects.count() == Suppression.objects.count() == 1


def test_a_ruling_has_a_suppression_of_its_own():
    [delivery] = handed_over(Scene(3))
    people.suppress(delivery.address_key, reason="dead-address", source="file", by="ada")
    assert ruled(delivery).suppression.source.startswith("bounce")
    assert Suppression.objects.count() == 2


def test_a_complaint_is_a_ruling_beside_the_others():
    [delivery] = handed_over(Scene(3))
    ruled(delivery)
    complaint = transitions.rule_on_complaint(delivery.send_id, delivery.id, source="mail", at=timezone.now())
    again = transitions.rule_on_complaint(delivery.send_id, delivery.id, source="webhook", at=timezone.now())
    assert (complaint, complaint.state, complaint.suppression.reason) == (again, "applied", "complaint")
    assert complaint.suppression.source == f"complaint delivery:{delivery.send_id}-{delivery.id}"
    assert Ruling.objects.count() == 2


@pytest.mark.parametrize(
    "text",
    ["550 5.7.26 DMARC check failed", "552 5.3.4 too big", "550 5.7.1 blocked, see blocklist", "500 what?", "550 no"],
)
def test_our_own_fault_and_what_nobody_understands_rule_nothing(text):
    [delivery] = handed_over(Scene(3))
    assert ruled(delivery, text) is None
    assert not Ruling.objects.exists()


def test_an_old_report_rules_nothing():
    [delivery] = handed_over(Scene(3))
    assert ruled(delivery, at=delivery.updated_at + BOUNCE_WITHIN + dt.timedelta(seconds=1)) is None
    assert ruled(delivery, at=delivery.updated_at + BOUNCE_WITHIN)


def test_the_policies_in_the_database_decide():
    assert {row.reason: Wanted(Action(row.action), row.issues, row.days) for row in Policy.objects.all()} == DEFAULTS
    Policy.objects.filter(reason="no-such-mailbox").update(action="ignore")
    [delivery] = handed_over(Scene(3))
    assert ruled(delivery) is None


def test_the_policy_of_a_newer_version_hinders_nobody():
    """Both run during an update. A worker that could not enter its replies for it would leave all of them in doubt."""
    Policy.objects.create(reason="of-tomorrow", action="ignore")
    [delivery] = handed_over(Scene(3))
    assert ruled(delivery).state == "applied"


def test_a_refusal_at_once_takes_the_same_way():
    scene = Scene(3)
    [one] = scene.fly()
    transitions.record(scene.send.pk, [Marked(one.id, one.fence, "rejected", "no-such-mailbox", UNKNOWN, True, None)])
    ruling = ruled(scene.row(one), source="smtp")
    assert ruling.suppression.source == f"smtp delivery:{scene.send.pk}-{one.id}"


# -- what a batch hears


def heard(scene, verdict, code, enhanced, text):
    """One reply at RCPT, entered in the books as a batch does; the delivery then."""
    [one] = scene.fly()
    scene.send.refresh_from_db()
    entries = Entries(scene.send, scene.lease, Brake(scene.send, "here:1:2"))
    entries.add(one, Result(1, verdict, code, enhanced, text, "RCPT"))
    entries.commit([])
    return scene.row(one)


def test_a_refusal_that_a_batch_hears_is_ruled_on():
    delivery = heard(Scene(3), Verdict.REJECTED, 550, "5.1.1", UNKNOWN)
    assert delivery.state == "rejected"
    ruling = Ruling.objects.get()
    assert (ruling.delivery_id, ruling.source, ruling.state, ruling.words) == (delivery.id, "smtp", "applied", UNKNOWN)


def test_what_a_batch_refuses_itself_is_held_against_nobody():
    assert heard(Scene(3), Verdict.REJECTED, None, "5.1.3", "550 5.1.1 User unknown").state == "rejected"
    assert not Ruling.objects.exists()


def test_what_is_given_up_after_a_reply_of_the_mailbox_is_judged_and_what_waits_is_not(monkeypatch):
    judged = []
    monkeypatch.setattr(transitions, "rule_on", lambda *given, **told: judged.append((given, told)))
    scene = Scene(3)
    full = ("452 4.2.2 Mailbox full", Verdict.DEFERRED, 452, "4.2.2")
    assert heard(scene, *full[1:], full[0]).state == "pending"
    assert judged == []
    Send.objects.update(valid_until=timezone.now() + dt.timedelta(seconds=1))
    delivery = heard(scene, *full[1:], full[0])
    assert delivery.state == "expired"
    [((send_id, delivery_id, meaning), told)] = judged
    assert (send_id, delivery_id, meaning.reason) == (delivery.send_id, delivery.id, "mailbox-full")
    assert told["source"] == "smtp"
