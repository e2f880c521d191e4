"""What is taken for something else by today's rules is put right: once, and not against what people decided."""

import datetime as dt

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returned import books, handed_over, return_path
from rulebook import Rulebook
from scene import Scene
from test_order_of_feedback import ALL, TAKEN, Stage
from test_replay import comes, everything

from pipeline import transitions
from pipeline.feedback import apply
from pipeline.feedback.replay import replay
from pipeline.keys import keyring
from pipeline.models import AuditEvent, BrakeCount, Delivery, Feedback, Policy, Ruling, RulingState, Storm
from pipeline.tokens import Purpose
from subscribers import transitions as people
from subscribers.models import Subscription, Suppression
from subscribers.queries import active_suppressions, is_suppressed

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def rules(monkeypatch):
    return Rulebook(monkeypatch)


@pytest.fixture
def delivery():
    return handed_over(Scene(3))[0]


def read_again(**options):
    found = []
    tally = replay(ALL, told=found.append, **({"dry_run": False} | options))
    return found, tally


def read_again_for_good():
    """Until nothing differs, which is after the first time."""
    found, _ = read_again()
    after = everything()
    assert read_again()[0] == []
    assert everything() == after, "the second time changes nothing"
    return [each.effect for each in found]


def fresh(delivery):
    return Delivery.objects.get(send_id=delivery.send_id, id=delivery.id)


def facts(delivery):
    found = fresh(delivery)
    return found.bounced_at, found.bounce_reason, found.bounce_hard


def test_whoever_was_taken_for_dead_gets_mail_again(rules, delivery):
    row = comes("bounce userunknown", delivery)
    rules.change(bounce_userunknown="bounce filtered")
    assert read_again_for_good() == ["freed"]
    assert facts(delivery) == (row.received_at, "recipient-filter", False)
    ruling = Ruling.objects.get()
    assert (ruling.state, ruling.by) == ("discarded", "replay")
    assert "today's rules" in ruling.why
    assert not is_suppressed(delivery.address_key)
    assert Suppression.objects.get(lifts=ruling.suppression).by == "replay"
    row.refresh_from_db()
    assert (row.reason, row.hard, row.rule, row.status) == ("recipient-filter", False, "rule ['filtered']", "applied")
    assert "it was taken for: bounce no-such-mailbox" in row.detail
    noted = AuditEvent.objects.get(action="feedback.reread")
    assert (noted.detail["reason"], noted.detail["hard"]) == (["no-such-mailbox", "recipient-filter"], [True, False])


def test_what_replay_took_back_and_finds_again_waits_for_a_person_where_there_is_a_storm(rules, delivery):
    comes("bounce userunknown", delivery)
    rules.change(bounce_userunknown="bounce filtered")
    read_again_for_good()
    Storm.objects.create(send_id=delivery.send_id, destination="example.com", state="frozen")
    rules.change(bounce_userunknown="bounce userunknown")
    assert read_again_for_good() == ["waiting"]
    ruling = Ruling.objects.get()
    assert (ruling.state, ruling.suppression) == ("frozen", None)
    transitions.apply_storm(delivery.send_id, "example.com", actor="ada")
    assert is_suppressed(delivery.address_key)


def test_whom_nobody_is_known_to_read_gets_nothing_more(rules, delivery):
    row = comes("bounce onhold", delivery)
    rules.change(bounce_onhold="bounce userunknown")
    assert read_again_for_good() == ["suppressed"]
    assert facts(delivery) == (row.received_at, "no-such-mailbox", True)
    assert (Ruling.objects.get().state, Ruling.objects.get().made_at) == ("applied", row.received_at)
    assert is_suppressed(delivery.address_key)


def test_there_and_back_ends_as_it_was(rules, delivery):
    comes("bounce userunknown", delivery)
    was = facts(delivery)
    rules.change(bounce_userunknown="reply")
    read_again_for_good()
    assert facts(delivery) == (None, None, None)
    rules.change()
    assert read_again_for_good() == ["suppressed"]
    assert facts(delivery) == was
    assert Ruling.objects.get().state == "applied"
    assert active_suppressions(delivery.address_key).count() == 1


def test_a_domain_that_is_asked_for_is_asked_again_from_the_start(rules, delivery):
    comes("bounce hostunknown", delivery)
    Ruling.objects.update(looks=2, due_at=None)
    rules.change(bounce_hostunknown="reply")
    read_again_for_good()
    assert Ruling.objects.get().state == "discarded"
    rules.change()
    assert read_again_for_good() == ["waiting"]
    ruling = Ruling.objects.get()
    assert (ruling.state, ruling.looks, ruling.by, ruling.settled_at) == ("waiting", 0, "", None)
    assert ruling.due_at


def test_an_answer_that_was_misread_is_mailed_to_nobody(rules, delivery):
    row = comes("bounce userunknown", delivery)
    answer = comes("reply", delivery)
    assert answer.hand_on_due_at
    rules.change(bounce_userunknown="reply", reply="bounce mailboxfull")
    read_again_for_good()
    assert not Feedback.objects.exclude(hand_on_due_at=None).exists()
    assert facts(delivery) == (answer.received_at, "mailbox-full", False)
    assert fresh(delivery).alive_at == row.received_at


def test_a_warning_and_a_complaint_follow_as_well(rules, delivery):
    delay, complaint = comes("delay expired", delivery), comes("complaint", delivery)
    rules.change(delay_expired="other", complaint="delay expired")
    assert read_again_for_good() == ["freed", "freed"]
    assert (fresh(delivery).delayed_at, fresh(delivery).complained_at) == (complaint.received_at, None)
    rules.change(delay_expired="complaint")
    assert read_again_for_good() == ["suppressed"] * 2
    assert (fresh(delivery).delayed_at, fresh(delivery).complained_at) == (None, delay.received_at)
    assert [row.reason for row in active_suppressions(delivery.address_key)] == ["complaint"]


def test_what_another_message_says_as_well_stays(rules, delivery):
    comes("bounce userunknown", delivery)
    rules.change(bounce_userunknown="bounce filtered")
    later = comes("bounce hasmoved", delivery)
    assert (later.reason, Ruling.objects.get().reason) == ("no-such-mailbox", "no-such-mailbox")
    before = facts(delivery)
    assert read_again_for_good() == [""]
    assert facts(delivery) == before
    assert is_suppressed(delivery.address_key)


def test_what_only_a_message_that_is_gone_has_said_stays(rules, delivery):
    gone = comes("bounce userunknown", delivery)
    comes("bounce mailboxfull", delivery)
    gone.delete()
    was = facts(delivery)
    rules.change(bounce_mailboxfull="reply")
    assert read_again_for_good() == [""]
    assert facts(delivery) == was
    assert is_suppressed(delivery.address_key)


def undo(ruling):
    people.lift(ruling.suppression, by="ada", note="she telephoned")
    Ruling.objects.filter(pk=ruling.pk).update(state=RulingState.UNDONE, by="ada")


def lift(ruling):
    people.lift(ruling.suppression, by="ada", note="she telephoned")


def discard(ruling):
    people.lift(ruling.suppression, by="ada", note="an outage")
    Ruling.objects.filter(pk=ruling.pk).update(state=RulingState.DISCARDED, by="ada")


def uphold(ruling):
    Ruling.objects.filter(pk=ruling.pk).update(by="ada")


@pytest.mark.parametrize("decide", [undo, lift, discard, uphold])
@pytest.mark.parametrize("now", ["reply", "bounce hostunknown", "bounce hasmoved"])
def test_what_a_person_decided_stays(rules, delivery, decide, now):
    comes("bounce userunknown", delivery)
    decide(Ruling.objects.get())
    was = list(Ruling.objects.values()), list(Suppression.objects.values())
    rules.change(bounce_userunknown=now)
    read_again_for_good()
    assert (list(Ruling.objects.values()), list(Suppression.objects.values())) == was


def test_nothing_is_held_against_who_has_shown_life_since(rules, delivery):
    comes("bounce onhold", delivery)
    transitions.record_click(delivery.send_id, delivery.id, at=timezone.now())
    rules.change(bounce_onhold="bounce userunknown")
    assert read_again_for_good() == ["alive"]
    assert facts(delivery)[1:] == ("no-such-mailbox", True)
    assert not Ruling.objects.exists()


def test_what_came_too_late_holds_nothing_against_anybody(rules, delivery):
    row = comes("bounce onhold", delivery)
    Delivery.objects.filter(send_id=delivery.send_id).update(updated_at=row.received_at - 15 * DAY)
    rules.change(bounce_onhold="bounce userunknown")
    assert read_again_for_good() == [""]
    assert not Ruling.objects.exists()


def test_the_brakes_do_not_hear_of_it(rules, delivery):
    comes("bounce onhold", delivery)
    comes("other", delivery)
    rules.change(bounce_onhold="bounce authfailure", other="complaint")
    read_again_for_good()
    assert not BrakeCount.objects.exclude(dead=0, refused=0, complaints=0).exists()


def test_a_count_that_rests_on_it_is_counted_anew(rules, delivery):
    """With a policy of one issue, so that one is enough and none is not."""
    Policy.objects.filter(reason="mailbox-full").update(issues=1, days=0)
    comes("bounce mailboxfull", delivery)
    assert Ruling.objects.get().state == "applied"
    rules.change(bounce_mailboxfull="bounce onhold")
    assert read_again_for_good() == ["freed"]
    rules.change()
    assert read_again_for_good() == ["suppressed"]


def quarantined(said, address, monkeypatch):
    """What came while a key was missing."""
    with monkeypatch.context() as without:
        without.setattr(apply, "keyring", lambda: type(keyring())({9: b"x" * 32}))
        row = comes(said, address)
    assert row.status == "quarantined"
    return row


def test_what_is_known_to_be_ours_now_is_applied_as_of_then(rules, monkeypatch):
    scene = Scene(3)
    keyring()
    held = scene.row(scene.doubt()[0])
    row = quarantined("bounce userunknown", return_path(held), monkeypatch)
    assert read_again_for_good() == ["suppressed"]
    assert (fresh(held).state, fresh(held).reason) == ("accepted", "evidence")
    assert facts(held) == (row.received_at, "no-such-mailbox", True)
    row.refresh_from_db()
    assert (row.status, row.send_id, row.delivery_id) == ("applied", held.send_id, held.id)


@pytest.mark.parametrize("came_back", [False, True])
def test_a_wish_to_leave_is_granted_unless_they_came_back(rules, monkeypatch, came_back):
    scene = Scene(3)
    [delivery] = handed_over(scene)
    ids = (delivery.send_id, delivery.id, delivery.subscriber_id, scene.newsletter.pk)
    address = f"u-{keyring().sign(Purpose.UNSUBSCRIBE, *ids)}@{return_path(delivery).partition('@')[2]}"
    quarantined("other", address, monkeypatch)
    [person] = [each for each in scene.people if each.pk == delivery.subscriber_id]
    if came_back:
        people.leave(person, scope="x", list_ids=[scene.list.pk], source="page", by="x", at=timezone.now())
    else:
        read_again_for_good()
        assert Subscription.objects.get(subscriber=person).state == "unsubscribed"
        return
    was = list(Subscription.objects.values())
    assert read_again_for_good() == ["decided"]
    assert list(Subscription.objects.values()) == was


def test_it_ends_the_same_when_it_was_killed_in_the_middle(rules, monkeypatch):
    deliveries = handed_over(Scene(5), 4)
    for delivery in deliveries:
        comes("bounce userunknown", delivery)
    rules.change(bounce_userunknown="bounce filtered")

    def killed(found):
        if found.now.name == (deliveries[1].send_id, deliveries[1].id):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(ALL, dry_run=False, told=killed)
    done = Ruling.objects.filter(state="discarded").count()
    assert 0 < done < 4
    assert len(read_again_for_good()) == 4 - done
    assert Ruling.objects.filter(state="discarded").count() == 4
    assert AuditEvent.objects.filter(action="feedback.reread").count() == 4
    assert not any(is_suppressed(delivery.address_key) for delivery in deliveries)


def test_what_would_be_done_is_what_is_done(rules):
    deliveries = handed_over(Scene(5), 3)
    for said in ("bounce userunknown", "bounce hasmoved"):
        comes(said, deliveries[0])
    comes("bounce userunknown", deliveries[1])
    comes("bounce onhold", deliveries[2])
    rules.change(bounce_userunknown="bounce filtered", bounce_hasmoved="reply", bounce_onhold="bounce userunknown")
    before = everything()
    would, _ = read_again(dry_run=True)
    assert everything() == before
    did, _ = read_again()
    assert [each.effect for each in would] == [each.effect for each in did] == ["freed", "freed", "freed", "suppressed"]
    assert would == did


def test_the_command_says_who_did_it(rules, delivery, pressrun):
    comes("bounce userunknown", delivery)
    pressrun("feedback", "replay")
    assert not AuditEvent.objects.filter(action="feedback.replayed").exists()
    rules.change(bounce_userunknown="bounce filtered")
    said, _ = pressrun("feedback", "replay", "--kind", "bounce")
    assert "1 were taken otherwise, and are put right" in said
    done = AuditEvent.objects.get(action="feedback.replayed")
    assert done.actor.startswith("command line")
    assert (done.detail["kind"], done.detail["differed"]) == ("bounce", 1)
    after = books()
    pressrun("feedback", "replay")
    assert books() == after


SAID = ["bounce userunknown", "bounce mailboxfull", "bounce onhold", "bounce authfailure", "delay expired", "complaint",
        "other"]  # fmt: skip
RULES = st.dictionaries(st.sampled_from(SAID), st.sampled_from(SAID), max_size=3)
EVENTS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([*SAID, TAKEN])), max_size=6)


@pytest.fixture
def stage(monkeypatch):
    return Stage(monkeypatch)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(events=EVENTS, first=RULES, then=RULES)
def test_it_ends_as_if_the_rules_had_been_so_from_the_start(stage, events, first, then):
    def end(before, after):
        stage.rules.change(before)

        def change():
            stage.rules.change(after)
            read_again_for_good()

        return stage.end_of(*events, at_last=change)

    assert end(first, then) == end(then, then)
