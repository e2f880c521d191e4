"""The pages before and during a send: its time, its hours, the undo, the first wave, the brakes."""

import datetime as dt
import re
import threading

import pytest
from django.test import Client
from django.utils.html import escape
from newsroom import Newsroom, signed_in
from scene import Threads

from pipeline import sentences
from pipeline.delivery.schedule import Window
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Send
from pipeline.queries import clock
from pipeline.queries.sql import execute
from pipeline.staff.schedule import hours_in_words, length, window_of

pytestmark = pytest.mark.django_db


def review(newsroom: Newsroom, **fields: object) -> dict[str, object]:
    return {"issues": [newsroom.issue.pk], "lists": [newsroom.readers.pk], "at": "", "zone": "UTC"} | fields


def posted(bo: Client, newsroom: Newsroom, **fields: object) -> str:
    return bo.post(f"/admin/sending/{newsroom.issue.pk}/", review(newsroom, **fields)).content.decode()


def approved(bo: Client, newsroom: Newsroom, **fields: object) -> Send:
    posted(bo, newsroom, typed="4", **fields)
    return Send.objects.exclude(pk=newsroom.send.pk).get()


def page(bo: Client, send: Send) -> str:
    return re.sub(r"\s+", " ", bo.get(f"/admin/sends/{send.pk}/").content.decode())


def test_send_now_can_be_taken_back_and_leaves_nothing(newsroom, bo):
    assert "Until then you can take it back" in posted(bo, newsroom)
    send = approved(bo, newsroom)
    sweep()
    html = page(bo, send)
    assert re.search(r"It goes out in (3 min|2 min \d+ s)\. Nobody has been written to", html)
    assert 'role="timer"' in html
    assert '<meta http-equiv="refresh" content="5">' in html, "it counts down without scripts too"
    bo.post(f"/admin/sends/{send.pk}/do/undo/")
    execute("UPDATE pipeline_send SET due_at = due_at - interval '1 hour'")
    sweep()
    send.refresh_from_db()
    assert send.state == "cancelled"
    assert not Delivery.objects.filter(send_id=send.pk).exists()
    assert "took it back before it went out" in page(bo, send)
    assert "Take it back" not in page(bo, send)


def test_after_its_time_it_cannot_be_taken_back_and_the_page_says_so(newsroom, bo):
    send = approved(bo, newsroom)
    execute("UPDATE pipeline_send SET undo_until = now(), due_at = now() WHERE id = %s", [send.pk])
    assert "Take it back" not in page(bo, send)
    html = bo.post(f"/admin/sends/{send.pk}/do/undo/", follow=True).content.decode()
    assert "cannot be taken back any more" in html
    sweep()
    send.refresh_from_db()
    assert send.state == "sending"


def test_a_scheduled_send_has_no_undo_but_can_be_cancelled_until_it_is_due(newsroom, bo):
    send = approved(bo, newsroom, at=f"{clock.now() + dt.timedelta(days=1):%Y-%m-%dT%H:%M}")
    assert send.undo_until is None
    assert "Take it back" not in page(bo, send)
    bo.post(f"/admin/sends/{send.pk}/do/cancel/", {"why": "not tomorrow"})
    send.refresh_from_db()
    assert send.state == "cancelled"


@pytest.mark.parametrize(
    ("at", "says", "due", "wall"),
    [
        ("2030-03-31T02:30", "The clocks skip the time that you chose", "2030-03-31T01:00", "03:00"),
        ("2030-10-27T02:30", "The clocks show that time twice", "2030-10-27T00:30", "02:30"),
    ],
)
def test_when_the_clocks_change_the_page_says_what_it_makes_of_the_time(newsroom, bo, at, says, due, wall):
    html = posted(bo, newsroom, at=at, zone="Europe/Paris")
    assert says in html
    assert f'name="at" value="{at}"' in html
    send = approved(bo, newsroom, at=at, zone="Europe/Paris")
    assert send.due_at == dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    assert f"{send.wall_time:%H:%M}" == wall


def test_hours_are_chosen_shown_and_kept(newsroom, bo):
    given = {"days": ["mon", "tue"], "begin": "08:00", "end": "20:00", "zone": "Asia/Seoul"}
    html = posted(bo, newsroom, **given)
    assert "Only Mon, Tue 08:00–20:00 (Asia/Seoul)" in html
    for name, value in (("days", "mon"), ("days", "tue"), ("begin", "08:00"), ("end", "20:00")):
        assert f'name="{name}" value="{value}"' in html
    send = approved(bo, newsroom, **given)
    assert (send.window, send.zone) == ("mon 08:00-20:00, tue 08:00-20:00", "Asia/Seoul")
    assert "Mon, Tue 08:00–20:00 (Asia/Seoul)" in page(bo, send)


def test_a_send_that_waits_for_its_hours_says_until_when(newsroom, bo):
    tomorrow = clock.now() + dt.timedelta(days=1)
    Send.objects.filter(pk=newsroom.send.pk).update(window=f"{tomorrow:%a} 08:00-20:00".lower())
    sweep()
    assert f"until {tomorrow:%Y-%m-%d} 08:00 UTC" in page(bo, newsroom.send)


def test_the_first_wave_is_announced_and_followed(newsroom, bo, monkeypatch):
    assert "First wave" not in posted(bo, newsroom)
    monkeypatch.setattr("pipeline.staff.schedule.WAVE_FROM", 4)
    assert "200 people of all mail providers get it first" in posted(bo, newsroom)
    assert "First wave" not in posted(bo, newsroom, urgent="on")
    Send.objects.filter(pk=newsroom.send.pk).update(wave=2, wave_until=clock.now() + dt.timedelta(minutes=9))
    html = page(bo, newsroom.send)
    assert re.search(r"First wave: [01] of 2 people are through\. The others follow by themselves at \d\d:\d\d", html)


def test_what_stopped_a_send_is_said_in_words_also_in_korean(newsroom, bo):
    why = sentences.OUR_FAULT_UNSAID % {"answers": 20}
    Send.objects.filter(pk=newsroom.send.pk).update(state="paused", state_code="our-fault", state_reason=why)
    html = page(bo, newsroom.send)
    assert "mail servers say that the sender is the problem" in html
    assert f'<span lang="en">{escape(why)}</span>' in html
    bo.cookies["django_language"] = "ko"
    html = bo.get(f"/admin/sends/{newsroom.send.pk}/", headers={"accept-language": "ko"}).content.decode()
    assert "메일 서버의 응답 20건이 문제는 독자가 아니라 발신자 쪽에 있다고 합니다." in html
    assert escape(why) not in html


def test_after_a_backup_a_tick_is_needed_to_go_on(newsroom, bo):
    pk = newsroom.send.pk
    Send.objects.filter(pk=pk).update(state="held", state_code="restored", state_reason="It came back.")
    assert 'name="restored"' in page(bo, newsroom.send)
    assert "--restored" in bo.post(f"/admin/sends/{pk}/do/resume/", follow=True).content.decode()
    bo.post(f"/admin/sends/{pk}/do/resume/", {"restored": "on"})
    newsroom.send.refresh_from_db()
    assert newsroom.send.state == "sending"
    assert AuditEvent.objects.filter(subject=f"send:{pk}").latest("id").detail["after"] == "restored"


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_make_one_send():
    newsroom, clients = Newsroom(), []
    bo = signed_in("bo", superuser=True)
    for _ in range(8):
        clients.append(Client())
        clients[-1].cookies = bo.cookies.copy()
    ready, places = threading.Barrier(len(clients)), []

    def click(client: Client) -> None:
        ready.wait()
        response = client.post(f"/admin/sending/{newsroom.issue.pk}/", review(newsroom, typed="4"))
        places.append(response["Location"])

    Threads(*[lambda client=client: click(client) for client in clients]).finish()
    made = Send.objects.exclude(pk=newsroom.send.pk).get()
    assert set(places) == {f"/admin/sends/{made.pk}/"}
    bo.post(f"/admin/sends/{made.pk}/do/undo/")
    bo.post(f"/admin/sending/{newsroom.issue.pk}/", review(newsroom, typed="4"))
    assert Send.objects.count() == 3, "taken back, it may be sent anew"


def test_words_for_lengths_and_hours():
    assert [length(dt.timedelta(seconds=each)) for each in (180, 61, 60, 59.2, 0.1)] == [
        "3 min", "1 min 1 s", "1 min", "1 min", "1 s",
    ]  # fmt: skip
    assert window_of([], None, None) == Window.parse("")
    assert window_of(["sat"], dt.time(9), None).text == "sat 09:00-24:00"
    assert window_of([], None, dt.time(12)).text.startswith("mon 00:00-12:00, tue")
    assert hours_in_words(Window.parse("mon-fri 08:00-20:00, sat 08:00-20:00, sun 10:00-11:00")) == (
        "Mon–Fri, Sat 08:00–20:00; Sun 10:00–11:00"
    )
