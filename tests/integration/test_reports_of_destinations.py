"""What comes back through a relay that answers yes to everything slows a destination down, and it alone."""

import datetime as dt

import pytest
from django.utils import timezone
from returned import handed_over, return_path
from scene import Scene

from pipeline.feedback.apply import take_in
from pipeline.models import AuditEvent, Delivery, Destination, Transport
from pipeline.transitions.counts import read_counts
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
BUSY = "421 4.7.0 Too many messages from you"
REPORT = """\
From: MAILER-DAEMON@relay.example
Subject: Delayed Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; {email}
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--cut--
"""


def comes_back(one: Delivery, words: str = BUSY, *, status: str = "4.7.0", action: str = "delayed") -> None:
    diagnostic = f"smtp; {words}" if words[:3].isdigit() else f"X-Postfix; {words}"
    raw = REPORT.format(email=one.email, action=action, status=status, diagnostic=diagnostic).replace("\n", "\r\n")
    take_in(raw.encode(), source="smtp", envelope_to=return_path(one), envelope_from="", now=timezone.now())


@pytest.mark.parametrize(
    "words",
    [
        BUSY,
        "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail from your IP address",
        f"delivery temporarily suspended: host mx.example.com[192.0.2.7] said: {BUSY}",
    ],
)
@pytest.mark.parametrize("action", ["delayed", "failed"])
def test_a_report_of_421_slows_its_destination_down(scene: Scene, words, action):
    [one] = handed_over(scene)
    comes_back(one, words, action=action)
    slowed = Destination.objects.get()
    assert (slowed.name, slowed.step) == ("example.com", 2)
    assert "421" in slowed.reason
    assert slowed.blocked_until > timezone.now()
    assert AuditEvent.objects.get(action="destination.slowed").detail["name"] == "example.com"
    assert scene.state() == "sending"
    assert not Suppression.objects.exists()


def test_many_reports_of_421_are_no_matter_for_the_brakes(scene: Scene):
    for one in handed_over(scene, 10):
        comes_back(one, "421 4.7.0 Blocked, your address has a bad reputation")
    assert read_counts(scene.send.pk).refused == 0
    assert Delivery.objects.exclude(delayed_at=None).count() == 10


def test_a_report_of_a_bad_name_is(scene: Scene):
    [one] = handed_over(scene)
    comes_back(one, "451 4.7.1 Blocked, your address has a bad reputation")
    assert read_counts(scene.send.pk).refused == 1


def test_reports_of_mail_from_before_it_was_slowed_down_are_no_new_trouble(scene: Scene):
    for one in handed_over(scene, 3):
        comes_back(one)
    assert Destination.objects.get().step == 2
    hour = dt.timedelta(hours=1)
    Destination.objects.update(blocked_until=timezone.now() - hour)
    [late] = handed_over(scene)
    Delivery.objects.filter(send_id=late.send_id, id=late.id).update(updated_at=timezone.now() - 2 * hour)
    comes_back(late)
    assert Destination.objects.get().step == 2
    Destination.objects.update(changed_at=timezone.now() - hour)
    [fresh] = handed_over(scene)
    comes_back(fresh)
    assert Destination.objects.get().step == 3


def test_a_relay_that_says_at_once_what_it_hears_is_not_taught_twice(scene: Scene):
    Transport.objects.update(sees_recipient_replies=True)
    comes_back(*handed_over(scene))
    assert not Destination.objects.exists()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("452 4.2.2 Mailbox full", "4.2.2"),
        ("451 4.7.1 Greylisted, come back in 5 minutes", "4.7.1"),
        ("connect to mx.example.com[192.0.2.7]:25: Connection timed out", "4.4.1"),
        ("550 5.1.1 No such user", "5.1.1"),
    ],
)
def test_what_speaks_of_one_mailbox_or_one_message_slows_nobody_down(scene: Scene, words, status):
    [one] = handed_over(scene)
    comes_back(one, words, status=status, action="failed" if status[0] == "5" else "delayed")
    assert not Destination.objects.exists()
