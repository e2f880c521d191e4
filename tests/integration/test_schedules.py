"""When a send starts and when it waits: its time, its window, its first wave, by the database's clock."""

import datetime as dt
import threading
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone
from newsroom import a_list, a_newsletter, an_issue
from relay import Behaviour, Ledger, RelayServer
from scene import HOUR, Threads
from test_sending import Desk, url

from pipeline import models, transitions
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Send, Transport
from pipeline.queries import clock, next_work, ringable_sends
from pipeline.queries.sql import execute, rows
from pipeline.sending import Plan, create_send
from pipeline.transitions import freezing
from pipeline.transitions.sends import WrongStateError

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def newsletter(db):
    Transport.objects.create(name="default", url="smtp://127.0.0.1:1")
    return a_newsletter()


def planned(newsletter, readers=None, **given) -> Send:
    readers = readers or a_list(newsletter)
    plan = {"lists": [readers.slug], "due_at": None, "approved_by": "ada"} | given
    issue = models.Issue.objects.filter(newsletter=newsletter).first() or an_issue(newsletter)
    return create_send([issue], Plan(**plan))


def state(send: Send) -> str:
    send.refresh_from_db()
    return send.state


def closed_now() -> str:
    """A window that opens in two hours, for an hour, in UTC."""
    opens = clock.now() + 2 * HOUR
    return f"{opens:%a} {opens:%H}:00-{(opens + HOUR):%H}:00".lower()


def set_back(send: Send, by: dt.timedelta) -> None:
    """As if so much more time had passed."""
    execute(
        "UPDATE pipeline_send SET due_at = due_at - %(by)s, waits_until = waits_until - %(by)s,"
        " undo_until = undo_until - %(by)s, wave_until = wave_until - %(by)s WHERE id = %(send)s",
        {"by": by, "send": send.pk},
    )
    execute("UPDATE pipeline_delivery SET due_at = due_at - %s WHERE send_id = %s", [by, send.pk])


# Now, and taken back


def test_at_once_is_now_by_the_clock_of_the_database(newsletter):
    send = planned(newsletter)
    assert send.due_at <= clock.now()
    assert send.undo_until is None
    sweep()
    assert state(send) == "finished", "nobody is on the list"


def test_what_is_sent_now_from_a_page_can_be_taken_back_for_three_minutes(newsletter):
    send = planned(newsletter, undo_for=3 * MINUTE)
    sweep()
    assert state(send) == "scheduled"
    assert 2.9 * MINUTE < send.due_at - clock.now() <= 3 * MINUTE
    transitions.undo_send(send.pk, actor="ada")
    set_back(send, 3 * MINUTE)
    sweep()
    assert state(send) == "cancelled"
    assert not Delivery.objects.exists()
    assert AuditEvent.objects.get(action="send.undone").actor == "ada"


def test_it_cannot_be_taken_back_when_the_time_is_over_or_it_was_scheduled(newsletter):
    late, scheduled = (
        planned(newsletter, undo_for=3 * MINUTE),
        planned(newsletter, a_list(newsletter, "more"), due_at=clock.now() + HOUR),
    )
    set_back(late, 4 * MINUTE)
    for send in (late, scheduled):
        with pytest.raises(WrongStateError, match="cannot be taken back any more"):
            transitions.undo_send(send.pk, actor="ada")
        assert state(send) == "scheduled"
    transitions.cancel_send(scheduled.pk, actor="ada", why="until it is due that is enough")
    sweep()
    assert (state(late), state(scheduled)) == ("finished", "cancelled")


# Late


def test_what_is_long_past_due_is_held_and_told(newsletter):
    send = planned(newsletter, due_at=clock.now() - 2 * HOUR - MINUTE)
    sweep()
    assert (state(send), send.state_code) == ("held", "late")
    assert AuditEvent.objects.get(subject=f"send:{send.pk}", action="send.held").detail["code"] == "late"
    transitions.resume_send(send.pk, actor="ada")
    sweep()
    assert state(send) == "finished"


@pytest.mark.django_db(transaction=True)
def test_many_sweeps_at_once_start_a_send_once():
    Transport.objects.create(name="default", url="smtp://127.0.0.1:1")
    newsletter = a_newsletter()
    send = planned(newsletter)
    ready = threading.Barrier(6)

    def sweeper() -> None:
        ready.wait()
        for _ in range(3):
            sweep()

    Threads(*[sweeper] * 6).finish()
    sweep()
    assert state(send) == "finished"
    assert Counter(AuditEvent.objects.filter(subject=f"send:{send.pk}").values_list("action", flat=True)) == {
        "send.approved": 1, "send.started": 1, "send.finished": 1,
    }  # fmt: skip


def test_no_clock_but_the_databases_moves_a_send(newsletter, monkeypatch):
    real = timezone.now
    for wrong in (HOUR, -HOUR, 30 * HOUR):
        monkeypatch.setattr(timezone, "now", lambda wrong=wrong: real() + wrong)
        due, waiting = (
            planned(newsletter, a_list(newsletter, f"a{wrong.days}{wrong.seconds}")),
            planned(newsletter, a_list(newsletter, f"b{wrong.days}{wrong.seconds}"), due_at=clock.now() + MINUTE),
        )
        sweep()
        assert (state(due), state(waiting)) == ("finished", "scheduled")


def test_a_step_of_this_machines_clock_moves_no_retry(monkeypatch):
    here = clock.Clock()
    before = here.now()
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert dt.timedelta(0) <= here.now() - before < MINUTE
    assert abs(here.now() - clock.now()) < MINUTE


# Windows


def test_a_send_waits_for_its_window_and_says_so(newsletter):
    window = closed_now()
    send = planned(newsletter, window=window)
    sweep()
    assert state(send) == "scheduled"
    assert send.waits_until > clock.now() + HOUR / 2
    assert next_work(send.pk) == (f"the hours in which it may go out ({window})", send.waits_until)
    Send.objects.update(window="mon-sun 00:00-24:00")
    sweep()
    assert state(send) == "finished"


def test_the_night_before_the_window_opens_is_not_late(newsletter):
    send = planned(newsletter, window=closed_now())
    execute("UPDATE pipeline_send SET due_at = due_at - interval '9 hours'")
    sweep()
    assert state(send) == "scheduled"
    set_back(send, 6 * HOUR)
    sweep()
    assert (state(send), send.state_code) == ("held", "late"), "it was open hours ago, and nobody worked"


def test_a_start_that_fails_when_the_window_opens_is_tried_again(newsletter, monkeypatch):
    send = planned(newsletter, window=closed_now())
    sweep()
    set_back(send, 9 * HOUR)
    Send.objects.update(window="mon-sun 00:00-24:00", waits_until=clock.now() - MINUTE)
    with monkeypatch.context() as hiccup:
        hiccup.setattr(transitions, "start_send", lambda _: 1 / 0)
        sweep()
        sweep()
    assert state(send) == "scheduled", "the two hours count from when its window opened"
    sweep()
    assert state(send) == "finished"


def test_a_window_binds_who_goes_on_as_well(scene):
    Send.objects.update(window=closed_now())
    assert ringable_sends() == [scene.send.pk]
    [flying, waiting] = scene.claim(2)
    assert scene.mark(flying) == {flying.id: "in_flight"}
    sweep()
    assert scene.mark(waiting) == {waiting.id: "pending"}, "it has closed meanwhile"
    assert ringable_sends() == []
    assert transitions.open_lease(scene.send.pk, owner="a", host="b", wanted=1, at_most=9, siblings=9) is None
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    Send.objects.update(waits_until=None)
    transitions.resume_send(scene.send.pk, actor="ada")
    assert ringable_sends() == [], "not even in the moment before the next sweep"
    sweep()
    assert ringable_sends() == []
    Send.objects.update(window="mon-sun 00:00-24:00")
    assert scene.send.pk in sweep()


# The first wave


def crowd(readers, number: int, domains: int = 3) -> None:
    """People whose domains have very different sizes: of twelve, eight, three and one are at a, b and c."""
    execute(
        "INSERT INTO subscribers_subscriber (email, address_key, domain, first_name, last_name,"
        "  language, fields, created_at)"
        " SELECT e, e, split_part(e, '@', 2), '', '', '', '{}', now() FROM (SELECT 'p' || n || '@' ||"
        "   CASE WHEN n %% 12 < 8 THEN 'a' WHEN n %% 12 < 11 THEN 'b' ELSE 'c' END || '.example' AS e"
        "   FROM generate_series(1, %s) AS n) AS x",
        [number],
    )
    execute(
        "INSERT INTO subscribers_subscription (subscriber_id, list_id, state, changed_at, changed_by)"
        " SELECT id, %s, 'subscribed', now(), 'a test' FROM subscribers_subscriber",
        [readers.pk],
    )
    execute("ANALYZE subscribers_subscriber, subscribers_subscription")  # as an import does


def wave_of(send: Send) -> list[str]:
    return [
        email
        for (email,) in rows(
            "SELECT email FROM pipeline_delivery WHERE send_id = %s AND state = 'pending' AND due_at <= now()"
            " ORDER BY id",
            [send.pk],
        )
    ]


@pytest.mark.parametrize(
    ("people", "given", "wave"),
    [
        (4_999, {}, 0),
        (5_000, {}, 200),
        (25_000, {}, 250),
        (5_000, {"urgent": True}, 0),
        (5_000, {"first_wave": False}, 0),
    ],
)
def test_of_many_some_go_first(newsletter, people, given, wave):
    readers = a_list(newsletter)
    crowd(readers, people)
    send = planned(newsletter, readers, **{"first_wave": True} | given)
    assert transitions.start_send(send.pk)
    send.refresh_from_db()
    assert (send.wave, send.audience) == (wave, people)
    assert len(wave_of(send)) == (wave or people)
    if wave:
        assert send.wave_until - send.started_at == freezing.WAVE_LASTS


def test_the_first_wave_is_drawn_across_domains_after_the_desks_own(newsletter):
    readers = a_list(newsletter)
    crowd(readers, 6_000)
    models.TestGroup.objects.create(name="desk", addresses="p12@a.example\nnobody@a.example\nP24@a.example")
    send = planned(newsletter, readers, first_wave=True)
    transitions.start_send(send.pk)
    wave = wave_of(send)
    assert set(wave[:2]) == {"p12@a.example", "p24@a.example"}
    share = Counter(email.partition("@")[2] for email in wave)
    assert share["a.example"] > share["b.example"] > share["c.example"] > 200 / 12, "the small ones are there"
    assert share["a.example"] < 2 * share["b.example"]


def test_the_others_follow_by_themselves(newsletter, monkeypatch):
    monkeypatch.setattr(freezing, "WAVE_FROM", 50)
    monkeypatch.setattr(freezing, "WAVE_AT_LEAST", 10)
    readers = a_list(newsletter)
    crowd(readers, 60)
    send = planned(newsletter, readers, first_wave=True)
    transitions.start_send(send.pk)
    assert len(wave_of(send)) == 10
    execute("UPDATE pipeline_delivery SET state = 'claimed', reason = 'working', attempts = 1 WHERE id <= 10")
    send.refresh_from_db()
    execute("UPDATE pipeline_delivery SET state = 'in_flight' WHERE id <= 10")
    execute(
        "UPDATE pipeline_delivery SET state = 'accepted', reason = 'taken', due_at = NULL, reply = '250' WHERE id <= 10"
    )
    assert next_work(send.pk) == ("what becomes of the first wave", send.wave_until)
    assert sweep() == []
    set_back(send, freezing.WAVE_LASTS)
    assert sweep() == [send.pk]
    assert len(wave_of(send)) == 50


def test_the_others_wait_on_while_the_wave_is_not_out(newsletter, monkeypatch):
    monkeypatch.setattr(freezing, "WAVE_FROM", 50)
    monkeypatch.setattr(freezing, "WAVE_AT_LEAST", 10)
    readers = a_list(newsletter)
    crowd(readers, 60)
    send = planned(newsletter, readers, first_wave=True)
    transitions.start_send(send.pk)
    set_back(send, freezing.WAVE_LASTS - dt.timedelta(seconds=10))
    assert transitions.push_waves() == [send.pk]
    assert len(wave_of(send)) == 10
    send.refresh_from_db()
    assert send.wave_until > clock.now() + freezing.WAVE_LASTS - MINUTE
    assert transitions.push_waves() == []


@pytest.mark.django_db(transaction=True)
def test_a_bad_first_wave_keeps_the_others_from_it(monkeypatch):
    monkeypatch.setattr(freezing, "WAVE_FROM", 50)
    monkeypatch.setattr(freezing, "WAVE_AT_LEAST", 30)
    with RelayServer(Behaviour(script={"rcpt": {"": ["550 5.7.1 Blocked: bad reputation"]}}), Ledger()) as server:
        desk = Desk(*(f"p{n}@example.com" for n in range(60)), url=url(server))
        transitions.cancel_send(desk.send.pk, actor="ada", why="another one")
        desk.send = planned(desk.newsletter, desk.list, first_wave=True)
        desk.work()
    assert (desk.send.state, desk.send.state_code) == ("paused", "our-fault")
    assert desk.send.wave == 30
    assert Delivery.objects.filter(send_id=desk.send.pk, id__gt=30, attempts__gt=0).count() == 0
    connection.close()
