"""What providers tell by webhook is applied as returned mail is, to whom our own signed id names."""

import json
import threading
import zlib
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hooking import CORPUS, SECRET, Teller, a_hook, amazon, cases, filled, sns_message, state_of  # noqa: F401
from house import until
from returned import books, handed_over
from scene import Scene

from pipeline.feedback.replay import replay
from pipeline.leaving import leave_newsletter
from pipeline.models import Feedback, Hook, Newsletter
from pipeline.providers import PROVIDERS
from pipeline.queries.sql import rows
from pipeline.queries.stored import Chosen
from subscribers import transitions as people
from subscribers.models import Departure, Subscriber, Subscription, SubscriptionState, Suppression

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_each_providers_events_come_to_what_they_say(provider):
    told = cases(provider)
    hook = a_hook(provider)
    for case, delivery in zip(told, handed_over(Scene(len(told)), len(told)), strict=True):
        answer = Teller(hook).tell(filled(case["body"], delivery))
        assert (answer.status_code, answer.content) == (200, b""), Hook.objects.get().refusal
        assert outcome(delivery) == expected(case), (case["name"], Feedback.objects.last().detail)
    hook.refresh_from_db()
    assert hook.refusals == 0
    kept = sum(case["is"] is not None for case in told)
    assert hook.events >= Feedback.objects.count() == kept
    again = replay(Chosen(), dry_run=False, told=pytest.fail)
    assert (again.read, again.unread, again.differing) == (kept, 0, 0), "what is kept of it reads the same"


def expected(case):
    """The corpus leaves out what most have in common."""
    said = case["is"]
    if said is None:
        return None
    status = "ignored" if said["kind"] == "auto-reply" else "applied"
    return {"status": status, "reason": "unknown" if said["kind"] == "complaint" else "", "hard": False,
            "suppressed": False, **said}  # fmt: skip


def outcome(delivery):
    """What is in the books of what was told about it."""
    suppressed = Suppression.objects.filter(address_key=delivery.address_key).exists()
    row = Feedback.objects.filter(send_id=delivery.send_id, delivery_id=delivery.id).first()
    after = state_of(delivery)
    if row is None:
        assert (suppressed, after.bounced_at, after.complained_at, after.delayed_at) == (False, None, None, None)
        return None
    assert (row.source, row.envelope_to) == ("webhook", delivery.email)
    assert delivery.email in zlib.decompress(bytes(row.raw)).decode()
    assert row.expires_at is not None
    facts = {"bounce": after.bounced_at, "complaint": after.complained_at, "delay": after.delayed_at}
    assert {kind for kind, at in facts.items() if at} == {row.kind} & facts.keys()
    return {"kind": row.kind, "status": row.status, "reason": row.reason, "hard": row.hard, "suppressed": suppressed}


def test_no_session_is_made_and_no_cookie_set():
    [delivery] = handed_over(Scene(1))
    answer = Teller(a_hook("mailgun")).tell(filled(cases("mailgun")[0]["body"], delivery))
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_amazons_subscription_is_confirmed_for_an_allowed_topic_alone(amazon):  # noqa: F811
    teller = Teller(a_hook("amazon-ses"))
    asks = {"Type": "SubscriptionConfirmation", "Token": "to ken&x", "SubscribeURL": "https://evil.example/"}
    assert teller.post(json.dumps(sns_message("You have chosen …", **asks))).status_code == 200
    assert amazon.asked[-1][1] == (
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Apressrun-feedback&Token=to+ken%26x"
    )
    amazon.asked.clear()
    other = asks | {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:pressrun-feedback"}
    assert teller.post(json.dumps(sns_message("You have chosen …", **other))).status_code == 403
    assert amazon.asked == []
    assert "not among those allowed" in Hook.objects.get().refusal


def test_every_provider_that_anymail_knows_is_here():
    assert {path.stem for path in CORPUS.glob("*.json")} == set(PROVIDERS)


def test_the_same_event_is_applied_once():
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("amazon-ses"))
    raw = json.dumps(sns_message(filled(cases("amazon-ses")[0]["body"], delivery)))
    assert teller.post(raw).status_code == 200
    after = books() | {Hook._meta.db_table: []}
    for _ in range(3):
        assert teller.post(raw).status_code == 200
    assert books() | {Hook._meta.db_table: []} == after
    assert Feedback.objects.count() == 1


def test_without_a_secret_nothing_is_believed():
    [delivery] = handed_over(Scene(1))
    hook = a_hook("mailgun", secret="")
    assert Teller(hook).tell(filled(cases("mailgun")[0]["body"], delivery)).status_code == 403
    assert "No secret is set" in Hook.objects.get().refusal
    assert SECRET not in Hook.objects.get().refusal
    assert Feedback.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_unsubscribe_told_while_the_reader_clicks_hinders_neither():
    [delivery] = handed_over(Scene(1))
    body = next(case["body"] for case in cases("mailgun") if (case["is"] or {}).get("kind") == "unsubscribe")
    teller = Teller(a_hook("mailgun"))
    answers = []
    told = threading.Thread(target=lambda: (answers.append(teller.tell(filled(body, delivery))), connection.close()))
    with transaction.atomic():
        Subscriber.objects.select_for_update(no_key=True).get(pk=delivery.subscriber_id)  # as leaving begins
        told.start()
        until(waits_for_a_lock, what="the provider's word waiting for the reader's click")
        newsletter_id = Newsletter.objects.get().pk
        ids = {"send_id": delivery.send_id, "delivery_id": delivery.id}
        assert leave_newsletter(delivery.subscriber_id, newsletter_id, **ids, source="one click", at=timezone.now())
    told.join()
    assert [answer.status_code for answer in answers] == [200]
    assert Departure.objects.count() == 1
    assert state_of(delivery).unsubscribed_at


@pytest.mark.parametrize(("minutes", "stays"), [(-2, True), (2, False)])
def test_an_unsubscribe_told_late_does_not_end_what_was_confirmed_after_it(minutes, stays):
    [delivery] = handed_over(Scene(1))
    body = filled(
        next(case["body"] for case in cases("mailgun") if (case["is"] or {}).get("kind") == "unsubscribe"), delivery
    )
    now = timezone.now()
    subscription = Subscription.objects.get(subscriber=delivery.subscriber_id)
    person, by = subscription.subscriber, {"source": "the form", "by": "the person"}
    people.leave(person, scope="all", list_ids=[subscription.list_id], at=now - timedelta(days=2), **by)
    people.subscribe(person, to=subscription.list, text="yes", at=now - timedelta(hours=1), **by)
    people.confirm(subscription, scopes=["all"], text="yes", at=now, **by)
    body["event-data"]["timestamp"] = (now + timedelta(minutes=minutes)).timestamp()
    assert Teller(a_hook("mailgun")).tell(body).status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == (SubscriptionState.SUBSCRIBED if stays else SubscriptionState.UNSUBSCRIBED)
    assert Departure.objects.count() == (1 if stays else 2)
    assert Feedback.objects.get().status == ("ignored" if stays else "applied")


def waits_for_a_lock():
    [(number,)] = rows("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return number
