"""What the staff pages do."""

import csv
import datetime as dt
import io
import re

import pytest
from django.test import Client
from django.utils import timezone
from newsroom import PASSWORD, Newsroom, a_reader, a_user

from pipeline.models import AuditEvent, Delivery, Send
from pipeline.queries.books import counts
from pipeline.staff.roles import remember_one_time_password
from subscribers.models import Suppression
from subscribers.queries import is_suppressed

pytestmark = pytest.mark.django_db


# The first sign-in


def test_a_one_time_password_must_be_changed_before_anything_else(newsroom):
    user = a_user("bo", superuser=True)
    remember_one_time_password(user)
    client = Client()
    signed = client.post("/admin/login/", {"username": "bo", "password": PASSWORD})
    assert signed.status_code == 302
    for route in ("/admin/", "/admin/sends/", f"/admin/sends/{newsroom.send.pk}/ledger.csv"):
        assert client.get(route)["Location"] == "/admin/account/"
    assert client.get("/admin/account/").status_code == 200
    user.set_password("another-good-password")
    user.save()
    client.force_login(user)
    assert client.get("/admin/").status_code == 200


# The books


def test_the_books_add_up_and_speak_plainly(newsroom, bo):
    html = bo.get(f"/admin/sends/{newsroom.send.pk}/").content.decode()
    shown = [int(number) for number in re.findall(r'<td class="books-n">(\d+)</td>', html)]
    assert sum(shown) == newsroom.send.audience == sum(count.n for count in counts(newsroom.send.pk)) == 5
    assert "not tried yet" in html
    assert "the address gets nothing" in html
    assert "do not add up" not in html


def test_the_page_looks_again_by_itself_with_scripts_and_without(newsroom, bo):
    html = bo.get(f"/admin/sends/{newsroom.send.pk}/").content.decode()
    assert f'hx-get="/admin/sends/{newsroom.send.pk}/books/"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    bo.post(f"/admin/sends/{newsroom.send.pk}/do/cancel/", {"why": "enough"})
    assert "hx-get" not in bo.get(f"/admin/sends/{newsroom.send.pk}/books/").content.decode()


def test_pause_go_on_and_cancel_are_named_acts(newsroom, bo):
    send = newsroom.send
    for act, state in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
        response = bo.post(f"/admin/sends/{send.pk}/do/{act}/", {"why": "because"}, follow=True)
        send.refresh_from_db()
        assert (response.status_code, send.state) == (200, state)
    story = AuditEvent.objects.filter(subject=f"send:{send.pk}", actor="bo").order_by("pk")
    assert list(story.values_list("action", flat=True)) == ["send.paused", "send.resumed", "send.cancelled"]
    assert "because" in bo.get(f"/admin/sends/{send.pk}/").content.decode()


def test_what_is_not_possible_is_said_and_changes_nothing(newsroom, bo):
    response = bo.post(f"/admin/sends/{newsroom.send.pk}/do/resume/", follow=True)
    assert "cannot be resumed" in response.content.decode()
    response = bo.post(f"/admin/sends/{newsroom.send.pk}/do/cancel/", {"why": " "}, follow=True)
    assert "Say why" in response.content.decode()
    bo.post(f"/admin/sends/{newsroom.send.pk}/do/start_send/")
    newsroom.send.refresh_from_db()
    assert newsroom.send.state == "sending"


def table(response) -> list[str]:
    return re.findall(r"<tr><td>([^<]+@[^<]+)</td>", response.content.decode())


def test_everyone_one_by_one_narrowed_and_searched(newsroom, bo):
    url = f"/admin/sends/{newsroom.send.pk}/deliveries/"
    assert len(table(bo.get(url))) == 5
    assert table(bo.get(url, {"state": "skipped"})) == ["reader4@example.com"]
    assert table(bo.get(url, {"reason": "suppressed"})) == ["reader4@example.com"]
    assert table(bo.get(url, {"email": " READER2@Example.com "})) == ["reader2@example.com"]
    assert table(bo.get(url, {"email": "ader3"})) == ["reader3@example.com"]
    for nonsense in ({"email": "' OR 1=1 --\0"}, {"email": "%"}, {"after": "9" * 30}, {"state": "x", "after": "-1"}):
        assert bo.get(url, nonsense).status_code == 200


def test_pages_of_everyone_hold_each_person_once(newsroom, bo, monkeypatch):
    monkeypatch.setattr("pipeline.staff.deliveries.PAGE", 2)
    url, seen = f"/admin/sends/{newsroom.send.pk}/deliveries/", []
    following = ""
    while following is not None:
        response = bo.get(url + following)
        seen += table(response)
        found = re.search(r'rel="next" href="([^"]+)"', response.content.decode())
        following = found[1].replace("&amp;", "&") if found else None
    assert sorted(seen) == sorted(person.email for person in newsroom.people)


def test_the_ledger_has_everyone_and_its_taking_is_noted(newsroom, bo):
    Delivery.objects.filter(send_id=newsroom.send.pk).update(reply="=1+1")
    response = bo.get(f"/admin/sends/{newsroom.send.pk}/ledger.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert set(rows[0]) == {"email", "state", "reason", "attempts", "retried", "message_id", "reply", "updated_at"}
    assert {row["email"] for row in rows} == {person.email for person in newsroom.people}
    assert {row["retried"] for row in rows} == {"false"}
    assert {row["reply"] for row in rows} == {"'=1+1"}
    assert sum(row["message_id"].endswith("@city.example>") for row in rows) == 4  # one was left out
    assert AuditEvent.objects.filter(action="send.exported", actor="bo").count() == 1


# People


def test_a_persons_page_tells_the_story(newsroom, bo):
    html = bo.get(f"/admin/subscribers/{newsroom.people[4].pk}/").content.decode()
    assert "yes please" in html  # the words of the consent
    assert "the address does not exist" in html
    assert "left out" in html
    assert "everything" in html


def test_people_are_found_by_address_and_name(newsroom, bo):
    found = bo.get("/admin/subscribers/", {"q": "READER2"}).content.decode()
    assert "reader2@example.com" in found
    assert "reader3@example.com" not in found


def test_a_suppression_is_lifted_by_a_named_person_with_a_reason(newsroom, bo):
    held = Suppression.objects.get()
    refused = bo.post(f"/admin/suppressions/{held.pk}/lift/", {"why": "  "})
    assert refused.status_code == 400
    assert is_suppressed("reader4@example.com")
    bo.post(f"/admin/suppressions/{held.pk}/lift/", {"why": "wrote to us on Monday"})
    assert not is_suppressed("reader4@example.com")
    lift = Suppression.objects.get(lifts=held)
    assert (lift.by, lift.note) == ("bo", "wrote to us on Monday")
    assert "wrote to us on Monday" in bo.get(f"/admin/suppressions/{held.pk}/").content.decode()


def test_hostile_names_are_shown_as_text(newsroom, bo):
    evil = a_reader("evil@example.com", newsroom.readers, first_name="<script>alert(1)</script>")
    for route in ("/admin/subscribers/", f"/admin/subscribers/{evil.pk}/"):
        html = bo.get(route).content.decode()
        assert "&lt;script&gt;alert(1)" in html
        assert "<script>alert(1)" not in html


# From an issue to a send


def review(newsroom: Newsroom, **fields: object) -> dict[str, object]:
    return {"issues": [newsroom.issue.pk], "lists": [newsroom.readers.pk], "at": "", "zone": "UTC"} | fields


def test_the_number_is_shown_with_its_exclusions_and_must_be_typed(newsroom, bo):
    url = f"/admin/sending/{newsroom.issue.pk}/"
    assert "Readers" in bo.get(url).content.decode()
    html = bo.post(url, review(newsroom)).content.decode()
    assert '<span class="count">4</span>' in html
    assert re.search(r'<td>the address gets nothing</td>\s*<td class="books-n">1</td>', html)
    for wrong in ("", "5", "four"):
        html = bo.post(url, review(newsroom, typed=wrong)).content.decode()
        assert "That is not the number" in html
    assert Send.objects.count() == 1
    response = bo.post(url, review(newsroom, typed=" 4 "))
    made = Send.objects.exclude(pk=newsroom.send.pk).get()
    assert response["Location"] == f"/admin/sends/{made.pk}/"
    assert (made.state, made.approved_by, made.owner.username) == ("scheduled", "bo", "bo")
    assert [each.slug for each in made.lists.all()] == ["readers"]


def test_the_time_is_that_of_the_zone_that_was_chosen(newsroom, bo):
    url = f"/admin/sending/{newsroom.issue.pk}/"
    year = timezone.now().year + 1
    fields = review(newsroom, at=f"{year}-06-01T09:30", zone="Asia/Seoul", typed="4")
    bo.post(url, fields)
    made = Send.objects.exclude(pk=newsroom.send.pk).get()
    assert made.due_at == dt.datetime(year, 6, 1, 0, 30, tzinfo=dt.UTC)
    assert (made.zone, made.wall_time.strftime("%H:%M")) == ("Asia/Seoul", "09:30")


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        ("2020-01-01T09:30", "UTC", "That is over"),
        ("2030-03-31T02:30", "Mars/Olympus", "valid choice"),
        ("tomorrow", "UTC", "valid date"),
    ],
)
def test_times_that_cannot_be(newsroom, bo, at, zone, words):
    html = bo.post(
        f"/admin/sending/{newsroom.issue.pk}/", review(newsroom, at=at, zone=zone, typed="4")
    ).content.decode()
    assert words in html
    assert Send.objects.count() == 1


def test_an_issue_that_must_be_mended_is_not_sent_and_the_page_says_why(newsroom, bo):
    newsroom.newsletter.postal_address = ""
    newsroom.newsletter.save()
    html = bo.post(f"/admin/sending/{newsroom.issue.pk}/", review(newsroom, typed="4")).content.decode()
    assert "no postal address" in html
    assert Send.objects.count() == 1
