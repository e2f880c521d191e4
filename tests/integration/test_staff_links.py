"""The staff pages of links: what they show, who may repair, and the newsletter's form."""

import pytest
from clicking import BRIDGE, LinkScene
from django.test import Client
from newsroom import a_newsletter, a_send, an_issue, signed_in

from pipeline.documents import profile_of
from pipeline.models import AuditEvent, Newsletter, TrackedLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> LinkScene:
    scene = LinkScene("counted")
    TrackedLink.objects.update(clicks=1_234, text="Look <b>here")
    return scene


@pytest.fixture
def bo() -> Client:
    """Repairs links; no superuser."""
    return signed_in("bo", "pipeline.repair_link", group="Editors")


@pytest.fixture
def ada() -> Client:
    """Edits."""
    return signed_in("ada", group="Editors")


def test_the_links_of_an_issue_and_of_a_send_are_shown_with_their_clicks(scene, ada):
    for page in (f"/admin/links/issue/{scene.issue.pk}/", f"/admin/links/send/{scene.send.pk}/"):
        html = ada.get(page).content.decode()
        assert html.count('<td class="books-n">1,234</td>') == 2  # the link's and the sum
        assert "Look &lt;b&gt;here" in html
        assert f'href="{BRIDGE}" rel="noreferrer noopener"' in html
        assert "Repair" not in html
    assert f"/admin/links/send/{scene.send.pk}/" in ada.get(f"/admin/sends/{scene.send.pk}/").content.decode()
    edit = ada.get(f"/admin/snippets/pipeline/issue/edit/{scene.issue.pk}/").content.decode()
    assert f"/admin/links/issue/{scene.issue.pk}/" in edit


def test_direct_links_say_why_there_is_nothing(ada):
    issue = an_issue(a_newsletter())
    send = a_send(issue)
    assert "go out as they are written" in ada.get(f"/admin/links/issue/{issue.pk}/").content.decode()
    assert "/admin/links/" not in ada.get(f"/admin/sends/{send.pk}/").content.decode()
    assert "/admin/links/" not in ada.get(f"/admin/snippets/pipeline/issue/edit/{issue.pk}/").content.decode()


def test_a_repair_is_by_a_named_person_for_a_reason(scene, bo):
    page = f"/admin/links/{scene.link.pk}/"
    assert f'value="{BRIDGE}"' in bo.get(page).content.decode()
    said = {"target": "https://a.example/right", "why": "a typo", "was": BRIDGE}
    assert bo.post(page, said)["Location"] == f"/admin/links/issue/{scene.issue.pk}/"
    event = AuditEvent.objects.get(action="link.repaired")
    assert (event.actor, event.detail) == ("bo", {"old": BRIDGE, "new": "https://a.example/right", "why": "a typo"})
    assert "repaired by bo" in bo.get(f"/admin/links/issue/{scene.issue.pk}/").content.decode()
    assert f"bo: {BRIDGE} → https://a.example/right – a typo" in bo.get(page).content.decode()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "javascript:alert(1)",
        "//evil.example",
        "https://a@evil.example",
        "https://a.example/{{",
        "mailto:a@b.example",
    ],
)
def test_what_no_redirect_may_lead_to_is_refused_and_kept_in_the_form(scene, bo, target):
    response = bo.post(f"/admin/links/{scene.link.pk}/", {"target": target, "why": "x", "was": BRIDGE})
    assert response.status_code == 400
    assert "errorlist" in response.content.decode()
    assert TrackedLink.objects.get().target == BRIDGE


def test_two_who_repair_at_once_do_not_undo_each_other(scene, bo):
    TrackedLink.objects.update(target="https://first.example/")
    response = bo.post(f"/admin/links/{scene.link.pk}/", {"target": "https://b.example/", "why": "x", "was": BRIDGE})
    assert "Somebody else changed this link" in response.content.decode()
    assert TrackedLink.objects.get().target == "https://first.example/"
    assert not AuditEvent.objects.filter(action="link.repaired").exists()


def test_only_who_may_repair_repairs(scene, ada):
    page = f"/admin/links/{scene.link.pk}/"
    said = {"target": "https://a.example/", "why": "a typo", "was": BRIDGE}
    assert {ada.get(page).status_code, ada.post(page, said).status_code} == {302}
    assert TrackedLink.objects.get().target == BRIDGE


# The newsletter's form


def test_the_newsletter_says_how_links_go_out():
    chief = signed_in("chief", superuser=True)
    newsletter = a_newsletter(utm={"utm_source": "city"})
    page = f"/admin/newsletters/edit/{newsletter.pk}/"
    html = chief.get(page).content.decode()
    assert "utm_source = city" in html
    given = {
        "name": "City Letter", "slug": "city", "language": "en", "sender_name": "Desk", "layout": "bulletin",
        "sender_address": "desk@city.example", "brand": "{}", "links": "counted", "unknown_language": "main",
        "utm": "utm_source = city letter\n\nutm_campaign=issue-{number}\n",
    }  # fmt: skip
    assert chief.post(page, given).status_code == 302
    profile = profile_of(Newsletter.objects.get())
    assert (profile.links, profile.utm) == ("counted", {"utm_source": "city letter", "utm_campaign": "issue-{number}"})
    for wrong in ("no sign", "a=1\na=2", "Bad Name=1", "a={wrong}", "a=", "a=" + "x" * 101):
        response = chief.post(page, given | {"utm": wrong})
        assert response.status_code == 200, wrong
        assert wrong.splitlines()[0] in response.content.decode()
    assert chief.post(page, given | {"utm": ""}).status_code == 302
    assert Newsletter.objects.get().utm == {}
