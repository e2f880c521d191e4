"""Who may go where on the staff pages: every address, denied unless it is named here."""

import re

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from newsroom import A_TARGET, Newsroom, a_user, signed_in

from pipeline.models import Issue, Newsletter, Send, TrackedLink, Transport
from subscribers.models import List, Subscriber, Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    """Edits."""
    return signed_in("ada", group="Editors")


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
OURS = re.compile(
    r"/admin/(relays|webhooks|mailboxes|newsletters|sends|sending|rehearsals|links|returns|rulings|feedback|proofs|testing|test-groups|subscribers|lists|suppressions|inbox"
    r"|snippets/pipeline/issue)/"
)
OURS_AT_THE_TOP = {
    "newsletters", "sends", "sending", "rehearsals", "relays", "webhooks", "mailboxes", "links", "returns",
    "rulings", "feedback", "proofs", "testing", "test-groups", "subscribers", "lists", "suppressions", "inbox",
    "snippets", "style.css",
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
    r"|links/(issue|send)/1/|returns/(send/1/|complaints/)"
    r"|lists/(results/|inspect/1/|history/1/|history-results/1/|usage/1/)?"
    r"|proofs/of/1/|proofs/1/(html/)?|testing/1/|test-groups/.*"
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
        "testing": newsroom.issue.pk,
        "proofs": newsroom.issue.pk if "/of/" in route else newsroom.issue.proofs.get().pk,
        "subscribers": newsroom.people[0].pk,
        "lists": newsroom.readers.pk,
        "suppressions": Suppression.objects.get().pk,
        "links": newsroom.link.pk,
    }
    what = {"links/issue": "snippets", "links/send": "sends", "returns/send": "sends", "rulings/send": "sends"}.get(
        "/".join(route.split("/")[2:4]), route.split("/")[2]
    )
    return route.replace("/1/", f"/{ids.get(what, 1)}/", 1)


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
            ada.post(real(route, newsroom), {"why": "x", "name": "x", "target": "https://b.example/", "was": A_TARGET})
    assert snapshot() == before


TYPED = (
    "q", "why", "note", "destination", "reason", "email", "words", "way", "provider", "domain", "name", "target", "url",
    "back", "issue", "to", "state", "size",
)  # fmt: skip
TAKES_ACTS = re.compile(r"/(act|storm|web)/$")
ACTS = ("apply", "discard", "publish", "correct", "withdraw", "renew", "remove")


def test_a_nul_typed_anywhere_is_no_fault(newsroom, bo):
    bo.raise_request_exception = False
    typed = dict.fromkeys(TYPED, "a\0b") | {"body-count": "0"}
    failed = {}
    for route in filter(OURS.match, STAFF):
        acts = ACTS if TAKES_ACTS.search(route) else [""]
        for method, act in [("get", ""), *(("post", act) for act in acts)]:
            with transaction.atomic():
                status = getattr(bo, method)(real(route, newsroom), typed | {"act": act}).status_code
                transaction.set_rollback(True)
            if status >= 500:
                failed[method, route, act] = status
    assert failed == {}


def snapshot() -> list[object]:
    return [
        sorted(model.objects.values_list("pk", flat=True))
        for model in (Newsletter, Issue, Send, List, Subscriber, Suppression, Transport)
    ] + [sorted(Send.objects.values_list("pk", "state")), list(TrackedLink.objects.values_list("target"))]


def test_an_admin_reaches_all_of_ours(newsroom, bo):
    send, issue, held = newsroom.send.pk, newsroom.issue.pk, Suppression.objects.get().pk
    proof = newsroom.issue.proofs.get().pk
    editing, person, readers = newsroom.newsletter.pk, newsroom.people[0].pk, newsroom.readers.pk
    for route in (
        "/admin/", "/admin/account/", "/admin/groups/new/", "/admin/users/", "/admin/images/",
        "/admin/newsletters/", "/admin/newsletters/new/", f"/admin/newsletters/edit/{editing}/",
        "/admin/snippets/pipeline/issue/", "/admin/snippets/pipeline/issue/add/",
        f"/admin/snippets/pipeline/issue/edit/{issue}/", f"/admin/sending/{issue}/",
        f"/admin/testing/{issue}/", f"/admin/proofs/of/{issue}/", f"/admin/proofs/{proof}/", "/admin/test-groups/",
        "/admin/sends/", "/admin/sends/results/", f"/admin/sends/{send}/", f"/admin/sends/{send}/books/",
        f"/admin/sends/{send}/deliveries/", f"/admin/sends/{send}/ledger.csv",
        "/admin/subscribers/", f"/admin/subscribers/{person}/",
        "/admin/lists/", "/admin/lists/new/", f"/admin/lists/edit/{readers}/",
        "/admin/suppressions/", f"/admin/suppressions/{held}/",
        f"/admin/links/issue/{issue}/", f"/admin/links/send/{send}/", f"/admin/links/{newsroom.link.pk}/",
        f"/admin/returns/send/{send}/", f"/admin/returns/send/{send}/people/",
        f"/admin/returns/send/{send}/people.csv", "/admin/feedback/",
        "/admin/returns/complaints/",
        "/admin/rulings/", "/admin/rulings/policy/mailbox-full/", "/admin/rulings/policy/unknown/",
    ):  # fmt: skip
        response = bo.get(route)
        assert response.status_code == 200, route
        assert "script-src 'self';" in response["Content-Security-Policy"], route
        assert "frame-ancestors 'self'" in response["Content-Security-Policy"], route
        assert "private" in response["Cache-Control"], route


def test_sending_is_in_no_group_of_the_house(newsroom):
    a_user("ada", group="Editors")
    assert not Group.objects.filter(permissions__codename__in=("start_send", "repair_link")).exists()
    shows_addresses = ("view_delivery", "view_feedback", "view_subscriber", "view_suppression")
    assert not Group.objects.filter(permissions__codename__in=shows_addresses).exists()


def test_sending_can_be_granted_on_the_page_of_a_group(bo):
    html = bo.get("/admin/groups/new/").content.decode()
    assert "Can send an issue to its readers" in html
    assert "Can change where the links of a sent issue lead" in html


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
