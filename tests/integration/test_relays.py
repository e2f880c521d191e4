"""Relays as people change them: by command, within their bounds, on record, and never with a password shown."""

import datetime as dt
import json

import pytest
from newsroom import a_list, a_newsletter, a_reader, an_issue, signed_in
from test_sending import Desk

from pipeline import relays, transitions
from pipeline.models import AuditEvent, Delivery, Destination, Transport
from pipeline.queries.sql import execute
from pipeline.relays import first_relay
from pipeline.sending import forecast_of
from pipeline.staff.relays import plan_words
from subscribers.models import Subscription

pytestmark = pytest.mark.django_db
SECRET = "smtp://user:hunter2@mx.example.org:587"


@pytest.fixture
def listed(pressrun):
    """What `transport list` says of each relay."""
    return lambda: {each["name"]: each for each in json.loads(pressrun("transport", "list", "--json")[0])}


def test_a_relay_is_made_and_changed_and_its_address_is_never_shown(pressrun, listed):
    pressrun("transport", "set", "main", "--create", "--url", SECRET, "--rate", "5", "--ramp", "50,100", "--ramp-from",
             "2026-11-22", "--sees-recipient-replies", "no", "--egress-ip", "192.0.2.7",
             "--destination", "hanmail.net=2")  # fmt: skip
    main = listed()["main"]
    assert (main["state"], main["place"], main["rate"], main["ramp"]) == ("works", "mx.example.org:587", 5, [50, 100])
    assert (main["sees_recipient_replies"], main["egress_ips"]) == (False, ["192.0.2.7"])
    assert main["destinations"]["daum"]["rate"] == 2
    pressrun("transport", "set", "main", "--rate", "none", "--per-day", "70", "--sees-recipient-replies", "unknown",
             "--destination", "daum=none")  # fmt: skip
    main = listed()["main"]
    assert (main["rate"], main["per_day"], main["sees_recipient_replies"]) == (None, 70, None)
    assert main["destinations"] == {}
    said = "".join(pressrun("transport", "list")) + json.dumps(
        list(AuditEvent.objects.values_list("detail", flat=True))
    )
    assert "hunter2" not in said
    assert AuditEvent.objects.filter(action="transport.set", actor__startswith="command line").count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ("--per-day", "0"),
        ("--connections", "1000"),
        ("--egress-ip", "here"),
        ("--url", "http://example.org"),
        ("--destination", "nowhere=1"),
        ("--rate", "-1"),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_said(pressrun, wrong):
    pressrun("transport", "set", "main", "--create", "--url", SECRET)
    said = pressrun("transport", "set", "main", *wrong, "--reserved", "7", status=1)[1]
    assert "Nothing was changed" in said
    assert "hunter2" not in said
    assert Transport.objects.get(name="main").reserved == 5


@pytest.mark.parametrize("words", [("--ramp", "a,b"), ("--keeps-return-path", "maybe"), ("--ramp-from", "soon")])
def test_what_cannot_be_read_is_wrong_usage(pressrun, words):
    pressrun("transport", "set", "main", *words, status=2)


def test_a_newsletter_gets_its_relays_in_order(pressrun):
    newsletter = a_newsletter()
    for name in ("one", "two"):
        pressrun("transport", "set", name, "--create", "--url", SECRET)
    pressrun("transport", "order", "city", "two", "one")
    assert [route.transport.name for route in newsletter.routes.all()] == ["two", "one"]
    assert first_relay(newsletter).name == "two"
    pressrun("transport", "order", "city", "three", status=1)
    assert newsletter.routes.count() == 2
    pressrun("transport", "order", "city")
    assert first_relay(newsletter).name == "default"


def test_a_limit_that_is_raised_ends_the_rest_of_today(pressrun):
    relay = Transport.objects.create(name="main", url=SECRET, per_day=5, reserved=0)
    at = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    assert [transitions.draw(relay.pk, wanted=9, at=at).grant.number for _ in range(2)] == [5, 0]
    pressrun("transport", "set", "main", "--per-day", "8")
    relay.meter.refresh_from_db()
    assert relay.meter.rests_until is None
    assert transitions.draw(relay.pk, wanted=9, at=at).grant.number == 3


def test_how_a_relay_does_is_told(listed):
    relay = Transport.objects.create(name="main", url=SECRET)
    transitions.back_off(relay.pk, why="It is away.")
    transitions.learn(relay.pk, "daum", trouble="421 Slow down")
    main = listed()["main"]
    assert (main["state"], main["why"]) == ("left alone", "It is away.")
    assert main["destinations"]["daum"]["why"] == "421 Slow down"
    execute("UPDATE pipeline_transport SET backoff_until = now()")
    assert listed()["main"]["state"] == "being tried"
    assert Destination.objects.count() == 1


def test_a_plan_counts_what_waits_before_it():
    newsletter = a_newsletter()
    readers = a_list(newsletter)
    a_reader("kim@example.com", readers)
    issue = an_issue(newsletter)
    first_relay(newsletter)
    Transport.objects.update(url=SECRET, per_day=10, reserved=0)
    starts = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
    assert [number for _, number in forecast_of([issue], 25, starts=starts).days] == [10, 10, 5]
    assert relays.plan_through(first_relay(newsletter), 25, starts=starts).finishes.day == 24


def test_a_relay_that_is_warmed_up_meets_those_first_who_came_last():
    desk = Desk("old@example.com", "new@example.com", "middle@example.com", url=SECRET)
    Transport.objects.update(ramp=[10], ramp_from=dt.date(2026, 11, 22))
    for days, email in enumerate(("new@example.com", "middle@example.com", "old@example.com")):
        Subscription.objects.filter(subscriber__email=email).update(
            changed_at=dt.datetime(2026, 11, 20, tzinfo=dt.UTC) - dt.timedelta(days=days)
        )
    execute("DELETE FROM pipeline_delivery")
    execute("UPDATE pipeline_send SET state = 'scheduled'")
    transitions.start_send(desk.send.pk)
    order = Delivery.objects.order_by("id").values_list("email", flat=True)
    assert list(order) == ["new@example.com", "middle@example.com", "old@example.com"]


def test_the_page_shows_how_a_relay_does_and_changes_it_without_its_address():
    bo = signed_in("bo", superuser=True)
    relay = Transport.objects.create(name="main", url=SECRET)
    transitions.back_off(relay.pk, why="The certificate has expired.", needs_person=True)
    transitions.learn(relay.pk, "daum", trouble="421 Slow down")
    assert "The certificate has expired." in bo.get("/admin/relays/").content.decode()
    page = bo.get(f"/admin/relays/{relay.pk}/").content.decode()
    assert "421 Slow down" in page
    assert "hunter2" not in page
    form = {"reserved": "5", "per_day": "300", "ramp": "50,100", "ramp_from": "2026-11-23", "egress_ips": "192.0.2.7",
            "sees_recipient_replies": "False", "keeps_return_path": "", "url": ""}  # fmt: skip
    assert bo.post(f"/admin/relays/{relay.pk}/", form).status_code == 302
    relay.refresh_from_db()
    assert (relay.per_day, relay.ramp, relay.sees_recipient_replies, relay.url) == (300, [50, 100], False, SECRET)
    assert relay.egress_ips == ["192.0.2.7"]
    assert AuditEvent.objects.get(action="transport.set").actor == "bo"
    refused = bo.post(f"/admin/relays/{relay.pk}/", form | {"url": "ftp://user:hunter3@x", "per_day": "0"})
    assert refused.status_code == 400
    assert "hunter3" not in refused.content.decode()
    assert signed_in("ada", group="Editors").get("/admin/relays/").status_code in {302, 403}


def test_the_last_page_before_a_send_says_when_it_will_be_through():
    newsletter = a_newsletter()
    readers = a_list(newsletter)
    for number in range(3):
        a_reader(f"p{number}@example.com", readers)
    issue = an_issue(newsletter)
    first_relay(newsletter)
    Transport.objects.update(url="smtp://127.0.0.1:1", per_day=2, reserved=0)
    words = dict(plan_words([issue], 3, None))
    assert "on 2 days in all" in words["Through the relay"]
    Transport.objects.update(per_day=None)
    assert not dict(plan_words([issue], 3, None))
