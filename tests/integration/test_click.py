"""The redirect: where it leads, what it counts, whom it names, and what hostile visitors get from it."""

import datetime as dt
import logging
import re
from collections.abc import Iterator

import pytest
from clicking import BRIDGE, LinkScene, by_hand, claim_one
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue, delivery_of

from pipeline import transitions
from pipeline.content import message
from pipeline.delivery.batch import wires
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Newsletter, TrackedLink
from pipeline.public.logs import WithoutTokens
from pipeline.tokens import Purpose, StandIn
from subscribers.models import Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tally = by_hand(monkeypatch)
    yield
    tally.flush()


@pytest.fixture
def scene() -> LinkScene:
    return LinkScene()


@pytest.fixture
def stranger() -> Client:
    return Client(enforce_csrf_checks=True)


# Where it leads


def test_the_link_in_the_mail_leads_where_the_editor_wrote(scene, stranger):
    one = claim_one(scene.send)
    html, text = message.message_parts(
        wires.segments(one.proof_hash), wires.values(scene.newsletter, scene.send.pk, one)
    )
    [path] = set(re.findall(r"/c/[a-z2-7]{16}[^\"> ]*", html + text))
    assert f'"{BRIDGE}"' not in html
    response = stranger.get(path)
    assert (response.status_code, response["Location"]) == (302, BRIDGE)
    assert scene.delivery().clicked_at is None
    assert scene.clicks() == 1
    assert scene.delivery().clicked_at is not None


def test_it_is_private_and_keeps_nothing(scene, stranger, django_assert_num_queries):
    keyring()
    with django_assert_num_queries(1):
        response = stranger.get(scene.url)
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert response.content == b""
    assert not response.templates
    with django_assert_num_queries(0):
        stranger.get(scene.url)


@pytest.mark.parametrize("mode", ["direct", "counted", "personal"])
def test_only_personal_messages_need_a_token_and_it_is_made_for_them_alone(mode):
    newsletter = a_newsletter(links=mode)
    readers = a_list(newsletter)
    kim = a_reader("kim@example.com", readers)
    send = a_send(an_issue(newsletter), readers)
    values = wires.values(newsletter, send.pk, claim_one(send))
    assert ("token.click" in values) is (mode == "personal")
    if mode == "personal":
        assert keyring().verify(Purpose.CLICK, values["token.click"]) == (send.pk, delivery_of(send, kim).id)
    assert TrackedLink.objects.count() == (0 if mode == "direct" else 1)


def test_the_key_is_read_whatever_its_case_and_whatever_stands_behind_it(scene, stranger):
    key = scene.link.key
    broken = ["", "/", "/of-the-first-reader", "/" + scene.token[:-1], f"/{scene.token}x", "/../../admin/", "/a/b//c"]
    for suffix in [*broken, "/https://evil.example/", "/%0d%0aX: y", "/" + "a" * 3_000, "/%00", "/\u202e가"]:
        response = stranger.get(f"/c/{key}{suffix}")
        assert (response.status_code, response["Location"]) == (302, BRIDGE), suffix
    assert stranger.get(f"/c/{key.upper()}/")["Location"] == BRIDGE
    assert scene.clicks() == len(broken) + 6
    assert scene.delivery().clicked_at is None


@pytest.mark.parametrize(
    "key",
    [
        "a" * 16, "//evil.example", "/evil.example", "https://evil.example", "https:%2f%2fevil.example",
        "%2f%2fevil.example",
        "evil.example?to=https://evil.example", "%0d%0aLocation:%20https://evil.example", "%00", "..", "%2e%2e%2f", "",
        "' OR 1=1 --", "a" * 4_000, "\u202e", "가" * 16, "{key}x", "{key}%20", "x{key}", "{key}.", "{cut}", "{key};",
    ],
)  # fmt: skip
def test_what_is_not_stored_leads_nowhere(scene, stranger, key):
    path = f"/c/{key}".replace("{key}", scene.link.key).replace("{cut}", scene.link.key[:-1])
    response = stranger.get(path)
    assert response.status_code == 404
    assert "Location" not in response
    assert scene.clicks() == 0


def test_each_changed_character_of_a_key_is_unknown(scene, stranger):
    for position, letter in enumerate(scene.link.key):
        other = "b" if letter == "a" else "a"
        forged = scene.link.key[:position] + other + scene.link.key[position + 1 :]
        assert stranger.get(f"/c/{forged}").status_code == 404


def test_no_parameter_or_header_turns_it_elsewhere(scene, stranger):
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Original-URL": "//evil.example",
        "Referer": "https://evil.example/",
    }
    response = stranger.get(f"{scene.url}?url=https://evil.example&next=//evil.example", headers=headers)
    assert response["Location"] == BRIDGE


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//evil.example", "https://a.example/\r\nX: y", "https://a.example/é", "https://"]
)
def test_the_database_itself_keeps_no_other_target(scene, target):
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackedLink.objects.update(target=target)


# What it counts


def test_looking_is_not_clicking(scene, stranger):
    assert stranger.head(scene.url)["Location"] == BRIDGE
    assert stranger.get(f"/c/{scene.link.key}/{StandIn.TEST}")["Location"] == BRIDGE
    for ahead in (
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"},
    ):
        assert stranger.get(scene.url, headers=ahead)["Location"] == BRIDGE
    for method in ("post", "put", "delete", "options"):
        assert getattr(stranger, method)(scene.url).status_code in {403, 405}
    assert scene.clicks() == 0
    assert scene.delivery().clicked_at is None


def test_the_first_click_of_a_reader_stays_and_every_click_counts(scene, stranger):
    stranger.get(scene.url)
    assert scene.clicks() == 1
    first = scene.delivery().clicked_at
    stranger.get(scene.url)
    stranger.get(scene.url)
    assert scene.clicks() == 3
    assert scene.delivery().clicked_at == first


def test_a_click_ends_and_confirms_nothing(scene, stranger):
    for _ in range(10):
        stranger.get(scene.url, headers={"User-Agent": "Barracuda Sentinel"})
    scene.clicks()
    assert set(Subscription.objects.values_list("state", flat=True)) == {"subscribed"}
    assert scene.delivery().unsubscribed_at is None


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.CLICK])
def test_no_other_token_names_a_reader_here_and_this_one_opens_nothing_else(scene, stranger, purpose):
    ids = (scene.send.pk, scene.delivery().id, scene.kim.pk, scene.newsletter.pk)[: purpose.value[1]]
    assert stranger.get(f"/c/{scene.link.key}/{keyring().sign(purpose, *ids)}").status_code == 302
    assert scene.clicks() == 1
    assert scene.delivery().clicked_at is None
    assert {stranger.get(f"/{page}/{scene.token}").status_code for page in "uv"} == {404}


def test_who_turns_personal_links_off_notes_nobody_from_then_on(scene, stranger):
    Newsletter.objects.update(links="counted")
    stranger.get(scene.url)
    assert scene.clicks() == 1
    assert scene.delivery().clicked_at is None


def test_an_issue_in_the_browser_may_be_somebody_elses_and_names_nobody(scene, stranger):
    page = stranger.get(f"/v/{keyring().sign(Purpose.VIEW, scene.send.pk, scene.delivery().id)}").content.decode()
    assert scene.token not in page
    [path] = set(re.findall(r"/c/[a-z2-7]{16}[^\"]*", page))
    assert stranger.get(path)["Location"] == BRIDGE
    assert scene.clicks() == 1
    assert scene.delivery().clicked_at is None


def test_logs_keep_no_token(scene):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Not Found: %s", (scene.url,), None)
    WithoutTokens().filter(record)
    assert record.getMessage() == f"Not Found: /c/{scene.link.key}/…"


# Evidence


@pytest.mark.parametrize(("state", "reason"), [("uncertain", "connection-lost"), ("held", "unsettled")])
def test_a_click_proves_that_what_may_have_arrived_has(scene, stranger, state, reason):
    doubt(scene, state, reason)
    stranger.get(scene.url)
    scene.clicks()
    delivery = scene.delivery()
    assert (delivery.state, delivery.reason) == ("accepted", "evidence")
    event = AuditEvent.objects.get(action="delivery.settled")
    assert event.detail["evidence"] == "a link in it was followed"


def test_looking_ahead_proves_nothing(scene, stranger):
    doubt(scene, "uncertain", "connection-lost")
    stranger.head(scene.url)
    scene.clicks()
    assert scene.delivery().state == "uncertain"


def doubt(scene: LinkScene, state: str, reason: str) -> None:
    claimed = claim_one(scene.send)
    lease = scene.delivery().lease_id
    transitions.mark_in_flight(scene.send.pk, lease_id=lease, claimed=[claimed])
    late = timezone.now() - dt.timedelta(hours=1)
    answer = transitions.Marked(claimed.id, claimed.fence, "uncertain", "connection-lost", "", counts=True, due_at=late)
    assert transitions.record(scene.send.pk, [answer])
    if state == "held":
        scene.send.uncertain_policy = "hold"
        scene.send.save()
        transitions.settle_uncertain()
    assert (scene.delivery().state, scene.delivery().reason) == (state, reason)
