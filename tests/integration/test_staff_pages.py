"""The staff pages: who may go where, and what the pages do."""

import csv
import datetime as dt
import io
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from newsroom import PASSWORD, a_list, a_newsletter, a_reader, a_send, a_user, an_issue

from pipeline.models import AuditEvent, Delivery, Issue, Newsletter, Send, Transport
from pipeline.queries.books import counts
from pipeline.staff.roles import remember_one_time_password
from subscribers import transitions as people
from subscribers.models import List, Subscriber, Suppression
from subscribers.queries import is_suppressed

pytestmark = pytest.mark.django_db


class Newsroom:
    def __init__(self) -> None:
        self.newsletter = a_newsletter()
        self.readers = a_list(self.newsletter)
        self.people = [a_reader(f"reader{n}@example.com", self.readers, first_name=f"R{n}") for n in range(5)]
        people.suppress("reader4@example.com", reason="dead-address", source="test", by="test")
        self.issue = an_issue(self.newsletter)
        self.send = a_send(self.issue, self.readers)


@pytest.fixture
def newsroom() -> Newsroom:
    return Newsroom()


def signed_in(name: str, *rights: str, group: str = "", superuser: bool = False) -> Client:
    client = Client()
    client.force_login(a_user(name, *rights, group=group, superuser=superuser))
    return client


@pytest.fixture
def ada() -> Client:
    """Edits."""
    return signed_in("ada", group="Editors")


@pytest.fixture
def bo() -> Client:
    """Administers."""
    return signed_in("bo", superuser=True)


# Who may go where


def routes(patterns=None, prefix: str = "/") -> list[str]:
    """Every address of the site, with 1 for each value in it."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + re.sub(r"<(\w+:)?\w+>|\(\?P<\w+>(\[[^\]]*\]|[^)])*\)|\(.*?\)", "1", str(pattern.pattern))
        path = path.replace("^", "").replace("$", "").replace("\\", "").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            found.append(path)
    return found


STAFF = sorted({route for route in routes() if route.startswith("/admin/")})
OURS = re.compile(r"/admin/(newsletters|sends|sending|subscribers|lists|suppressions|inbox|snippets/pipeline/issue)/")
OURS_AT_THE_TOP = {
    "newsletters", "sends", "sending", "subscribers", "lists", "suppressions", "inbox", "snippets", "style.css",
}  # fmt: skip
WAGTAILS = {
    "", ".*", "account", "api", "block-preview", "bulk", "choose-anchor-link", "choose-email-link",
    "choose-external-link", "choose-page", "choose-phone-link", "collections", "dismissibles", "documents",
    "editing-sessions", "failwhale", "groups", "images", "jsi18n", "login", "logout", "pages", "password_reset",
    "reports", "sprite", "tag-autocomplete", "test404", "users", "workflows",
}  # fmt: skip
NO_SIGN_IN = re.compile(r"/admin/(login/|jsi18n/|password_reset/.*|style\.css|sprite.*)")
EDITORS_MAY = re.compile(
    r"/admin/(newsletters/(results/|inspect/1/|history/1/|history-results/1/|usage/1/)?"
    r"|sends/(results/|1/|1/books/)?"
    r"|lists/(results/|inspect/1/|history/1/|history-results/1/|usage/1/)?"
    r"|snippets/pipeline/issue/.*)"
)
DENIED = {302, 403, 404, 405}


def real(route: str, newsroom: Newsroom) -> str:
    """The route with the id of a row that exists, so that only the right that is missing can deny it."""
    ids = {
        "newsletters": newsroom.newsletter.pk,
        "sends": newsroom.send.pk,
        "sending": newsroom.issue.pk,
        "snippets": newsroom.issue.pk,
        "subscribers": newsroom.people[0].pk,
        "lists": newsroom.readers.pk,
        "suppressions": Suppression.objects.get().pk,
    }
    return route.replace("/1/", f"/{ids.get(route.split('/')[2], 1)}/", 1)


def test_the_routes_are_all_found():
    for expected in ("/admin/sends/1/ledger.csv", "/admin/sending/1/", "/admin/suppressions/1/lift/", "/admin/login/"):
        assert expected in STAFF
    assert len(STAFF) > 150


def test_a_new_part_of_the_pages_is_named_here_before_it_ships():
    assert {route.split("/")[2] for route in STAFF} - OURS_AT_THE_TOP - WAGTAILS == set()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_reaches_nothing(newsroom, method):
    reached = {}
    for route in STAFF:
        response = getattr(Client(), method)(route)
        if NO_SIGN_IN.fullmatch(route):
            continue
        if response.status_code != 302 or not response["Location"].startswith("/admin/login/"):
            reached[route] = response.status_code
    assert reached == {}


def test_an_editor_reaches_what_editors_need_and_nothing_more(newsroom, ada):
    reached = {}
    for route in filter(OURS.match, STAFF):
        response = ada.get(real(route, newsroom))
        denied = response.status_code in DENIED
        if EDITORS_MAY.fullmatch(route):
            continue
        if not denied or (response.status_code == 302 and response["Location"] != "/admin/"):
            reached[route] = response.status_code
    assert reached == {}
    for route in ("/admin/sends/", "/admin/sends/1/", "/admin/sends/1/books/", "/admin/lists/"):
        assert ada.get(real(route, newsroom)).status_code == 200


def test_an_editor_changes_nothing_outside_of_issues(newsroom, ada):
    before = snapshot()
    for route in filter(OURS.match, STAFF):
        if "/snippets/pipeline/issue/" not in route:
            ada.post(real(route, newsroom), {"why": "x", "name": "x"})
    assert snapshot() == before


def snapshot() -> list[object]:
    return [
        sorted(model.objects.values_list("pk", flat=True))
        for model in (Newsletter, Issue, Send, List, Subscriber, Suppression, Transport)
    ] + [sorted(Send.objects.values_list("pk", "state"))]


def test_an_admin_reaches_all_of_ours(newsroom, bo):
    send, issue, held = newsroom.send.pk, newsroom.issue.pk, Suppression.objects.get().pk
    editing, person, readers = newsroom.newsletter.pk, newsroom.people[0].pk, newsroom.readers.pk
    for route in (
        "/admin/", "/admin/account/", "/admin/groups/new/", "/admin/users/", "/admin/images/",
        "/admin/newsletters/", "/admin/newsletters/new/", f"/admin/newsletters/edit/{editing}/",
        "/admin/snippets/pipeline/issue/", "/admin/snippets/pipeline/issue/add/",
        f"/admin/snippets/pipeline/issue/edit/{issue}/", f"/admin/sending/{issue}/",
        "/admin/sends/", "/admin/sends/results/", f"/admin/sends/{send}/", f"/admin/sends/{send}/books/",
        f"/admin/sends/{send}/deliveries/", f"/admin/sends/{send}/ledger.csv",
        "/admin/subscribers/", f"/admin/subscribers/{person}/",
        "/admin/lists/", "/admin/lists/new/", f"/admin/lists/edit/{readers}/",
        "/admin/suppressions/", f"/admin/suppressions/{held}/",
    ):  # fmt: skip
        response = bo.get(route)
        assert response.status_code == 200, route
        assert "script-src 'self';" in response["Content-Security-Policy"], route
        assert "frame-ancestors 'self'" in response["Content-Security-Policy"], route
        assert "private" in response["Cache-Control"], route


def test_sending_is_in_no_group_of_the_house(newsroom):
    a_user("ada", group="Editors")
    assert not Group.objects.filter(permissions__codename="start_send").exists()
    shows_addresses = ("view_delivery", "view_subscriber", "view_suppression")
    assert not Group.objects.filter(permissions__codename__in=shows_addresses).exists()


def test_sending_can_be_granted_on_the_page_of_a_group(bo):
    assert "Can send an issue to its readers" in bo.get("/admin/groups/new/").content.decode()


@pytest.mark.parametrize("group", ["Editors", "Moderators"])
def test_writers_may_not_send_pause_or_export(newsroom, group):
    writer = signed_in("writer", group=group)
    pk = newsroom.send.pk
    assert writer.post(f"/admin/sends/{pk}/do/pause/").status_code == 302
    assert writer.post(f"/admin/sending/{newsroom.issue.pk}/").status_code == 302
    assert writer.get(f"/admin/sends/{pk}/ledger.csv").status_code == 302
    assert writer.get(f"/admin/sends/{pk}/deliveries/").status_code == 302
    newsroom.send.refresh_from_db()
    assert newsroom.send.state == "sending"
    assert "reader0@" not in writer.get(f"/admin/sends/{pk}/").content.decode()


def test_a_form_without_its_csrf_token_does_nothing(newsroom):
    client = Client(enforce_csrf_checks=True)
    client.force_login(a_user("bo", superuser=True))
    assert client.post(f"/admin/sends/{newsroom.send.pk}/do/pause/").status_code == 403
    newsroom.send.refresh_from_db()
    assert newsroom.send.state == "sending"


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
    assert "1 · the address gets nothing" in html
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
        ("2030-03-31T02:30", "Europe/Berlin", "does not exist"),
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
