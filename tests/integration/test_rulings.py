"""From feedback to a suppression: once for each delivery and reason, by its policy."""

import datetime as dt

import pytest
from django.utils import timezone
from returned import handed_over
from scene import Scene

from pipeline import transitions
from pipeline.models import Policy, Ruling
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


def test_a_refusal_at_once_takes_the_same_way():
    scene = Scene(3)
    [one] = scene.fly()
    transitions.record(scene.send.pk, [Marked(one.id, one.fence, "rejected", "no-such-mailbox", UNKNOWN, True, None)])
    ruling = ruled(scene.row(one), source="smtp")
    assert ruling.suppression.source == f"smtp delivery:{scene.send.pk}-{one.id}"
