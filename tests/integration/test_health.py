"""Probes and figures: true, open to whom they may be open to, and never about a person."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from returned import a_bounce, comes_back, handed_over
from scene import Scene

from pipeline import tasks, transitions
from pipeline.feedback.apply import take_in
from pipeline.models import Delivery, Feedback, Marker, Send, TransportMeter
from pipeline.public import health
from pipeline.queries.stored import gone

pytestmark = pytest.mark.django_db
TOKEN = "a token of thirty-two characters"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """Nothing is remembered from one question to the next, and there is a queue."""
    monkeypatch.setattr(tasks, "queue_answers", lambda: True)
    for each in (health._queue_answers, health._vitals, health._figures):
        each.cache_clear()
    moments = iter(range(1_000))
    monkeypatch.setattr(health, "_moment", lambda: next(moments))


def figures(client=None, **headers) -> dict[str, float]:
    response = (client or Client()).get("/metrics", **headers)
    assert response.status_code == 200, response.content
    return {
        f"{sample.name}{''.join(sample.labels.values()) and '/' + ''.join(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def stall(scene: Scene) -> None:
    transitions.close_lease(scene.lease)
    hours_ago = timezone.now() - dt.timedelta(hours=2)
    Send.objects.update(started_at=hours_ago)
    Delivery.objects.update(due_at=hours_ago, updated_at=hours_ago)


def test_all_is_well_while_somebody_sweeps_and_work_goes_on(scene: Scene):
    Marker.objects.create(name="sweep")
    response = Client().get("/healthz")
    told = response.json()
    assert response.status_code == 200
    assert told.pop("oldest_due_seconds") >= 0
    assert told == {"ok": True, "database": True, "queue": True, "sweep_seconds": 0, "stalled_sends": 0}


def test_it_is_not_while_nobody_sweeps_although_something_is_due(scene: Scene):
    Marker.objects.create(name="sweep")
    Marker.objects.update(at=timezone.now() - dt.timedelta(minutes=10))
    assert Client().get("/healthz").status_code == 503
    Send.objects.update(state="finished")
    assert Client().get("/healthz").status_code == 200


def test_nor_while_a_send_does_not_get_on_or_the_queue_is_away(scene: Scene, monkeypatch):
    Marker.objects.create(name="sweep")
    stall(scene)
    response = Client().get("/healthz")
    assert (response.status_code, response.json()["stalled_sends"]) == (503, 1)
    assert response.json()["oldest_due_seconds"] >= 7100  # by the database's clock, which a test stops at its start
    TransportMeter.objects.update_or_create(
        transport=scene.send.transport, defaults={"rests_until": timezone.now() + dt.timedelta(hours=1)}
    )
    assert Client().get("/healthz").status_code == 200  # its relay has used up its hour, which is no fault
    monkeypatch.setattr(tasks, "queue_answers", lambda: False)
    assert (Client().get("/healthz").status_code, Client().get("/healthz").json()["queue"]) == (503, False)
    assert Client().get("/livez").status_code == 200


def test_the_queue_is_really_asked(settings, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(tasks.app.conf, "broker_url", "redis://127.0.0.1:1/0")
    assert not tasks.queue_answers()


def test_the_figures_are_those_of_the_books(scene: Scene):
    one, two, *_ = scene.fly(3)
    answers = [
        transitions.Marked(one.id, one.fence, "accepted", "taken", "250 Ok", counts=True, due_at=None),
        transitions.Marked(two.id, two.fence, "uncertain", "connection-lost", "", counts=True, due_at=timezone.now()),
    ]
    transitions.record(scene.send.pk, answers)
    Delivery.objects.filter(state="pending").update(due_at=timezone.now() - dt.timedelta(seconds=90))
    found = figures()
    assert found["pressrun_sends/sending"] == 1
    assert found["pressrun_sends/held"] == 0
    assert found["pressrun_open_deliveries/pending"] == 7
    assert found["pressrun_open_deliveries/uncertain"] == 1
    assert found["pressrun_closed_last_minute/accepted"] == 1
    assert found["pressrun_queue_reachable"] == 1
    assert found["pressrun_oldest_due_seconds"] > 80


def test_deferrals_name_large_domains_alone_and_only_so_many(scene: Scene):
    def defer(domain: str, n: int, first: int) -> None:
        Delivery.objects.bulk_create(
            Delivery(
                send_id=scene.send.pk, id=first + i, subscriber_id=first + i, email="", proof_hash=None,
                address_key=f"p{i}@{domain}", state="pending", reason="deferred", due_at=timezone.now(),
            )
            for i in range(n)
        )  # fmt: skip

    for number in range(25):
        defer(f"big{number:02}.example", 40 - number, 1000 * (number + 1))
    defer("kim-family.example", 3, 90_000)
    found = {name.partition("/")[2]: n for name, n in figures().items() if name.startswith("pressrun_deferred/")}
    assert len(found) == 21
    assert found["big00.example"] == 40
    assert "kim-family.example" not in found
    assert sum(found.values()) == sum(40 - n for n in range(25)) + 3


def test_what_came_back_is_counted_with_what_wants_a_persons_eyes_and_who_tells_of_complaints(scene, settings):
    settings.COMPLAINT_LOOPS = ("yahoo",)
    [one] = handed_over(scene)
    comes_back(a_bounce("552 5.2.2 mailbox full", "5.2.2"), one)
    take_in(a_bounce(), source="lmtp", envelope_to="x@y.example", envelope_from="", now=timezone.now())
    found = figures()
    assert found["pressrun_returned_last_day/bounce"] == 2
    assert found["pressrun_returned_last_day/complaint"] == 0
    assert found["pressrun_bounced_last_day/mailbox-full"] == 1
    assert found["pressrun_returned_to_look_at/unattributed"] == 1
    assert found["pressrun_returned_to_look_at/not-trusted"] == 0
    assert found["pressrun_complaints_heard_of/yahoo"] == 1
    assert found["pressrun_complaints_heard_of/gmail"] == 0


def test_no_address_is_in_any_figure(scene: Scene):
    Delivery.objects.update(reason="deferred")
    for path in ("/metrics", "/healthz", "/livez"):
        text = Client().get(path).content.decode()
        assert "@" not in text
        assert "p1" not in text


@pytest.mark.parametrize(
    "strange",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
    ],
)
def test_without_a_token_the_figures_are_for_this_machine_and_no_proxy_on_it(strange):
    assert Client().get("/metrics").status_code == 200
    assert Client().get("/metrics", **strange).status_code == 403


def test_with_a_token_they_are_for_whoever_knows_it_and_nobody_else(settings):
    settings.METRICS_TOKEN = TOKEN
    assert figures(HTTP_AUTHORIZATION=f"Bearer {TOKEN}", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="192.0.2.2")
    for wrong in ("", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer 가"):
        assert Client().get("/metrics", HTTP_AUTHORIZATION=wrong).status_code == 403


def test_returned_messages_are_deleted_when_their_time_is_over_and_once_a_day(monkeypatch):
    monkeypatch.setattr("pipeline.transitions.forgetting.AT_ONCE", 2)
    now = timezone.now()

    def returned(number: int, expires) -> None:
        Feedback.objects.create(
            source="smtp", sha256=b"%d" % number, raw=b"", kind="bounce", status="applied", expires_at=expires
        )

    for number in range(5):
        returned(number, now - dt.timedelta(seconds=1))
    returned(5, now + dt.timedelta(days=1))
    returned(6, None)
    assert transitions.forget_expired() == 5
    assert Feedback.objects.count() == 2
    returned(7, now - dt.timedelta(seconds=1))
    assert transitions.forget_expired() == 0
    assert gone() == 5
    Marker.objects.filter(name="forgotten").update(at=now - dt.timedelta(days=1, seconds=1))
    assert transitions.forget_expired() == 1
    assert gone() == 6
