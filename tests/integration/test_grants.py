"""Limits that all workers share: drawn from the books, spent in the process, neither forgotten nor doubled."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import datetime as dt
import itertools
from collections import Counter
from functools import partial

import pytest
from newsroom import a_send
from scene import Threads
from test_sending import Desk, copies, relay, url  # noqa: F401 (relay is a fixture)

from pipeline import queries, transitions
from pipeline.delivery.batch import Worker, run_batch
from pipeline.delivery.pacing.bucket import UNLIMITED, Bucket
from pipeline.delivery.sweep import sweep
from pipeline.models import Delivery, Send, Transport, TransportMeter
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [f"p{n}@example.com" for n in range(60)]
NOON = dt.datetime(2026, 11, 22, 12, 30, tzinfo=dt.UTC)


def a_transport(**fields: object) -> Transport:
    return Transport.objects.create(name="default", url="smtp://127.0.0.1:1", reserved=0, **fields)


def drawn(transport: Transport, *, at: dt.datetime, wanted: int = 10) -> int:
    return transitions.draw(transport.pk, wanted=wanted, at=at).grant.number


def test_workers_that_draw_at_once_never_get_more_than_the_limit():
    transport = a_transport(per_hour=500, per_day=1_000)
    granted: list[int] = []

    def work() -> None:
        granted.extend(drawn(transport, at=NOON, wanted=9) for _ in range(40))

    Threads(*[work] * 4).finish()
    assert sum(granted) == 500
    assert TransportMeter.objects.get().day_count == 500


def test_a_day_that_is_used_up_goes_on_the_next_day():
    transport = a_transport(per_day=15)
    assert [drawn(transport, at=NOON) for _ in range(3)] == [10, 5, 0]
    assert TransportMeter.objects.get().rests_until == dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    assert drawn(transport, at=NOON + dt.timedelta(hours=11)) == 0
    assert drawn(transport, at=NOON + dt.timedelta(hours=12)) == 10
    assert TransportMeter.objects.get().rests_until is None


def test_a_warm_up_is_the_limit_of_its_days():
    transport = a_transport(ramp=[3, 6], ramp_from=NOON.date())
    days = [NOON + dt.timedelta(days=n) for n in range(3)]
    assert [drawn(transport, at=day) for day in days] == [3, 6, 10]


def test_a_share_stays_for_our_own_mails():
    transport = Transport.objects.create(name="default", url="", per_day=100)
    assert [drawn(transport, at=NOON, wanted=100) for _ in range(2)] == [95, 0]
    rest = TransportMeter.objects.get().rests_until
    own = [transitions.draw_for_own_mail(transport.pk, at=NOON).grant.number for _ in range(6)]
    assert own == [1, 1, 1, 1, 1, 0]
    meter = TransportMeter.objects.get()
    assert (meter.day_count, meter.rests_until) == (100, rest)  # and for issues nothing has changed


def test_our_own_mails_count_against_the_limits_of_issues():
    transport = Transport.objects.create(name="default", url="", per_day=100)
    for _ in range(10):
        transitions.draw_for_own_mail(transport.pk, at=NOON)
    assert drawn(transport, at=NOON, wanted=100) == 85


def test_a_relay_without_limits_costs_one_question_a_second(django_assert_num_queries):
    transport = a_transport()
    time = itertools.count(start=1_000, step=0.001)
    grants = Bucket(partial(transitions.draw, transport.pk), clock=lambda: next(time))
    with django_assert_num_queries(1):
        for _ in range(300):
            assert grants.allowed() == UNLIMITED
            grants.spend(64)
    assert not TransportMeter.objects.exists()


def two_workers(*sends: Send) -> None:
    """Each works on a send until nothing is to be had."""

    def work(name: str, send: Send) -> None:
        worker = Worker(name=f"{name}:1:2", host=f"{name}:1:", siblings=2, stopping=lambda: False)
        while run_batch(send.pk, worker):
            pass

    Threads(*(partial(work, f"w{number}", send) for number, send in enumerate(sends))).finish()


def unfinished() -> list[int]:
    return sorted(set(Delivery.objects.filter(state="pending").values_list("send_id", flat=True)))


def test_two_workers_together_keep_the_rate(relay):
    server = relay()
    desk = Desk(*PEOPLE[:30], url=url(server, connections=4, more="&rate=30"))
    two_workers(desk.send, a_send(desk.issue, desk.list))
    assert copies(server) == Counter(PEOPLE[:30] * 2)
    times = sorted(entry["at"] for entry in server.ledger.entries)
    busiest = max(sum(1 for each in times if at <= each < at + 1) for at in times)
    assert busiest <= 30 * 1.1 + 2  # and 50 ms of making up for each worker
    assert times[-1] - times[0] < 60 / 30 + 2
    assert len({entry["connection"] for entry in server.ledger.entries}) >= 2


def test_two_workers_stop_at_the_days_limit_and_the_send_waits_for_tomorrow(relay):
    server = relay()
    desk = Desk(*PEOPLE[:30], url=url(server, connections=4))
    Transport.objects.update(per_day=40, reserved=0)
    other = a_send(desk.issue, desk.list)
    while ringing := sweep():
        two_workers(*Send.objects.filter(pk__in=ringing))
    assert len(server.ledger.entries) == 40
    waiting = [queries.next_work(send.pk) for send in (desk.send, other) if send.pk in unfinished()]
    assert waiting
    assert all("limit for this day" in what and until.hour == until.minute == 0 for what, until in waiting)
    execute("UPDATE pipeline_transportmeter SET rests_until = now(), day_at = day_at - interval '1 day'")
    assert sweep() == unfinished()
    two_workers(*Send.objects.filter(pk__in=unfinished()))
    assert copies(server) == Counter(PEOPLE[:30] * 2)
    desk.work()
    assert (desk.send.state, desk.in_order()) == ("finished", True)


def test_a_batch_that_ends_early_gives_back_what_it_did_not_use(relay):
    server = relay()
    desk = Desk(*PEOPLE[:7], url=url(server))
    Transport.objects.update(per_day=1_000)
    desk.work()
    meter = TransportMeter.objects.get()
    assert (meter.hour_count, meter.day_count) == (7, 7)


def test_a_worker_that_dies_takes_no_more_than_its_grant_and_nobody_gets_it_twice(relay):
    transport = a_transport(per_day=100)
    dead = Bucket(partial(transitions.draw, transport.pk))
    assert dead.allowed() == 100
    dead.spend(30)
    del dead  # never closed
    assert Bucket(partial(transitions.draw, transport.pk)).allowed() == 0


def test_a_limit_that_is_set_in_the_middle_of_a_send_holds_within_a_second():
    transport = a_transport()
    now = 1_000.0
    grants = Bucket(partial(transitions.draw, transport.pk), clock=lambda: now)
    assert grants.allowed() == UNLIMITED
    Transport.objects.update(per_day=5)
    now += 1.0
    assert grants.allowed() == 5
    grants.spend(5)
    assert (grants.allowed(), grants.over) == (0, True)
    assert Send.objects.count() == 0
