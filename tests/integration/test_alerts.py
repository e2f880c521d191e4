"""Telling people what they did not ask: once each, until it has arrived, and never at the cost of a send."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from django.db import connection
from django.utils import timezone
from letterbox import later, relay, tell_all, url  # noqa: F401 (relay is a fixture)
from newsroom import a_user
from scene import Scene, accepted, refused
from wagtail.users.models import UserProfile
from webserver import WebServer, answer, ok

from pipeline import alerts, tasks, transitions
from pipeline.alerts import webhook
from pipeline.models import Alert, AuditEvent, Delivery, Feedback, Send, Transport

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(settings):
    with WebServer({"/hook": ok()}) as server:
        settings.ALERT_URL = f"http://127.0.0.1:{server.port}/hook?token=secret"
        server.replies["/hook?token=secret"] = ok()
        yield server


def posted(chat) -> list[dict]:
    return [json.loads(body) for body in chat.bodies]


# -- what is told, and to whom


def test_a_held_send_is_told_once_by_webhook_and_mail_to_owner_and_operators(scene: Scene, chat, relay):
    Transport.objects.update(url=url(relay))
    owner, boss = a_user("ada"), a_user("bo", superuser=True)
    for user in (owner, boss):
        user.email = f"{user.username}@city.example"
        user.save()
    UserProfile.objects.create(user=owner, preferred_language="ko")
    a_user("cy")  # neither owns it nor runs this
    Send.objects.filter(pk=scene.send.pk).update(owner=owner, state="scheduled")
    transitions.hold_send(scene.send.pk, why="The relay has changed.")
    for _ in range(3):
        tell_all()
    [told] = posted(chat)
    assert (told["kind"], told["send"]) == ("held", scene.send.pk)
    assert told["url"].endswith(f"/admin/sends/{scene.send.pk}/")
    assert set(told["words"]) == {"en", "ko"}
    assert "The reason: The relay has changed." in told["words"]["en"]["happened"]
    letters = dict(relay.ledger.letters)
    assert len(relay.ledger.letters) == 2
    assert set(letters) == {"ada@city.example", "bo@city.example"}
    assert "사람" in letters["ada@city.example"].get_content()
    assert "waits for a person" not in letters["ada@city.example"].get_content()
    both = letters["bo@city.example"].get_content()
    assert "waits for a person" in both
    assert "사람" in both


def test_who_paused_it_need_not_be_told(scene: Scene, settings):
    ada = a_user("ada")
    ada.email = "ada@city.example"
    ada.save()
    Send.objects.update(owner=ada)
    settings.ALERT_MAIL = ("ops@city.example",)
    transitions.pause_send(scene.send.pk, actor="ada", why="a typo")
    alerts.note()
    assert Alert.objects.get().target == "ops@city.example"


def test_a_pause_because_too_much_may_have_arrived_is_told_as_such(scene: Scene, chat):
    AuditEvent.objects.create(
        actor="sweep",
        action="send.paused",
        subject=f"send:{scene.send.pk}",
        detail={"why": "101 messages", "code": "uncertain"},
    )
    tell_all()
    assert [told["kind"] for told in posted(chat)] == ["uncertain"]


def test_finished_then_settled_each_once(scene: Scene, chat):
    flying = scene.fly(10)
    transitions.record(scene.send.pk, [accepted(one) for one in flying])
    transitions.finish_sends()
    tell_all()
    Send.objects.update(finished_at=timezone.now() - dt.timedelta(days=5, minutes=1))
    tell_all()
    tell_all()
    finished, settled = posted(chat)
    assert (finished["kind"], settled["kind"]) == ("finished", "settled")
    assert "10 of 10 messages are handed over" in finished["words"]["en"]["happened"]
    assert "author" not in finished["words"]["en"]["happened"]


def test_the_author_is_told_what_may_be_the_issues_own_doing(scene: Scene, chat):
    *fine, first, second, third = scene.fly(10)
    reasons = ("recipient-filter", "policy", "no-such-mailbox")
    refusals = [refused(*pair, "550 no") for pair in zip((first, second, third), reasons, strict=True)]
    transitions.record(scene.send.pk, [*map(accepted, fine), *refusals])
    transitions.finish_sends()
    late = fine[0]
    transitions.record_bounce(
        scene.send.pk, late.id, reason="recipient-filter", hard=False, at=timezone.now(), source="mail"
    )
    tell_all()
    [told] = posted(chat)
    assert "own filters kept out 2 of them, rules about content refused 1, and 0" in told["words"]["en"]["happened"]
    assert "독자의 필터가 막았고" in told["words"]["ko"]["happened"]


def test_a_send_that_does_not_get_on_is_told_and_one_at_a_slow_pace_is_not(scene: Scene, chat):
    hours_ago = timezone.now() - dt.timedelta(hours=2, seconds=30)
    Send.objects.update(started_at=hours_ago)
    Delivery.objects.update(due_at=hours_ago, updated_at=hours_ago)
    assert not alerts.note()  # a batch is at work
    transitions.close_lease(scene.lease)
    assert alerts.note()
    alerts.hand_over()
    [told] = posted(chat)
    assert told["kind"] == "late"
    assert "for 120 minutes; 10 messages wait" in told["words"]["en"]["happened"]
    Alert.objects.all().delete()
    one = Delivery.objects.get(send_id=scene.send.pk, id=1)
    Delivery.objects.filter(send_id=one.send_id, id=1).update(state="claimed", reason="working", fence=1)
    Delivery.objects.filter(send_id=one.send_id, id=1).update(state="in_flight")
    Delivery.objects.filter(send_id=one.send_id, id=1).update(
        state="accepted", reason="taken", updated_at=timezone.now()
    )
    assert not alerts.note()


def test_a_relay_that_stays_away_is_told_once_however_often_it_is_tried(scene: Scene, chat):
    hours_ago = timezone.now() - dt.timedelta(hours=2)
    Send.objects.update(started_at=hours_ago)
    Delivery.objects.update(due_at=hours_ago, updated_at=hours_ago)
    for _ in range(2):
        assert len(scene.claim(10)) == 10
        transitions.close_lease(scene.lease)  # nobody let it in
        tell_all()
        scene.lease = scene.a_lease()
    Delivery.objects.filter(id__lte=5).update(due_at=timezone.now())
    transitions.close_lease(scene.lease)
    tell_all()
    assert [told["kind"] for told in posted(chat)] == ["late"]


def test_a_send_that_was_resumed_or_whose_window_opened_just_now_is_not_late(scene: Scene, chat):
    transitions.close_lease(scene.lease)
    hours_ago = timezone.now() - dt.timedelta(hours=2)
    Send.objects.update(started_at=hours_ago, waits_until=timezone.now() - dt.timedelta(minutes=1))
    Delivery.objects.update(due_at=hours_ago, updated_at=hours_ago)
    assert not alerts.note()
    Send.objects.update(waits_until=None)
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    transitions.resume_send(scene.send.pk, actor="ada")
    tell_all()
    assert [told["kind"] for told in posted(chat)] == ["paused"]


def test_silence_after_a_big_send_is_told_and_not_while_anything_comes_back(scene: Scene, chat, monkeypatch):
    monkeypatch.setattr("pipeline.queries.alerts.TELLING", 10)
    flying = scene.fly(10)
    transitions.record(scene.send.pk, [accepted(one) for one in flying])
    yesterday = timezone.now() - dt.timedelta(hours=25)
    Send.objects.update(started_at=yesterday, audience=10)
    answer_of_a_program = Feedback.objects.create(
        source="smtp", sha256=b"1", raw=b"", kind="auto-reply", status="ignored"
    )
    assert not alerts.note()
    answer_of_a_program.delete()
    assert alerts.note()
    assert Alert.objects.get().kind == "silent"


def test_what_happened_long_ago_is_not_told(scene: Scene, chat):
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE pipeline_auditevent DISABLE TRIGGER pressrun_append_only")
        cursor.execute("UPDATE pipeline_auditevent SET at = now() - interval '25 hours'")
    assert not alerts.note()


# -- delivered or given up, never lost, never twice


def test_a_webhook_that_fails_is_tried_again_until_it_takes_it(scene: Scene, chat):
    chat.replies["/hook?token=secret"] = answer(503)
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    [tried] = tell_all()
    assert (tried.attempts, tried.delivered_at) == (1, None)
    assert "503" in tried.error
    assert alerts.hand_over() == []  # not yet
    chat.replies["/hook?token=secret"] = ok()
    later()
    [tried] = alerts.hand_over()
    assert tried.delivered_at
    assert tried.error == ""
    later()
    assert alerts.hand_over() == []
    first, second = chat.asked
    assert "Idempotency-Key: pressrun-alert-" in first
    assert first == second.replace(f"Content-Length: {len(chat.bodies[1])}", f"Content-Length: {len(chat.bodies[0])}")


@pytest.mark.parametrize("reply", [answer(302, Location="http://127.0.0.1/"), answer(404), b"hello?\r\n\r\n"])
def test_an_answer_that_is_no_yes_is_a_failure_and_never_names_the_secret_address(scene: Scene, chat, reply):
    chat.replies["/hook?token=secret"] = reply
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    [tried] = tell_all()
    assert tried.delivered_at is None
    assert tried.error
    assert "secret" not in tried.error
    assert len(chat.asked) == 1


def test_with_a_secret_each_try_is_signed_as_standard_webhooks_says(scene: Scene, chat, settings, monkeypatch):
    settings.ALERT_SECRET = b"thirty-two bytes that are random"
    now = iter([1_800_000_000, 1_800_000_060])
    monkeypatch.setattr(webhook.time, "time", lambda: next(now))
    chat.replies["/hook?token=secret"] = answer(503)
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    [alert] = tell_all()
    later()
    alerts.hand_over()
    for head, body, at in zip(chat.asked, chat.bodies, (1_800_000_000, 1_800_000_060), strict=True):
        signed = f"pressrun-alert-{alert.pk}.{at}.".encode() + body
        mac = base64.b64encode(hmac.new(settings.ALERT_SECRET, signed, hashlib.sha256).digest()).decode()
        assert f"\r\nwebhook-id: pressrun-alert-{alert.pk}\r\n" in head
        assert f"\r\nwebhook-timestamp: {at}\r\n" in head
        assert f"\r\nwebhook-signature: v1,{mac}\r\n" in head


def test_the_signature_is_that_of_the_specifications_own_example():
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = webhook.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at=1614265330)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_after_three_days_it_is_given_up(scene: Scene, settings):
    settings.ALERT_URL = "http://127.0.0.1:1/"
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    tell_all()
    Alert.objects.update(raised_at=timezone.now() - dt.timedelta(hours=73))
    later()
    [tried] = alerts.hand_over()
    assert tried.given_up_at
    assert tried.due_at is None


def test_one_that_is_being_tried_is_nobody_elses(scene: Scene, chat):
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    alerts.note()
    assert transitions.claim_alert()
    assert transitions.claim_alert() is None
    later()  # whoever held it has died
    assert [each.attempts for each in alerts.hand_over()] == [2]


# -- an alert never hurts a send


def test_a_defect_in_telling_does_not_keep_the_sweep_from_its_work(scene: Scene, monkeypatch):
    def broken():
        raise RuntimeError

    rung = []
    monkeypatch.setattr(alerts, "note", broken)
    monkeypatch.setattr(tasks, "ring", rung.append)
    tasks.sweep()
    assert rung == [scene.send.pk]


def test_a_defect_with_one_alert_leaves_the_others(scene: Scene, chat, settings, monkeypatch):
    settings.ALERT_MAIL = ("ops@city.example",)
    monkeypatch.setattr(alerts.ownmail, "mail", lambda *_: 1 / 0)
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    assert sorted(bool(each.delivered_at) for each in tell_all()) == [False, True]


def test_with_nobody_to_tell_it_is_in_the_log_once(scene: Scene, caplog):
    transitions.pause_send(scene.send.pk, actor="ada", why="a typo")
    for _ in range(3):
        assert not alerts.note()
    assert caplog.text.count("was paused by ada") == 1
    assert alerts.hand_over() == []


# -- the command


def test_the_test_goes_to_everybody_and_says_what_became_of_it(pressrun, chat, settings, db):
    settings.ALERT_MAIL = ("ops@city.example",)
    settings.ALERT_SMTP_URL = "smtp://127.0.0.1:1"
    out, _ = pressrun("alert", "--test", status=1)
    assert "test by webhook: delivered" in out
    assert "test by mail ops@city.example: not delivered" in out
    [told] = posted(chat)
    assert told["kind"] == "test"
    found = json.loads(pressrun("alert", "--json")[0])
    assert found == []


def test_with_nobody_to_tell_the_test_fails_and_says_how_to_mend_it(pressrun, db):
    _, err = pressrun("alert", "--test", status=1)
    assert "PRESSRUN_ALERT_URL" in err
