"""Whoever is not the provider changes nothing by webhook, and learns nothing; nor does a provider by repeating."""

import json
import random
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import DatabaseError, DataError
from hooking import CORPUS, TOPIC, Teller, a_hook, amazon, cases, filled, path_of, sns_message, state_of  # noqa: F401
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st
from returned import books, handed_over
from scene import Scene

from pipeline import hooks, transitions
from pipeline.feedback.webhooks import receiving
from pipeline.feedback.webhooks.receiving import BYTES_AT_MOST, DEPTH_AT_MOST, SIGNED_WITHIN, TOLD_WITHIN
from pipeline.keys import keyring
from pipeline.models import Feedback, Hook
from pipeline.providers import PROVIDERS
from pipeline.tokens import Keyring, Purpose

pytestmark = pytest.mark.django_db
THEIR_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LONG_AGO = SIGNED_WITHIN.total_seconds() + 3600


def all_but_what_is_kept():
    """Every row of every table but what keeps what came, and how often what was refused."""
    return {table: rows for table, rows in books().items() if table != Hook._meta.db_table}


class Attacker:
    """Has read a mail of ours and the providers' documentation. Most do not know the address or the secret."""

    def __init__(self, delivery, seed):
        self._random, self._delivery = random.Random(seed), delivery
        self._hook = self._random.choice(list(Hook.objects.exclude(name="without")))
        self._case = self._random.choice([case for case in cases(self._hook.provider) if case["is"]])
        self._body = filled(self._case["body"], delivery)

    def strike(self):
        tries = [
            self._without_an_address, self._wrong_address, self._no_secret_set, self._unsigned, self._wrong_secret,
            self._stale, self._to_come, self._huge, self._nested, self._wrong_type, self._no_post, self._not_json,
        ]  # fmt: skip
        return self._random.choice([*tries, *self._of_amazon()])()

    def _of_amazon(self):
        if self._hook.provider != "amazon-ses":
            return []
        return [self._another_topic, self._another_certificate, self._own_key, self._changed_after_signing]

    @property
    def _teller(self):
        return Teller(self._hook)

    def _without_an_address(self):
        return self._teller.tell(self._body, path=f"/hooks/feedback/{self._hook.name}/x")

    def _wrong_address(self):
        theirs = Keyring({1: self._random.randbytes(32)})
        forged = self._random.choice([
            theirs.sign(Purpose.WEBHOOK, self._hook.pk, 1),
            keyring().sign(Purpose.WEBHOOK, self._hook.pk, self._hook.generation + 1),
            keyring().sign(Purpose.WEBHOOK, self._hook.pk + 100, 1),
            keyring().sign(Purpose.VIEW, self._hook.pk, 1),
        ])  # fmt: skip
        return self._teller.tell(self._body, path=f"/hooks/feedback/{self._hook.name}/{forged}")

    def _no_secret_set(self):
        hook = Hook.objects.get(name="without")
        case = self._random.choice([case for case in cases(hook.provider) if case["is"]])
        return Teller(hook).tell(filled(case["body"], self._delivery))

    def _unsigned(self):
        return self._teller.tell(self._body, sign=False)

    def _wrong_secret(self):
        if self._hook.provider == "amazon-ses":
            return self._own_key()
        return Teller(self._hook, secret="guess").tell(self._body)

    def _stale(self):
        return self._teller.tell(self._body, at=time.time() - LONG_AGO)

    def _to_come(self):
        return self._teller.tell(self._body, at=time.time() + LONG_AGO)

    def _huge(self):
        return self._teller.post(b"{}", headers={"Content-Length": str(BYTES_AT_MOST + 1)})

    def _nested(self):
        deep = self._random.choice([DEPTH_AT_MOST, 200, 100_000])
        return self._teller.post(b'{"event-data":' + b"[" * deep + b"]" * deep + b"}")

    def _wrong_type(self):
        kind = self._random.choice(["text/html", "application/xml", "multipart/form-data; boundary=x"])
        return self._teller.post(json.dumps(self._body).encode(), content_type=kind)

    def _no_post(self):
        return self._teller.tell(self._body, method=self._random.choice(["GET", "PUT", "DELETE", "PATCH", "HEAD"]))

    def _not_json(self):
        return self._teller.post(self._random.randbytes(60))

    def _another_topic(self):
        return self._teller.post(json.dumps(sns_message(self._body, TopicArn=TOPIC.replace("123456789012", "1" * 12))))

    def _another_certificate(self):
        url = self._random.choice([
            "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem",
            "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-00.pem",
            "https://evil@sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem",
            "https://their-bucket.s3.amazonaws.com/SimpleNotificationService-00.pem",
            "https://sns.eu-west-1.amazonaws.com/?Action=Publish", "https://[", "file:///etc/passwd", 7,
        ])  # fmt: skip
        return self._teller.post(json.dumps(sns_message(self._body, key=THEIR_KEY, SigningCertURL=url)))

    def _own_key(self):
        return self._teller.post(json.dumps(sns_message(self._body, key=THEIR_KEY)))

    def _changed_after_signing(self):
        told = sns_message("{}")
        return self._teller.post(json.dumps(told | {"Message": json.dumps(self._body)}))


def the_hooks():
    made = [a_hook(provider) for provider in ("amazon-ses", "mailgun")]
    hooks.change_hook("without", {"provider": "mailgun", "transport": made[0].transport}, create=True, actor="test")
    return made


def test_a_thousand_forged_webhooks_change_nothing_and_hear_the_same(amazon):  # noqa: F811
    victims = handed_over(Scene(), 10)
    the_hooks()
    before = all_but_what_is_kept()
    answers = set()
    for number in range(1000):
        answer = Attacker(victims[number % 10], seed=number).strike()
        answers.add((answer.status_code, answer.content or b"Refused.\n", tuple(answer.cookies)))  # HEAD has no body
    assert answers == {(403, b"Refused.\n", ())}
    assert all_but_what_is_kept() == before
    assert Feedback.objects.count() == 0
    assert {url for _, url in amazon.asked if "Confirm" in url or "sns.eu-west-1.amazonaws.com/" not in url} == set()


def test_what_they_try_works_with_the_secret():
    """So that the above can fail."""
    victims = handed_over(Scene(), 2)
    for hook, victim in zip(the_hooks(), victims, strict=True):
        assert Teller(hook).tell(filled(cases(hook.provider)[0]["body"], victim)).status_code == 200
    assert set(Feedback.objects.values_list("status", flat=True)) == {"applied"}


@pytest.mark.parametrize("provider", sorted(path.stem for path in CORPUS.glob("*.json")))
def test_with_the_right_secret_and_ids_that_are_not_ours_it_is_kept_alone(provider):
    [victim] = handed_over(Scene(1))
    teller = Teller(a_hook(provider))
    before = all_but_what_is_kept()
    theirs = Keyring({1: random.Random(7).randbytes(32)})
    forged = theirs.sign(Purpose.HEADER, victim.send_id, victim.id)
    borrowed = keyring().sign(Purpose.VIEW, victim.send_id, victim.id)
    for number, token in enumerate(["", "x", forged, borrowed]):
        other = f"{token}@their.example"
        for case in cases(provider):
            body = filled(case["body"], victim, ID=token, MESSAGE_ID=other, SERIAL=f"{number}")
            assert teller.tell(body).status_code == 200
    assert all_but_what_is_kept() == before
    assert set(Feedback.objects.values_list("status", flat=True)) <= {"unattributed", "quarantined"}
    assert Feedback.objects.exists()


def test_a_mailgun_signature_carries_no_second_event():
    """Its signature is over a number and a time and not over the event: each counts once."""
    first, second = handed_over(Scene(2), 2)
    teller = Teller(a_hook("mailgun"))
    raw, _ = teller._packed(filled(cases("mailgun")[0]["body"], first), int(time.time()))
    assert teller.post(raw).status_code == 200
    after = all_but_what_is_kept()
    other = json.loads(raw) | filled(cases("mailgun")[0]["body"], second)
    assert teller.post(json.dumps(other).encode()).status_code == 200
    assert all_but_what_is_kept() == after


def _split_elsewhere(signed, at):
    """Mailgun's signature covers the time and the token with nothing between."""
    text = signed["timestamp"] + signed["token"]
    return signed | {"timestamp": text[:at], "token": text[at:]}


@pytest.mark.parametrize("at", [0, 1, 9, 11])
def test_a_mailgun_signature_is_not_read_with_another_time(at):
    first, second = handed_over(Scene(2), 2)
    teller = Teller(a_hook("mailgun"))
    raw, _ = teller._packed(filled(cases("mailgun")[0]["body"], first), int(time.time() - LONG_AGO))
    before = all_but_what_is_kept()
    other = json.loads(raw) | filled(cases("mailgun")[0]["body"], second)
    other["signature"] = _split_elsewhere(other["signature"], at)
    assert teller.post(json.dumps(other).encode()).status_code == 403
    assert all_but_what_is_kept() == before
    assert not Feedback.objects.exists()


def test_a_mailgun_signature_takes_its_time_from_nothing_beside_it():
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("mailgun"))
    raw, _ = teller._packed(filled(cases("mailgun")[0]["body"], delivery), int(time.time() - LONG_AGO))
    beside = {"Signature": {"timestamp": str(int(time.time()))}}
    assert teller.post(json.dumps(beside | json.loads(raw)).encode()).status_code == 403
    assert "too long ago" in Hook.objects.get().refusal


def test_what_no_database_can_hold_in_one_event_keeps_no_other_from_being_taken_in():
    first, second = handed_over(Scene(2), 2)
    teller = Teller(a_hook("sendgrid"))
    told = [filled(cases("sendgrid")[0]["body"], one)[0] for one in (first, second)]
    told[0]["reason"] += " \0 \ud800"
    assert teller.tell(told).status_code == 200
    assert [state_of(one).bounce_hard for one in (first, second)] == [True, True]


def test_what_the_database_does_not_take_is_kept_unread_and_the_rest_taken_in(monkeypatch):
    first, second = handed_over(Scene(2), 2)
    teller = Teller(a_hook("sendgrid"))
    take_in = receiving.take_in_event

    def fail_once(event, *given, **named):
        if event.recipient == first.email:
            raise DataError("it is too long")
        return take_in(event, *given, **named)

    monkeypatch.setattr(receiving, "take_in_event", fail_once)
    told = [filled(cases("sendgrid")[0]["body"], one)[0] for one in (first, second)]
    assert teller.tell(told).status_code == 200
    assert [bool(state_of(one).bounce_hard) for one in (first, second)] == [False, True]
    assert set(Feedback.objects.values_list("status", flat=True)) == {"applied", "unattributed"}


def test_too_many_events_at_once_are_refused_before_any_is_read(monkeypatch):
    monkeypatch.setattr(receiving.views, "events", lambda *_given: pytest.fail("it was read"))
    teller = Teller(a_hook("sendgrid"))
    assert teller.tell([{}] * (receiving.PARTS_AT_MOST + 1)).status_code == 403
    assert "at once" in Hook.objects.get().refusal


def test_a_form_of_too_many_fields_is_refused():
    teller = Teller(a_hook("mandrill"))
    assert teller.post("&".join(f"a{i}=1" for i in range(2_000)).encode()).status_code == 403
    assert "no JSON" in Hook.objects.get().refusal


def test_a_body_that_takes_too_long_to_read_gets_on_at_each_try(monkeypatch):
    deliveries = handed_over(Scene(6), 6)
    teller = Teller(a_hook("sendgrid"))
    batch = [filled(cases("sendgrid")[0]["body"], one)[0] for one in deliveries]
    read, seconds = receiving.views.events, [0]

    def slowly(*given):
        seconds[0] += 5
        return read(*given)

    monkeypatch.setattr(receiving.views, "events", slowly)
    monkeypatch.setattr(receiving.time, "monotonic", lambda: float(seconds[0]))
    monkeypatch.setattr(receiving, "PARTS_AT_ONCE", 1)
    answers = [teller.tell(batch).status_code for _ in range(6)]
    assert answers[-1] == 200
    assert answers[0] == 503
    assert Feedback.objects.count() == 6


@pytest.mark.parametrize("path", ["/hooks/feedback/a%00b/x", "/hooks/feedback/our-mailgun/a%00b"])
def test_a_nul_in_the_address_is_refused(path):
    assert Teller(a_hook("mailgun")).tell({}, path=path).status_code in {403, 404}


def test_a_database_that_is_away_asks_to_be_told_again(monkeypatch):
    def fail(*_given, **_named):
        raise DatabaseError("away")

    teller = Teller(a_hook("mailgun"))
    monkeypatch.setattr(transitions, "note_refusal", fail)
    assert teller.tell({}, sign=False).status_code == 503


def test_a_stranger_does_not_hide_why_the_provider_was_refused():
    teller = Teller(a_hook("mailgun"))
    stranger = f"/hooks/feedback/{teller.hook.name}/x"
    teller.tell({}, path=stranger)
    assert "address" in Hook.objects.get().refusal
    teller.tell({}, sign=False)
    assert "signature" in Hook.objects.get().refusal
    Hook.objects.update(refused_at=None)
    teller.tell({}, path=stranger)
    assert "signature" in Hook.objects.get().refusal
    assert Hook.objects.get().refusals == 3


def test_what_happened_too_long_ago_is_kept_alone():
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("mailgun"))
    before = all_but_what_is_kept()
    old = int(time.time() - TOLD_WITHIN.total_seconds() - 3600)
    body = filled(cases("mailgun")[0]["body"], delivery, NOW=str(old))
    assert teller.tell(body).status_code == 200
    assert Feedback.objects.get().status == "quarantined"
    assert all_but_what_is_kept() == before


def test_a_network_that_is_not_allowed_is_refused():
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("mailgun", networks=["192.0.2.0/24", "2001:db8::/32"]))
    body = filled(cases("mailgun")[0]["body"], delivery)
    assert teller.tell(body).status_code == 403
    assert "networks allowed" in Hook.objects.get().refusal
    # Behind a proxy of ours the nearest address counts, and what the client claims before it does not.
    assert teller.tell(body, headers={"X-Forwarded-For": "192.0.2.7, 203.0.113.9"}).status_code == 403
    assert teller.tell(body, headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"}).status_code == 200


def test_an_address_that_was_renewed_or_a_webhook_that_is_off_takes_nothing():
    [delivery] = handed_over(Scene(1))
    hook = a_hook("mailgun")
    old, body = path_of(hook), filled(cases("mailgun")[0]["body"], delivery)
    hook = hooks.change_hook(hook.name, {}, renew=True, actor="test")
    assert Teller(hook).tell(body, path=old).status_code == 403
    hooks.change_hook(hook.name, {"enabled": False}, actor="test")
    assert Teller(hook).tell(body).status_code == 403
    hooks.change_hook(hook.name, {"enabled": True}, actor="test")
    assert Teller(hook).tell(body).status_code == 200


def test_a_fault_of_ours_asks_to_be_told_again_without_a_word(monkeypatch):
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("mailgun"))
    before = all_but_what_is_kept()
    for error in (DatabaseError("the disk of db.internal is full"), KeyError("a defect")):

        def fail(*_args, error=error, **_kwargs):
            raise error

        monkeypatch.setattr(receiving, "take_in_event", fail)
        answer = teller.tell(filled(cases("mailgun")[0]["body"], delivery))
        assert (answer.status_code, answer.content) == (503, b"")
    assert all_but_what_is_kept() == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def nearly_right(draw, body):
    """A body of the documentation with anything in one of its places."""
    spoilt = json.loads(json.dumps(body))
    node, at = spoilt, None
    for _ in range(draw(st.integers(1, 5))):
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        if not keys:
            break
        parent, at = node, draw(st.sampled_from(keys))
        node = node[at]
    if at is not None:
        parent[at] = draw(JSON)
    return spoilt


@trials(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(choices=st.data())
def test_any_json_with_the_right_secret_is_taken_or_refused_and_never_a_fault(choices, db):
    hook = Hook.objects.first()
    if hook is None:
        handed_over(Scene(1))
        for path in sorted(CORPUS.glob("*.json")):
            a_hook(path.stem)
    hook = choices.draw(st.sampled_from(list(Hook.objects.order_by("name"))))
    body = choices.draw(st.one_of(JSON, nearly_right(choices.draw(st.sampled_from(cases(hook.provider)))["body"])))
    listed = isinstance(body, list) and PROVIDERS[hook.provider].batch == ()
    assert Teller(hook).tell(body if listed or isinstance(body, dict) else {"x": body}).status_code in {200, 403}
