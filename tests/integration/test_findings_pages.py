"""What preflight says, on the pages, and the links asked from there."""

import re
from dataclasses import replace
from html import unescape

import pytest
from django.test import Client
from newsroom import DOCUMENT, Newsroom, a_newsletter, an_issue, signed_in

from pipeline.content.preflight.findings import note, warn
from pipeline.content.types import Article, Button, ContentError, Paragraph, Picture, Section
from pipeline.models import Issue
from pipeline.sending import BlockedError, make_proof
from pipeline.staff import checking
from pipeline.staff.preview import impossible, preview_of

pytestmark = pytest.mark.django_db


def an_issue_of(*blocks):
    sections = (Section("Policy", (Article("A bridge opens", blocks),)),)
    return an_issue(a_newsletter(), replace(DOCUMENT, sections=sections))


@pytest.fixture
def ada():
    """Edits."""
    return signed_in("ada", group="Editors")


@pytest.fixture
def asked(monkeypatch):
    """The documents whose links were asked; each answers with one broken link."""
    documents = []

    def ask(document):
        documents.append(document)
        return (warn("link-broken", "sections[0].articles[0].blocks[1]", "{url} is broken", url="https://a.org/"),)

    monkeypatch.setattr(checking, "check_links", ask)
    return documents


def page(client: Client, issue: Issue) -> str:
    html = client.get(f"/admin/snippets/pipeline/issue/edit/{issue.pk}/").content.decode()
    return unescape(html.partition('data-side-panel="findings"')[2].partition("data-side-panel=")[0])


def ask_url(issue: Issue) -> str:
    return f"/admin/snippets/pipeline/issue/ask-links/{issue.pk}/"


def words(html: str) -> str:
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def test_an_issue_that_cannot_be_compiled_says_why_and_where():
    preview = preview_of(an_issue_of(Paragraph("Dear {{ surname }}")))
    assert preview.compilation is None
    [found] = preview.findings
    assert (found.id, found.place) == ("text", "sections[0].articles[0].blocks[0]")
    assert "surname" in found.message


def test_an_issue_without_a_newsletter_asks_for_one():
    [found] = preview_of(Issue()).findings
    assert (found.id, found.place) == ("not-ready", "newsletter")


def test_an_error_keeps_its_braces():
    [found] = impossible(ContentError("{nobody} knows {0}", source="layout")).findings
    assert found.message == "{nobody} knows {0}"


def test_the_panel_groups_by_severity_and_names_places_as_the_form_does(ada):
    issue = an_issue_of(
        Paragraph("The bridge is open. " * 30),
        Picture("https://example.org/a.png", ""),
        Button("Go", "http://localhost/"),
    )
    said = words(page(ada, issue))
    mended, _, looked = said.partition("Must be mended (1)")[2].partition("Please look (1)")
    assert "is the reader's own machine" in mended
    assert "Policy › A bridge opens › button “Go”" in mended
    assert "Policy › A bridge opens › picture or video “https://example.org/a.png”" in looked
    assert "sections[" not in said


def test_what_people_wrote_is_text_in_the_panel(ada):
    issue = an_issue_of(Paragraph("x"), Button("<b>Go</b>", "http://localhost/"))
    html = ada.get(f"/admin/snippets/pipeline/issue/edit/{issue.pk}/").content.decode()
    assert "button “&lt;b&gt;Go&lt;/b&gt;”" in html.partition('data-side-panel="findings"')[2]


def test_the_panel_speaks_korean(ada):
    issue = an_issue_of(Paragraph("The bridge is open. " * 30), Button("Go", "http://localhost/"))
    ada.cookies["django_language"] = "ko"
    ada.defaults["HTTP_ACCEPT_LANGUAGE"] = "ko"
    said = words(page(ada, issue))
    assert "고쳐야 함 (1)" in said
    assert "“localhost”은(는) 독자 자신의 컴퓨터이거나 없는 곳입니다" in said
    assert "Policy › A bridge opens › 버튼 “Go”" in said


def test_a_good_issue_says_so(ada):
    issue = an_issue_of(Paragraph("The bridge is open. " * 30))
    assert "Nothing stands against sending this issue." in page(ada, issue)


def test_links_are_asked_on_request_alone(ada, asked):
    issue = an_issue_of(Paragraph("x"), Button("Go", "https://a.org/"))
    assert f'action="{ask_url(issue)}"' in page(ada, issue)
    assert ada.get(ask_url(issue)).status_code == 405
    assert asked == []
    answer = ada.post(ask_url(issue)).content.decode()
    assert len(asked) == 1
    assert "https://a.org/ is broken" in answer
    assert "Policy › A bridge opens › button “Go”" in answer
    assert "<html" in answer


def test_within_a_page_only_the_findings_come(ada, asked):
    issue = an_issue_of(Button("Go", "https://a.org/"))
    answer = ada.post(ask_url(issue), headers={"HX-Request": "true"}).content.decode()
    assert "https://a.org/ is broken" in answer
    assert "<html" not in answer


def test_links_that_all_answer_are_said_to(ada, monkeypatch):
    monkeypatch.setattr(checking, "check_links", lambda _: ())
    assert "All addresses answer." in ada.post(ask_url(an_issue_of(Paragraph("x")))).content.decode()


def test_asking_can_be_turned_off(ada, asked, settings):
    settings.LINK_CHECK = False
    issue = an_issue_of(Button("Go", "https://a.org/"))
    assert ask_url(issue) not in page(ada, issue)
    assert "turned off" in ada.post(ask_url(issue)).content.decode()
    assert asked == []


def test_who_may_not_edit_may_not_ask(asked):
    issue = an_issue_of(Button("Go", "https://a.org/"))
    assert signed_in("carl").post(ask_url(issue)).status_code in {302, 403}
    assert Client().post(ask_url(issue)).status_code == 302
    assert asked == []


def test_the_last_look_shows_the_findings_and_asks_links():
    newsroom = Newsroom()
    bo = signed_in("bo", superuser=True)
    form = {"issues": [newsroom.issue.pk], "lists": [newsroom.readers.pk], "zone": "UTC"}
    html = unescape(bo.post(f"/admin/sending/{newsroom.issue.pk}/", form).content.decode())
    assert "Last look before sending" in html
    assert f'hx-post="{ask_url(newsroom.issue)}"' in html


def test_a_place_that_is_gone_is_shown_as_it_is():
    [grade] = checking.graded([note("x", "sections[7].title", "y")], DOCUMENT)
    assert grade.findings[0].place == "sections[7].title"


def test_a_refusal_to_send_names_what_to_mend():
    issue = an_issue_of(Button("Go", "http://localhost/"))
    with pytest.raises(BlockedError, match=r"Policy › A bridge opens › Button “Go”: “localhost” is the reader's own"):
        make_proof(issue)
