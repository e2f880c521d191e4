"""Pages without login, as mail programs, people, link scanners and strangers use them."""

import datetime as dt
import logging
import re

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue, delivery_of, unsubscribe_token

from pipeline.keys import keyring
from pipeline.models import Delivery
from pipeline.public.logs import WithoutTokens
from pipeline.public.page import masked
from pipeline.tokens import Purpose, StandIn
from subscribers.models import Departure, Subscription, Suppression
from subscribers.queries import is_suppressed

pytestmark = pytest.mark.django_db
ONE_CLICK = "List-Unsubscribe=One-Click"
URLENCODED = "application/x-www-form-urlencoded"


class Scene:
    """A newsletter with two lists, one reader on both, and a send that has started."""

    def __init__(self) -> None:
        self.newsletter = a_newsletter()
        self.lists = [a_list(self.newsletter), a_list(self.newsletter, "friends")]
        self.kim = a_reader("kim@example.com", *self.lists, first_name="Kim <b>")
        self.send = a_send(an_issue(self.newsletter), *self.lists)
        self.delivery = delivery_of(self.send, self.kim)
        self.token = unsubscribe_token(self.kim, self.newsletter, self.delivery)
        self.url = f"/u/{self.token}"

    def states(self) -> set[str]:
        return set(Subscription.objects.filter(subscriber=self.kim).values_list("state", flat=True))

    def has_left(self) -> bool:
        return self.states() == {"unsubscribed"} and is_suppressed("kim@example.com", scopes=[self.newsletter.scope])


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def stranger() -> Client:
    """A client that insists on CSRF tokens wherever the site does."""
    return Client(enforce_csrf_checks=True)


def is_private(response) -> bool:
    policy = response["Content-Security-Policy"]
    return (
        response["Referrer-Policy"] == "no-referrer"
        and policy.startswith("default-src 'none'")
        and "unsafe-inline" not in policy
        and "no-store" in response["Cache-Control"]
        and response["X-Robots-Tag"] == "noindex, nofollow"
        and "Set-Cookie" not in response
        and not response.cookies
        and "Cookie" not in response.get("Vary", "")
    )


# Leaving


def test_the_page_shows_a_masked_address_and_one_button(scene, stranger):
    response = stranger.get(scene.url)
    html = response.content.decode()
    assert response.status_code == 200
    assert is_private(response)
    assert "City Letter" in html
    assert "k•••@example.com" in html
    assert "kim@" not in html
    assert html.count("<button") == 1
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="', html)  # nothing is loaded, from here or elsewhere


@pytest.mark.parametrize("agent", ["GoogleImageProxy", "Barracuda Sentinel", "Mozilla/5.0 (compatible; SafeLinks)"])
def test_looking_changes_nothing_however_often(scene, stranger, agent):
    for _ in range(10):
        assert stranger.get(scene.url, headers={"User-Agent": agent}).status_code == 200
        assert stranger.head(scene.url, headers={"User-Agent": agent, "Sec-Purpose": "prefetch"}).status_code == 200
        assert stranger.options(scene.url, headers={"User-Agent": agent}).status_code == 405
    assert scene.states() == {"subscribed"}
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ONE_CLICK, URLENCODED),
        ("list-unsubscribe=one-click", URLENCODED),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        (ONE_CLICK, "text/plain"),
        (ONE_CLICK, ""),
    ],
)
def test_one_click_leaves_without_cookie_token_or_redirect(scene, stranger, body, kind):
    response = stranger.post(scene.url, body, content_type=kind, headers={"Origin": "https://mail.example"})
    assert response.status_code == 200
    assert "Location" not in response
    assert is_private(response)
    assert scene.has_left()
    assert delivery_of(scene.send, scene.kim).unsubscribed_at is not None


@pytest.mark.parametrize("body", ["", "List-Unsubscribe=No", "x" * 1000, "--b\r\nbroken"])
def test_a_post_that_asks_for_nothing_changes_nothing_and_offers_the_button(scene, stranger, body):
    response = stranger.post(scene.url, body, content_type="multipart/form-data; boundary=b")
    assert response.status_code == 400
    assert b"<button" in response.content
    assert scene.states() == {"subscribed"}


def test_leaving_twice_is_leaving_once(scene, stranger):
    first = stranger.post(scene.url, ONE_CLICK, content_type=URLENCODED)
    second = stranger.post(scene.url, ONE_CLICK, content_type=URLENCODED)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (Departure.objects.count(), Suppression.objects.count()) == (1, 1)
    assert undo_token(second) is not None


def test_it_works_without_the_delivery_and_in_capitals(scene, stranger):
    Delivery.objects.filter(send_id=scene.send.pk).delete()
    assert stranger.post(scene.url.upper().replace("/U/", "/u/"), ONE_CLICK, content_type=URLENCODED).status_code == 200
    assert scene.has_left()


def test_it_works_for_whoever_is_gone_already(scene, stranger):
    url = f"/u/{keyring().sign(Purpose.UNSUBSCRIBE, scene.send.pk, 999, 999_999, scene.newsletter.pk)}"
    page = stranger.get(url)
    assert page.status_code == 200
    assert "@" not in page.content.decode().partition("<body>")[2]
    response = stranger.post(url, ONE_CLICK, content_type=URLENCODED)
    assert response.status_code == 200
    assert undo_token(response) is None


def forgeries(scene: Scene) -> list[str]:
    other_purpose = keyring().sign(Purpose.VIEW, scene.send.pk, scene.delivery.id)
    changed = scene.token[:-1] + ("a" if scene.token[-1] != "a" else "b")
    return ["x", changed, scene.token[:-1], scene.token + "a", other_purpose, "0" * 500, "%00", "한글", "..", "undo1"]


def test_unknown_and_forged_tokens_get_one_and_the_same_answer(scene, stranger):
    bodies = set()
    for forged in forgeries(scene):
        for response in (
            stranger.get(f"/u/{forged}"),
            stranger.post(f"/u/{forged}", ONE_CLICK, content_type=URLENCODED),
        ):
            assert response.status_code == 404, forged
            assert is_private(response)
            bodies.add(response.content)
    assert len(bodies) == 1
    assert scene.states() == {"subscribed"}


# Undo


def undo_token(response) -> str | None:
    found = re.search(r'name="token" value="([^"]+)"', response.content.decode())
    return found[1] if found else None


def leave(scene: Scene, stranger: Client) -> str:
    token = undo_token(stranger.post(scene.url, ONE_CLICK, content_type=URLENCODED))
    assert token
    return token


def test_the_page_after_offers_an_undo_that_works(scene, stranger):
    token = leave(scene, stranger)
    response = stranger.post("/u/undo", {"token": token})
    assert response.status_code == 200
    assert is_private(response)
    assert scene.states() == {"subscribed"}
    assert not is_suppressed("kim@example.com", scopes=[scene.newsletter.scope])


def test_an_undo_works_once_and_only_as_a_post(scene, stranger):
    token = leave(scene, stranger)
    assert stranger.get("/u/undo", {"token": token}).status_code == 405
    assert scene.has_left()
    stranger.post("/u/undo", {"token": token})
    again = stranger.post("/u/undo", {"token": token})
    assert again.status_code == 410
    assert scene.states() == {"subscribed"}


def test_after_a_day_nothing_is_undone(scene, stranger):
    token = leave(scene, stranger)
    Departure.objects.update(at=timezone.now() - dt.timedelta(hours=24, minutes=1))
    assert stranger.post("/u/undo", {"token": token}).status_code == 410
    late = stranger.post(scene.url, ONE_CLICK, content_type=URLENCODED)
    assert (late.status_code, undo_token(late)) == (200, None)
    assert scene.has_left()


def test_an_undo_token_expires_by_itself(scene, stranger):
    leave(scene, stranger)
    stale = keyring().sign(Purpose.UNDO, Departure.objects.get().pk, int(timezone.now().timestamp()) - 1)
    assert stranger.post("/u/undo", {"token": stale}).status_code == 410
    assert scene.has_left()


def test_an_unsubscribe_token_undoes_nothing(scene, stranger):
    leave(scene, stranger)
    assert stranger.post("/u/undo", {"token": scene.token}).status_code == 404
    assert stranger.post("/u/undo").status_code == 404
    assert scene.has_left()


# Languages


@pytest.mark.parametrize(
    ("theirs", "browsers", "shown"),
    [
        ("ko", "en", "ko"),
        ("ko-KR", "en", "ko"),
        ("en", "ko", "en"),
        ("", "ko", "ko"),
        ("xx", "ko", "ko"),
        ("", "", "en"),
    ],
)
def test_the_page_speaks_the_persons_language_else_the_browsers(scene, stranger, theirs, browsers, shown):
    scene.kim.language = theirs
    scene.kim.save()
    response = stranger.get(scene.url, headers={"Accept-Language": browsers})
    assert response["Content-Language"] == shown
    assert f'<html lang="{shown}">' in response.content.decode()
    assert ("수신" in response.content.decode()) == (shown == "ko")


# View in stranger


def view_url(scene: Scene) -> str:
    return f"/v/{keyring().sign(Purpose.VIEW, scene.send.pk, scene.delivery.id)}"


def test_the_view_is_the_mail_with_the_persons_fields_escaped(scene, stranger):
    response = stranger.get(view_url(scene))
    html = response.content.decode()
    assert response.status_code == 200
    assert "Dear Kim &lt;b&gt;, the bridge is" in html
    assert "<script" not in html
    assert "Set-Cookie" not in response
    assert response["Referrer-Policy"] == "no-referrer"


def test_a_forwarded_view_leaves_nobody(scene, stranger):
    html = stranger.get(view_url(scene)).content.decode()
    assert scene.token not in html
    addresses = re.findall(r'href="([^"]*/u/[^"]*)"', html)
    assert addresses
    assert set(addresses) == {f"{settings.BASE_URL}/u/{StandIn.NOBODY}"}
    for address in ("/u/", f"/u/{StandIn.NOBODY}"):
        explained = stranger.get(address)
        assert (explained.status_code, "How to unsubscribe" in explained.content.decode()) == (200, True)
        assert is_private(explained)
    assert stranger.post("/u/", ONE_CLICK, content_type=URLENCODED).status_code == 403
    assert stranger.post(f"/u/{StandIn.NOBODY}", ONE_CLICK, content_type=URLENCODED).status_code == 200
    assert scene.states() == {"subscribed"}


def test_the_view_runs_nothing_and_loads_pictures_only(scene, stranger):
    policy = stranger.get(view_url(scene))["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert "allow-scripts" not in directives["sandbox"]
    assert "allow-same-origin" not in directives["sandbox"]
    assert "script-src" not in directives


def test_a_view_token_opens_nothing_else_and_others_no_view(scene, stranger):
    assert stranger.get(view_url(scene).replace("/v/", "/u/")).status_code == 404
    assert stranger.get(scene.url.replace("/u/", "/v/")).status_code == 404
    assert stranger.get("/v/x").status_code == 404


def test_a_view_whose_delivery_is_gone_says_so(scene, stranger):
    Delivery.objects.filter(send_id=scene.send.pk).delete()
    assert stranger.get(view_url(scene)).status_code == 410


# The rest of the site


def test_health(stranger):
    response = stranger.get("/livez")
    assert (response.status_code, response.content, response["Content-Type"]) == (200, b"ok\n", "text/plain")


def test_health_without_a_database(stranger, monkeypatch):
    def gone():
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", gone)
    monkeypatch.setattr(connection, "close", lambda: None)
    assert stranger.get("/livez").status_code == 503
    assert (stranger.get("/healthz").status_code, stranger.get("/healthz").json()["database"]) == (503, False)


def test_the_front_door_leads_to_the_staff_pages(stranger):
    assert stranger.get("/").headers["Location"] == "/admin/"


def test_no_token_reaches_the_log(scene, stranger, caplog):
    caplog.handler.addFilter(WithoutTokens())
    with caplog.at_level(logging.INFO):
        stranger.get(f"/u/{scene.token}x")
        stranger.get(f"/v/{scene.token}x")
    assert "/u/…" in caplog.text
    assert "/v/…" in caplog.text
    assert scene.token not in caplog.text


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("kim@example.com", "k•••@example.com"),
        ("k@example.com", "k•••@example.com"),
        ("가나@예시.한국", "가•••@예시.한국"),
    ],
)
def test_masking(email, shown):
    assert masked(email) == shown
