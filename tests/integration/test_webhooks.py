"""What providers tell by webhook is applied as returned mail is, to whom our own signed id names."""

import json
import zlib

import pytest
from hooking import CORPUS, SECRET, Teller, a_hook, amazon, cases, filled, sns_message, state_of  # noqa: F401
from returned import books, handed_over
from scene import Scene

from pipeline.feedback.replay import replay
from pipeline.models import Feedback, Hook
from pipeline.providers import PROVIDERS
from pipeline.queries.stored import Chosen
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db


def all_cases():
    return [pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
            for path in sorted(CORPUS.glob("*.json")) for case in cases(path.stem)]  # fmt: skip


@pytest.mark.parametrize(("provider", "case"), all_cases())
def test_each_providers_events_come_to_what_they_say(provider, case):
    [delivery] = handed_over(Scene(1))
    hook = a_hook(provider)
    answer = Teller(hook).tell(filled(case["body"], delivery))
    assert (answer.status_code, answer.content) == (200, b""), Hook.objects.get().refusal
    expected = case["is"]
    assert Feedback.objects.count() == (expected is not None)
    after = state_of(delivery)
    assert Suppression.objects.exists() == bool(expected and expected.get("suppressed"))
    if expected is None:
        assert (after.bounced_at, after.complained_at, after.delayed_at) == (None, None, None)
        return
    row = Feedback.objects.get()
    status = expected.get("status", "ignored" if expected["kind"] == "auto-reply" else "applied")
    assert (row.kind, row.status, row.source) == (expected["kind"], status, "webhook"), row.detail
    assert (row.send_id, row.delivery_id, row.envelope_to) == (delivery.send_id, delivery.id, delivery.email)
    if "reason" in expected:
        assert (row.reason, row.hard) == (expected["reason"], expected["hard"]), (row.rule, row.diagnostic)
    assert json.loads(zlib.decompress(bytes(row.raw)))
    assert row.expires_at is not None
    hook.refresh_from_db()
    assert (hook.events, hook.refusals) == (1, 0)
    again = replay(Chosen(), dry_run=False, told=pytest.fail)
    assert (again.read, again.unread, again.differing) == (1, 0, 0), "what is kept of it reads the same"


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
    assert {path.stem for path in CORPUS.glob("*.json")} <= set(PROVIDERS)


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
