"""Webhooks as people set them up, and mail that takes our signed id along to where a provider gives it back."""

import email
import io
import json
import random
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hooking import SECRET, Teller, a_hook, amazon, cases, filled, state_of  # noqa: F401
from newsroom import signed_in
from returned import books, handed_over
from scene import Scene, accepted

from pipeline import hooks, transitions
from pipeline.delivery.batch import wires
from pipeline.delivery.batch.making import Maker
from pipeline.feedback.webhooks import receiving
from pipeline.feedback.webhooks.paths import first
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Feedback, Hook, Transport
from pipeline.providers import PROVIDERS
from pipeline.queries import id_fields
from pipeline.tokens import Purpose
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _relay():
    Transport.objects.create(name="main", url="smtp://127.0.0.1:1")


def test_a_webhook_is_set_up_and_its_secret_never_shown(pressrun, monkeypatch):
    said, _ = pressrun("webhook", "set", "ours", "--create", "--provider", "mailgun", "--relay", "main")
    assert "HTTP webhook signing key" in said
    address = re.search(r"http\S+/hooks/feedback/ours/\S+", said)[0]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\nthe-next-one\n"))
    pressrun("webhook", "set", "ours", "--secret-from", "-", "--network", "192.0.2.0/24")
    assert Hook.objects.get().secrets == [SECRET, "the-next-one"]
    [told] = json.loads(pressrun("webhook", "list", "--json")[0])
    assert (told["state"], told["address"], told["relay"]) == ("listens", address, "main")
    assert json.loads(pressrun("webhook", "set", "ours", "--renew", "--json")[0])["address"] != address
    everything = "".join(pressrun("webhook", "list")) + json.dumps(
        list(AuditEvent.objects.values_list("detail", flat=True))
    )
    assert SECRET not in everything
    assert AuditEvent.objects.filter(action="hook.set", actor__startswith="command line").count() == 3
    pressrun("webhook", "remove", "ours")
    assert not Hook.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ("--provider", "pigeon"), ("--network", "everywhere"), ("--provider", "amazon-ses", "--topic", "mine"),
        ("--relay", "other"), ("--secret-from", "/nowhere"), ("--provider", "sendgrid", "--secret-from", "{file}"),
        ("--provider", "resend", "--secret-from", "{file}"),
    ],
)  # fmt: skip
def test_what_is_wrong_changes_nothing_and_is_said(pressrun, wrong, tmp_path):
    (tmp_path / "secret").write_text("hunter2 is no key")
    pressrun("webhook", "set", "ours", "--create", "--provider", "mailgun", "--relay", "main")
    before = Hook.objects.values().get()
    said = pressrun("webhook", "set", "ours", *(word.format(file=tmp_path / "secret") for word in wrong), status=1)[1]
    assert "Nothing was changed" in said
    assert "hunter2" not in said
    assert Hook.objects.values().get() == before


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_mail_takes_the_signed_id_along_where_the_provider_gives_it_back(provider):
    """Its field stands in the header, and what the provider's documentation says of it leads back to the id."""
    scene = Scene(1)
    hook = a_hook(provider, transport=Transport.objects.get(name="main"))
    [claimed] = scene.claim()
    plain = wires.envelope(scene.newsletter, scene.send.pk, claimed)
    made = Maker(scene.send, id_fields(hook.transport_id)).make(claimed)
    field = PROVIDERS[provider].id_header.partition(":")[0]
    message = email.message_from_bytes(made.wire)
    token = message["X-Pressrun-Id"]
    assert keyring().verify(Purpose.HEADER, token) == (scene.send.pk, claimed.id)
    assert made.wire.endswith(plain.wire.partition(b"\r\n\r\n")[2])
    assert id_fields(Transport.objects.create(name="another").pk) == []
    if not field:
        assert made.wire.count(b"\r\n") == plain.wire.count(b"\r\n")
        return
    value = message[field]
    given_back = json.loads(value) if value.startswith("{") else {"pressrun-id": value}
    assert first(given_back, "pressrun-id", "*.pressrun-id") == token


def test_a_storm_of_a_thousand_doubled_and_shuffled_events_ends_as_one_of_each():
    """F-36: in one request and in many, each twice, in any order."""
    number = 40
    deliveries = handed_over(Scene(number), number)
    teller = Teller(a_hook("sendgrid"))
    told = [case for case in cases("sendgrid") if case["name"] != "known by our Message-ID alone"]
    events = [filled(told[at % len(told)]["body"], one)[0] for at, one in enumerate(deliveries)]
    storm = [event for event in events for _ in range(25)]
    random.Random(36).shuffle(storm)
    assert len(storm) == 1000
    for part in (storm[:700], storm[700:850], storm[850:]):
        assert 200 in (teller.tell(part).status_code for _ in range(5))  # as providers do, where we are slow
    after = books()
    kept = {
        event["email"]
        for event in events
        if event["event"] not in {"group_resubscribe", "delivered", "open", "processed"}
    }
    assert Feedback.objects.count() == len(kept)
    teller.tell(list(reversed(storm)))
    changed = {table for table, rows in books().items() if rows != after[table]}
    assert changed <= {Hook._meta.db_table, "pipeline_delivery"}  # when somebody was last seen alive


def test_an_event_that_overtakes_the_relays_answer_ends_the_same():
    scene = Scene(2)
    in_turn, overtaking = scene.fly(2)
    teller = Teller(a_hook("postmark"))
    transitions.record(scene.send.pk, [accepted(in_turn)])
    for one in (in_turn, overtaking):
        assert teller.tell(filled(cases("postmark")[0]["body"], scene.row(one))).status_code == 200
    transitions.record(scene.send.pk, [accepted(overtaking)])
    facts = [
        (row.state, row.reason, row.bounce_reason, row.bounce_hard) for row in map(scene.row, (in_turn, overtaking))
    ]
    assert facts[0] == facts[1]
    assert Suppression.objects.count() == 2


def test_what_is_not_done_in_time_is_told_again_and_goes_on_where_it_was(monkeypatch):
    deliveries = handed_over(Scene(6), 6)
    teller = Teller(a_hook("sendgrid"))
    batch = [filled(cases("sendgrid")[0]["body"], one)[0] for one in deliveries]
    clock = iter(range(1000))
    monkeypatch.setattr(receiving.time, "monotonic", lambda: next(clock) * 3.0)
    assert teller.tell(batch).status_code == 503
    assert 0 < Feedback.objects.count() < 6
    monkeypatch.undo()
    assert teller.tell(batch).status_code == 200
    assert Feedback.objects.count() == Suppression.objects.count() == 6


def test_a_change_writes_only_what_it_changes_and_revives_no_address_that_ended(monkeypatch):
    hook, check = a_hook("mailgun"), hooks._check

    def meanwhile(changed):
        check(changed)
        Hook.objects.update(generation=7, events=9)

    monkeypatch.setattr(hooks, "_check", meanwhile)
    with CaptureQueriesContext(connection) as queries:
        hooks.change_hook(hook.name, {"enabled": False}, actor="test")
    assert Hook.objects.values_list("enabled", "generation", "events").get() == (False, 7, 9)
    assert any("FOR UPDATE" in query["sql"] for query in queries)


def test_an_arrival_counts_from_when_it_happened():
    [delivery] = handed_over(Scene(1))
    told = next(case["body"] for case in cases("sendgrid") if case["body"][0]["event"] == "delivered")
    an_hour_ago = int(timezone.now().timestamp()) - 3600
    assert Teller(a_hook("sendgrid")).tell(filled(told, delivery, NOW=str(an_hour_ago))).status_code == 200
    assert state_of(delivery).alive_at.timestamp() == an_hour_ago


def test_one_event_that_cannot_be_read_keeps_no_other_from_being_taken_in():
    [delivery] = handed_over(Scene(1))
    teller = Teller(a_hook("sendgrid"))
    assert teller.tell([{"no": "event"}, *filled(cases("sendgrid")[0]["body"], delivery)]).status_code == 200
    assert state_of(delivery).bounce_hard
    assert set(Feedback.objects.values_list("status", flat=True)) == {"applied", "unattributed"}


def test_the_page_shows_the_address_to_paste_and_never_the_secret():
    bo = signed_in("bo", superuser=True)
    relay = Transport.objects.get(name="main")
    form = {"name": "ours", "provider": "mailgun", "transport": relay.pk, "topics": "", "networks": "192.0.2.0/24",
            "enabled": "on", "secret": SECRET}  # fmt: skip
    assert bo.post("/admin/webhooks/add/", form).status_code == 302
    hook = Hook.objects.get()
    assert (hook.secrets, hook.networks) == ([SECRET], ["192.0.2.0/24"])
    assert Teller(hook).tell({"no": "event"}).status_code == 403
    page = bo.get(f"/admin/webhooks/{hook.pk}/").content.decode()
    assert hooks.address_of(hook) in page
    assert "Permanent Failure" in page
    assert "networks allowed" in page
    assert SECRET not in page
    assert bo.post(f"/admin/webhooks/{hook.pk}/", form | {"networks": "", "secret": ""}).status_code == 302
    hook.refresh_from_db()
    assert (hook.secrets, hook.networks) == ([SECRET], [])
    wrong = bo.post(f"/admin/webhooks/{hook.pk}/", form | {"networks": "everywhere"})
    assert (wrong.status_code, "Nothing was changed" in wrong.content.decode()) == (400, True)
    assert SECRET not in wrong.content.decode()
    old = hooks.address_of(hook)
    bo.post(f"/admin/webhooks/{hook.pk}/act/", {"act": "renew"})
    hook.refresh_from_db()
    assert hooks.address_of(hook) != old
    assert "ours" in bo.get("/admin/webhooks/").content.decode()
    bo.post(f"/admin/webhooks/{hook.pk}/act/", {"act": "remove"})
    assert not Hook.objects.exists()


def test_who_may_not_change_webhooks_sees_none():
    hook = a_hook("mailgun")
    ada = signed_in("ada")
    for path in ("/admin/webhooks/", f"/admin/webhooks/{hook.pk}/"):
        assert hooks.address_of(hook) not in ada.get(path, follow=True).content.decode()
    assert ada.post(f"/admin/webhooks/{hook.pk}/act/", {"act": "remove"}).status_code in {302, 403}
    assert Hook.objects.exists()
