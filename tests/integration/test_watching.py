"""How a send gets on: rate, forecast, what it waits for; on the command line and on its page."""

import datetime as dt
import json

import pytest
from django.utils import timezone, translation
from newsroom import signed_in
from scene import Scene, accepted

from pipeline import transitions
from pipeline.commands import status
from pipeline.models import Delivery, Send, Transport
from pipeline.queries import Count, pace_of
from pipeline.staff.books import books_of

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


def sending(**fields: object) -> Send:
    return Send(**({"state": "sending", "started_at": NOW - dt.timedelta(hours=1)} | fields))


def test_the_pace_is_that_of_the_last_minute_and_foretells_the_end():
    counted = [
        Count("accepted", "taken", 5000, 540),
        Count("rejected", "policy", 100, 60),
        Count("pending", "new", 6000),
    ]
    pace = pace_of(sending(), counted, NOW)
    assert (pace.per_second, pace.to_go) == (10, 6000)
    assert pace.ends_at == NOW + dt.timedelta(minutes=10)


def test_what_waits_goes_on_only_after_that():
    counted = [Count("accepted", "taken", 600, 600), Count("pending", "new", 600)]
    until = NOW + dt.timedelta(hours=1)
    assert pace_of(sending(), counted, NOW, until=until).ends_at == until + dt.timedelta(minutes=1)


def test_soon_after_the_start_it_is_that_since_the_start():
    counted = [Count("accepted", "taken", 100, 100), Count("pending", "new", 50)]
    pace = pace_of(sending(started_at=NOW - dt.timedelta(seconds=10)), counted, NOW)
    assert (pace.per_second, pace.ends_at) == (10, NOW + dt.timedelta(seconds=5))
    assert pace_of(sending(started_at=NOW), counted, NOW).per_second == 100


@pytest.mark.parametrize("state", ["scheduled", "paused", "finished", "cancelled"])
def test_what_does_not_go_has_no_pace_and_no_end_in_sight(state):
    pace = pace_of(sending(state=state), [Count("accepted", "taken", 9, 9), Count("pending", "new", 1)], NOW)
    assert (pace.per_second, pace.ends_at) == (0, None)


def test_what_stands_still_or_is_done_has_no_end_in_sight():
    assert pace_of(sending(), [Count("accepted", "taken", 9, 0), Count("pending", "new", 1)], NOW).ends_at is None
    assert pace_of(sending(), [Count("accepted", "taken", 9, 9)], NOW).ends_at is None


def test_people_who_were_left_out_at_the_start_are_no_pace():
    assert pace_of(sending(), [Count("skipped", "unsubscribed", 900, 900)], NOW).per_second == 0


def test_the_status_tells_it_to_programs(scene: Scene, pressrun):
    transitions.record(scene.send.pk, [accepted(one) for one in scene.fly(6)])
    Transport.objects.update(backoff_until=timezone.now() + dt.timedelta(hours=1), backoff_reason="it is away")
    told = json.loads(pressrun("status", str(scene.send.pk), "--json")[0])
    assert told["rate"] > 0
    assert told["ends_at"] > told["until"][:19]  # no end in sight before it goes on
    assert told["waiting_for"] == "the relay: it is away"
    assert "waiting for the relay: it is away, until" in pressrun("status", str(scene.send.pk))[0]


def test_watching_says_one_line_per_change_and_ends_with_the_send(scene: Scene, pressrun, monkeypatch):
    changes = iter(
        [
            lambda: transitions.record(scene.send.pk, [accepted(one) for one in scene.fly(4)]),
            lambda: None,
            lambda: transitions.pause_send(scene.send.pk, actor="ada", why="a misprint"),
            lambda: transitions.resume_send(scene.send.pk, actor="ada"),
            lambda: transitions.record(scene.send.pk, [accepted(one) for one in scene.fly(6)]),
            transitions.finish_sends,
        ]
    )
    monkeypatch.setattr(status.time, "sleep", lambda _: next(changes)())
    out, _ = pressrun("status", str(scene.send.pk), "--watch")
    assert out.splitlines() == [
        "sending: 10 waiting",
        "sending: 4 handed over, 6 waiting",
        "paused: 4 handed over, 6 waiting; a misprint",
        "sending: 4 handed over, 6 waiting",
        "sending: 10 handed over",
        "finished: 10 handed over",
    ]


def test_watching_for_a_program_says_one_document_at_the_end(scene: Scene, pressrun, monkeypatch):
    ends = iter([lambda: transitions.cancel_send(scene.send.pk, actor="ada", why="enough")])
    monkeypatch.setattr(status.time, "sleep", lambda _: next(ends)())
    told = json.loads(pressrun("status", str(scene.send.pk), "--watch", "--json")[0])
    assert (told["state"], told["counts"]) == ("cancelled", {"cancelled": 10})


def test_the_page_tells_it_too(scene: Scene):
    bo = signed_in("bo", superuser=True)
    transitions.record(scene.send.pk, [accepted(one) for one in scene.fly(6)])
    Transport.objects.update(backoff_until=timezone.now() + dt.timedelta(hours=1), backoff_reason="it is away")
    html = bo.get(f"/admin/sends/{scene.send.pk}/books/").content.decode()
    for words in ("per second", "Through at about", "Waiting for", "the relay: it is away"):
        assert words in html
    with translation.override("ko"):
        assert str(books_of(scene.send).waiting.words) == "릴레이: it is away"
    Transport.objects.update(backoff_until=None)
    Delivery.objects.filter(state="pending").update(due_at=timezone.now() + dt.timedelta(hours=1))
    with translation.override("ko"):
        assert str(books_of(scene.send).waiting.words) == "다음 시도"
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    scene.send.refresh_from_db()
    assert books_of(scene.send).waiting is None
