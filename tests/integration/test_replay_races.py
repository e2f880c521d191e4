"""Two replays at once, and one while mail comes in: the books end as if one had come after the other."""

import datetime as dt

import pytest
from django.utils import timezone
from returned import handed_over
from rulebook import Rulebook
from scene import Scene, Threads
from test_replay import ALL, comes, everything

from pipeline import transitions
from pipeline.feedback.replay import replay
from pipeline.models import AuditEvent, Delivery, Feedback, Ruling
from pipeline.queries.heard import heard
from pipeline.replies import classify
from pipeline.transitions.storms import look_for_storms
from subscribers.queries import is_suppressed

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = classify("550 5.1.1 User unknown")


@pytest.fixture
def rules(monkeypatch):
    return Rulebook(monkeypatch)


def read_again():
    replay(ALL, dry_run=False, told=lambda _: None)


def the_books_agree(deliveries):
    """Each fact is what the stored messages say together."""
    for delivery in deliveries:
        row = Delivery.objects.get(send_id=delivery.send_id, id=delivery.id)
        said = heard(row.send_id, row.id)
        assert (row.bounced_at, row.bounce_reason, row.bounce_hard) == (said.bounce or (None, None, None))
        assert (row.delayed_at, row.alive_at) == (said.delayed_at, said.alive_at)
        dead = "no-such-mailbox" in {reason for reason, _ in said.bounces}
        assert is_suppressed(row.address_key) == dead


def test_two_at_once_are_as_good_as_one(rules):
    deliveries = handed_over(Scene(5), 4)
    for said in ("bounce userunknown", "delay expired", "reply"):
        for delivery in deliveries:
            comes(said, delivery)
    rules.change(bounce_userunknown="bounce filtered", delay_expired="other", reply="bounce mailboxfull")
    Threads(read_again, read_again).finish()
    the_books_agree(deliveries)
    assert AuditEvent.objects.filter(action="feedback.reread").count() == 12
    assert set(Ruling.objects.values_list("state", "by")) == {("discarded", "replay")}
    after = everything()
    read_again()
    assert everything() == after


def test_one_while_mail_comes_in_loses_nothing(rules):
    deliveries = handed_over(Scene(5), 4)
    rows = [comes(said, delivery) for said in ("bounce userunknown", "delay expired") for delivery in deliveries]
    rules.change(bounce_userunknown="other", delay_expired="bounce expired")

    def come_in():
        for delivery in deliveries:
            for said in ("bounce hasmoved", "delay networkerror", "reply"):
                comes(said, delivery)

    Threads(read_again, come_in).finish()
    read_again()
    assert Feedback.objects.count() == len(rows) + 12
    the_books_agree(deliveries)
    assert all(is_suppressed(delivery.address_key) for delivery in deliveries)


def test_old_mail_that_is_read_otherwise_today_stirs_no_storm():
    deliveries = handed_over(Scene(60), 60)
    look_for_storms()
    long_ago = timezone.now() - dt.timedelta(days=2)
    for each in deliveries:
        transitions.rule_late(each, DEAD, words="550 5.1.1 User unknown", source="mail", at=long_ago)
    assert look_for_storms() == []
    assert set(Ruling.objects.values_list("state", flat=True)) == {"applied"}


def test_the_same_heard_now_does():
    """So that the above can fail."""
    deliveries = handed_over(Scene(60), 60)
    look_for_storms()
    for each in deliveries:
        transitions.record_bounce(
            each.send_id, each.id, reason=DEAD.reason, hard=True, at=timezone.now(), source="mail", words=""
        )
        transitions.rule_on(each.send_id, each.id, DEAD, source="mail", at=timezone.now())
    assert len(look_for_storms()) == 1
