"""Proofs: filed once, named by what a reader can see, and never changed by anybody."""

import re
from shutil import copytree

import pytest
from django.db import IntegrityError, transaction
from house import ISSUE
from newsroom import a_newsletter, an_issue

from pipeline.content import layout, message
from pipeline.models import Issue, Proof, Publication
from pipeline.sending import compiled, file_issue, make_draft_proof, make_proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue():
    return an_issue(a_newsletter())


def test_nobody_changes_or_removes_a_proof(issue):
    proof = make_proof(issue)
    for change in (
        lambda: Proof.objects.filter(pk=proof.pk).update(subject="Another"),
        lambda: Proof.objects.filter(pk=proof.pk).update(packed=b""),
        lambda: Proof.objects.filter(pk=proof.pk).delete(),
        lambda: proof.save(force_update=True),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert message.load(bytes(Proof.objects.get().packed)) == compiled(issue).proof


def test_nobody_changes_or_removes_what_was_done_on_the_web(issue):
    Publication.objects.create(address="city/20/en", issue=issue, proof=make_proof(issue), act="published", by="ada")
    for change in (lambda: Publication.objects.update(note="x"), lambda: Publication.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_a_correction_without_words_is_refused_by_the_database(issue):
    proof = make_proof(issue)
    with pytest.raises(IntegrityError, match="publication_change_says_why"):
        Publication.objects.create(address="city/20/en", issue=issue, proof=proof, act="corrected", by="ada")


def test_the_same_content_is_the_same_proof_and_anything_seen_makes_another(issue):
    first = make_proof(issue)
    assert make_proof(issue) == first
    for field, value in (("title", "Another"), ("subject", "Another"), ("preheader", "Another")):
        setattr(issue, field, value)
        assert make_proof(issue) != first
    assert Proof.objects.count() == 4


def test_a_proof_knows_where_it_comes_from(issue):
    proof = make_proof(issue)
    assert proof.revision == issue.live_revision
    assert proof.layout_version == layout.version("bulletin")
    assert (proof.html_size, proof.encoded_size) > (5_000, 5_000)
    assert [link.url for link in message.load(bytes(proof.packed)).links] == ["https://example.org/bridge"]


def test_an_own_layout_is_used_and_its_version_kept(issue, settings, tmp_path):
    copytree(layout.LAYOUTS / "letter", tmp_path / "council")
    page = tmp_path / "council" / "layout.mjml"
    page.write_text(page.read_text().replace("</h1>", " (council)</h1>"))
    settings.LAYOUTS = tmp_path
    issue.newsletter.layout = "council"
    proof = make_proof(issue)
    assert "(council)</h1>" in compiled(issue).html
    assert (proof.layout, proof.layout_version) == ("council", layout.version("council", tmp_path))


def test_a_draft_is_another_proof_than_the_published_text(issue):
    issue.title = "Not yet"
    draft = issue.save_revision()
    issue = Issue.objects.get(pk=issue.pk)
    assert make_draft_proof(issue).revision == draft
    assert make_proof(issue).revision == issue.live_revision != draft


def test_what_a_file_filed_is_the_published_text(tmp_path):
    a_newsletter()
    text = re.sub(r"newsletter:\n(  .*\n)+", "newsletter: city\n", ISSUE)
    path = tmp_path / "issue.md"
    path.write_text(text)
    issue = file_issue(path, update=False)
    path.write_text(text.replace("The first issue", "The first issue, mended"))
    issue = file_issue(path, update=False)
    assert (issue.title, issue.has_unpublished_changes) == ("The first issue, mended", False)
    assert make_proof(issue).revision == issue.latest_revision == issue.live_revision
