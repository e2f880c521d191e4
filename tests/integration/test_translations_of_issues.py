"""An issue's editions are translations of each other for Wagtail too, in any language, whoever writes the row."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from newsroom import DOCUMENT, a_newsletter, an_issue, signed_in
from wagtail.models import Locale
from wagtail.users.models import UserProfile

from pipeline.documents import document_of, fill_in
from pipeline.models import Issue
from pipeline.queries.sql import execute
from pipeline.sending import file_issue

pytestmark = pytest.mark.django_db
FORM = "/admin/snippets/pipeline/issue"


FILE = """---
newsletter: city
title: Issue No. 20
number: 20
date: 2026-11-22
language: {language}
subject: News
preheader: What is new
---

# Policy

## A bridge opens

It is open.
"""


@pytest.fixture
def newsletter():
    return a_newsletter()


def filed(folder: Path, language: str) -> Issue:
    file = folder / "issue.md"
    file.write_text(FILE.format(language=language))
    return file_issue(file, update=False)


def edition(newsletter, language: str, **fields: object) -> Issue:
    issue = an_issue(newsletter, replace(DOCUMENT, language=language, **fields))
    return Issue.objects.get(pk=issue.pk)


@pytest.mark.parametrize("language", ["en", "ko", "pt-BR", "zh-Hant-TW", "zxx-x-odd", "qaa"])
def test_an_issue_may_be_in_any_language(newsletter, language):
    issue = edition(newsletter, language)
    assert issue.locale.language_code == language
    assert str(issue.locale)


def test_editions_of_one_number_share_their_key_and_no_others_do(newsletter):
    en, ko = edition(newsletter, "en"), edition(newsletter, "ko")
    later = edition(newsletter, "ko", number=21)
    elsewhere = edition(a_newsletter(slug="other"), "ko")
    assert list(en.get_translations()) == [ko]
    assert len({en.translation_key, later.translation_key, elsewhere.translation_key}) == 3


def test_an_issue_file_in_another_language_joins_the_others(newsletter, tmp_path):
    first, odd = (filed(tmp_path, language) for language in ("en", "qaa-Qaaa-QM"))
    assert list(first.get_translations()) == [odd]
    assert (first.locale.language_code, odd.locale.language_code) == ("en", "qaa-Qaaa-QM")
    assert filed(tmp_path, "en") == first


def test_language_and_number_are_the_truth_whoever_writes(newsletter):
    one, two = edition(newsletter, "en"), edition(newsletter, "ko")
    two.number, two.language = 21, "fr"
    two.save()
    two.refresh_from_db()
    assert (two.locale.language_code, list(one.get_translations())) == ("fr", [])
    execute("UPDATE pipeline_issue SET number = 20, language = 'de' WHERE id = %s", [two.pk])
    two.refresh_from_db()
    assert (two.locale.language_code, list(one.get_translations())) == ("de", [two])
    execute("UPDATE pipeline_issue SET locale_id = %s WHERE id = %s", [one.locale_id, two.pk])
    two.refresh_from_db()
    assert two.locale.language_code == "de"


def test_a_draft_in_another_language_is_that_only_once_it_is_published(newsletter):
    issue = edition(newsletter, "en")
    fill_in(issue, replace(DOCUMENT, language="fr"))
    revision = issue.save_revision()
    issue.refresh_from_db()
    assert (issue.language, issue.locale.language_code) == ("en", "en")
    revision.publish()
    issue.refresh_from_db()
    assert (issue.language, issue.locale.language_code) == ("fr", "fr")


# The pages


@pytest.fixture
def ada():
    return signed_in("ada", group="Editors")


def test_the_form_leads_to_the_other_editions(newsletter, ada):
    en, ko, odd = (edition(newsletter, each) for each in ("en", "ko", "zxx-x-odd"))
    html = ada.get(f"{FORM}/edit/{en.pk}/").content.decode()
    for other in (ko, odd):
        assert f'<a href="{FORM}/edit/{other.pk}/" lang="{other.language}">' in html
    assert f"{FORM}/translate/{en.pk}/" in html


def test_a_translation_begins_as_an_unpublished_copy_of_the_latest_draft(newsletter, ada):
    issue = edition(newsletter, "en")
    fill_in(issue, replace(DOCUMENT, title="A newer draft"))
    issue.save_revision()
    url = f"{FORM}/translate/{issue.pk}/"
    assert "Copy for translation" in ada.get(url).content.decode()
    response = ada.post(url, {"language": " fr-CA "})
    made = Issue.objects.get(language="fr-CA")
    assert response["Location"] == f"{FORM}/edit/{made.pk}/"
    assert (made.live, made.title, made.locale.language_code) == (False, "A newer draft", "fr-CA")
    assert (made.live_revision, made.first_published_at) == (None, None)
    assert document_of(made) == replace(DOCUMENT, language="fr-CA", title="A newer draft")
    assert made in issue.get_translations()
    assert ada.get(response["Location"]).status_code == 200
    issue.refresh_from_db()
    assert (issue.live, issue.title) == (True, DOCUMENT.title)


@pytest.mark.parametrize("language", ["", "EN", "en", "english please", "<script>", "a" * 36])
def test_what_is_no_new_language_is_refused_where_it_was_typed(newsletter, ada, language):
    issue = edition(newsletter, "en")
    html = ada.post(f"{FORM}/translate/{issue.pk}/", {"language": language}).content.decode()
    assert 'class="errorlist"' in html
    assert "<script>" + '"' not in html
    assert Issue.objects.count() == 1


def test_only_who_may_write_issues_may_translate(newsletter):
    issue = edition(newsletter, "en")
    client = signed_in("cleo", "wagtailadmin.access_admin", "pipeline.view_issue")
    assert client.post(f"{FORM}/translate/{issue.pk}/", {"language": "fr"}).status_code in {302, 403}
    assert Issue.objects.count() == 1


def test_the_list_of_issues_is_narrowed_by_any_language(newsletter, ada):
    for language in ("en", "ko", "zxx-x-odd"):
        edition(newsletter, language, title=f"Issue in {language}")
    for language in ("ko", "zxx-x-odd"):
        html = ada.get(f"{FORM}/", {"locale": language}).content.decode()
        assert f"Issue in {language}" in html
        assert "Issue in en" not in html


def test_a_copy_for_the_next_number_is_no_translation(newsletter, ada):
    issue = edition(newsletter, "ko")
    html = ada.get(f"{FORM}/copy/{issue.pk}/").content.decode()
    assert re.findall(r'name="language" value="([^"]*)"', html) == ["ko"]
    fields = {"newsletter": newsletter.pk, "number": 21, "date": "2026-12-22", "language": "ko", "title": "Next",
              "subject": "s", "preheader": "", "body-count": 0}  # fmt: skip
    [action] = re.findall(rf'action="({FORM}/[^"]*)"\s*method="POST"', html)
    ada.post(action, fields)
    issue.refresh_from_db()
    assert (issue.number, issue.title) == (20, DOCUMENT.title)
    copy = Issue.objects.exclude(pk=issue.pk).get()
    assert (copy.number, copy.title, copy.locale.language_code) == (21, "Next", "ko")
    assert not issue.get_translations().exists()


def test_a_new_issue_begins_in_the_language_of_the_pages_unless_another_is_chosen(newsletter, ada):
    edition(newsletter, "ko")
    language = re.compile(r'name="language" value="([^"]*)"')
    user = get_user_model().objects.get(username="ada")
    assert language.findall(ada.get(f"{FORM}/add/").content.decode()) == ["en"]
    assert language.findall(ada.get(f"{FORM}/add/?locale=ko").content.decode()) == ["ko"]
    UserProfile.objects.create(user=user, preferred_language="ko")
    [link] = re.findall(rf'href="({FORM}/add/[^"]*)"', ada.get(f"{FORM}/").content.decode())
    assert language.findall(ada.get(link).content.decode()) == ["ko"]


# Issues that were there before


@pytest.mark.django_db(transaction=True)
def test_issues_from_before_become_translations_of_each_other():
    before, after = [("pipeline", "0004_publishing")], MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate(before)
    try:
        execute(
            "INSERT INTO pipeline_newsletter (id, slug, name, sender_name, sender_address, reply_to, postal_address,"
            " language, layout, brand) VALUES (1, 'city', '', '', '', '', '', 'en', 'bulletin', '{}')"
        )
        for number, language in ((20, "en"), (20, "pt-BR"), (21, "en")):
            execute(
                "INSERT INTO pipeline_issue (live, has_unpublished_changes, expired, locked, newsletter_id, number,"
                " date, language, title, subject, preheader, body, pictures) VALUES"
                " (true, false, false, false, 1, %s, now(), %s, 'kept', '', '', '[]', '{}')",
                [number, language],
            )
    finally:
        MigrationExecutor(connection).migrate(after)
    en, portuguese, later = Issue.objects.order_by("pk")
    assert {issue.title for issue in (en, portuguese, later)} == {"kept"}
    assert [issue.locale.language_code for issue in (en, portuguese, later)] == ["en", "pt-BR", "en"]
    assert list(en.get_translations()) == [portuguese]
    assert Locale.objects.filter(language_code="pt-BR").count() == 1
    assert (en.newsletter.fallback_languages, en.newsletter.unknown_language) == ([], "main")
