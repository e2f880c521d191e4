"""Staff pages of proofs, tests and the web edition: what they show, who may do what, and what is refused in words."""

import re

import pytest
from django.test import Client
from newsroom import DOCUMENT, Newsroom, a_newsletter, a_reader, an_issue, signed_in
from relay import Behaviour, Ledger, RelayServer

from pipeline import models
from pipeline.models import AuditEvent, Delivery, Issue, Proof, Publication, Transport
from pipeline.sending import make_proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue() -> Issue:
    return an_issue(a_newsletter())


@pytest.fixture
def ada() -> Client:
    """Edits."""
    return signed_in("ada", group="Editors")


@pytest.fixture
def bo() -> Client:
    """Edits and may publish."""
    return signed_in("bo", "pipeline.publish_edition", group="Editors")


@pytest.fixture
def relay():
    with RelayServer(Behaviour(script={"rcpt": {"^no@": ["550 5.1.1 <b>No</b> such user"]}}), Ledger()) as server:
        Transport.objects.create(name="default", url=f"smtp://127.0.0.1:{server.port}?starttls=never")
        yield server


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


# The proof


def test_the_issues_page_leads_to_its_proofs_and_tests(issue, ada):
    html = page(ada, f"/admin/snippets/pipeline/issue/edit/{issue.pk}/")
    assert f"/admin/proofs/of/{issue.pk}/" in html
    assert f"/admin/testing/{issue.pk}/" in html


def test_a_proof_is_made_of_the_newest_draft_and_shown_from_every_side(issue, ada):
    issue.title = "Not published yet"
    issue.save_revision()
    where = ada.post(f"/admin/proofs/of/{issue.pk}/")["Location"]
    proof = Proof.objects.get()
    assert where == f"/admin/proofs/{proof.pk}/"
    html = page(ada, where)
    for words in (
        proof.pk, proof.layout_version, "News for {{ first_name | default(&quot;you&quot;) }}", "List-Unsubscribe-Post",
        "https://example.org/bridge", "Dear Robin, the bridge is open.",
    ):  # fmt: skip
        assert words in html, words
    assert re.search(r'<iframe class="sheet" style="width: 700px"[^>]* sandbox ', html)
    assert 'style="width: 375px"' in page(ada, f"{where}?size=mobile")
    assert proof.pk[:12] in page(ada, f"/admin/proofs/of/{issue.pk}/")


def test_the_message_is_a_stranger_to_the_page_around_it(issue, ada):
    proof = make_proof(issue)
    response = ada.get(f"/admin/proofs/{proof.pk}/html/")
    assert "Dear Robin" in response.content.decode()
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["Content-Security-Policy"].endswith("; sandbox")
    assert set(re.findall(r'href="[^"]*/[uv]/([^"]*)"', response.content.decode())) == {"test"}


def test_an_issue_that_cannot_be_compiled_says_why(issue, ada):
    issue.subject = "Hello {{ first_name"
    issue.save_revision()
    html = ada.post(f"/admin/proofs/of/{issue.pk}/", follow=True).content.decode()
    assert "No proof can be made yet" in html
    assert not Proof.objects.exists()


@pytest.mark.parametrize("key", ["0" * 64, "x"])
def test_a_proof_that_is_not_there(ada, key):
    assert ada.get(f"/admin/proofs/{key}/").status_code == 404
    assert ada.get(f"/admin/proofs/{key}/html/").status_code == 404


# Tests


def test_a_test_goes_to_addresses_and_groups_and_its_answers_are_shown_word_for_word(issue, ada, relay):
    group = models.TestGroup.objects.create(name="Desk", addresses="no@example.org\nlee@example.org")
    fields = {"addresses": "ann@example.org\n\nlee@example.org", "groups": [group.pk]}
    html = ada.post(f"/admin/testing/{issue.pk}/", fields, follow=True).content.decode()
    assert sorted(entry["rcpt"] for entry in relay.ledger.entries) == ["ann@example.org", "lee@example.org"]
    assert "The relay took 2 of 3 tests" in html
    assert "550 5.1.1 &lt;b&gt;No&lt;/b&gt; such user" in html
    assert "refused" in html
    assert not Delivery.objects.exists()
    assert AuditEvent.objects.filter(actor="ada", action="proof.tested").count() == 1


def test_a_test_may_be_as_a_subscriber_for_those_who_may_see_people(issue, ada, relay):
    kim = a_reader("kim@example.com", first_name="Kim")
    assert 'name="reader"' not in page(ada, f"/admin/testing/{issue.pk}/")
    ada.post(f"/admin/testing/{issue.pk}/", {"addresses": "ann@example.org", "reader": kim.email})
    assert "as" not in AuditEvent.objects.get(action="proof.tested").detail
    cy = signed_in("cy", "subscribers.view_subscriber", group="Editors")
    cy.post(f"/admin/testing/{issue.pk}/", {"addresses": "ann@example.org", "reader": "KIM@example.com"})
    assert AuditEvent.objects.get(actor="cy", action="proof.tested").detail["as"] == kim.pk
    refused = cy.post(f"/admin/testing/{issue.pk}/", {"addresses": "ann@example.org", "reader": "who@example.com"})
    assert "Nobody has this address" in refused.content.decode()


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ("", "Nobody is named"),
        ("no address", "is not an email address"),
        ("\n".join(f"p{n}@x.org" for n in range(21)), "21 addresses"),
    ],
)
def test_what_cannot_be_tested_is_said_on_the_page(issue, ada, relay, addresses, words):
    html = ada.post(f"/admin/testing/{issue.pk}/", {"addresses": addresses}).content.decode()
    assert words in html
    assert relay.ledger.entries == []


def test_without_a_relay_the_page_says_what_to_do(issue, ada):
    html = ada.post(f"/admin/testing/{issue.pk}/", {"addresses": "ann@example.org"}).content.decode()
    assert "There is no relay to send through" in html


def test_a_blocked_issue_shows_why_and_can_be_tested(issue, ada, relay):
    models.Newsletter.objects.update(postal_address="")
    assert "Must be mended" in page(ada, f"/admin/testing/{issue.pk}/")
    ada.post(f"/admin/testing/{issue.pk}/", {"addresses": "ann@example.org"})
    assert len(relay.ledger.entries) == 1


def test_looking_sends_nothing(issue, ada, relay):
    page(ada, f"/admin/testing/{issue.pk}/?addresses=ann@example.org")
    assert relay.ledger.entries == []


def test_a_group_keeps_each_address_once_and_tells_the_line_of_a_bad_one(ada):
    ada.post(
        "/admin/test-groups/new/", {"name": "Desk", "addresses": "Ann@Example.org\n\n ann@example.org \nlee@x.org"}
    )
    assert models.TestGroup.objects.get().emails == ["Ann@example.org", "lee@x.org"]
    html = ada.post("/admin/test-groups/new/", {"name": "Two", "addresses": "ann@example.org\nnobody"}).content.decode()
    assert "Line 2" in html
    assert models.TestGroup.objects.count() == 1


# The web edition


def test_publishing_correcting_and_withdrawing_are_named_acts(issue, bo):
    proof = make_proof(issue)
    web = f"/admin/proofs/{proof.pk}/web/"
    assert "Put it on the web" in page(bo, f"/admin/proofs/{proof.pk}/")
    bo.post(web, {"act": "publish"})
    assert Client().get("/read/city/20/en").status_code == 200
    assert "This proof is on the web" in page(bo, f"/admin/proofs/{proof.pk}/")
    bo.post(web, {"act": "correct", "note": "The <date> was wrong"})
    assert "The &lt;date&gt; was wrong" in page(bo, f"/admin/proofs/{proof.pk}/")
    bo.post(web, {"act": "withdraw", "note": "picture rights"})
    assert Client().get("/read/city/20/en").status_code == 410
    assert list(Publication.objects.values_list("act", "by")) == [
        ("published", "bo"), ("corrected", "bo"), ("withdrawn", "bo"),
    ]  # fmt: skip


def test_what_cannot_be_done_is_said_and_changes_nothing(issue, bo):
    proof = make_proof(issue)
    for fields, words in (
        ({"act": "correct", "note": "x"}, "is not on the web"),
        ({"act": "publish"}, "on the web"),
        ({"act": "correct", "note": " "}, "Say in the note"),
        ({"act": "publish"}, "on the web already"),
    ):
        html = bo.post(f"/admin/proofs/{proof.pk}/web/", fields, follow=True).content.decode()
        assert words in html
    assert bo.post(f"/admin/proofs/{proof.pk}/web/", {"act": "delete"}).status_code in {302, 403}
    assert Publication.objects.count() == 1


def test_only_who_may_publish_publishes(issue, ada):
    proof = make_proof(issue)
    assert "Put it on the web" not in page(ada, f"/admin/proofs/{proof.pk}/")
    ada.post(f"/admin/proofs/{proof.pk}/web/", {"act": "publish"})
    assert not Publication.objects.exists()


def test_a_send_leads_to_its_proofs(ada):
    newsroom = Newsroom()
    html = page(ada, f"/admin/sends/{newsroom.send.pk}/")
    assert f'/admin/proofs/{newsroom.send.proofs.get().pk}/"' in html
    assert DOCUMENT.subject.partition("{{")[0] in html
