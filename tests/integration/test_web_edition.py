"""The public web edition: what is served, what is said about it, corrections, withdrawal, what strangers may not."""

import re
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client
from lxml import html as lxml_html
from newsroom import DOCUMENT, a_newsletter, an_issue
from scene import Threads
from segments import slots_of_html

from pipeline.content import message
from pipeline.models import Publication
from pipeline.sending import make_draft_proof, make_proof
from pipeline.transitions import PublicationError, correct_edition, publish_edition, withdraw_edition

pytestmark = pytest.mark.django_db
URL = "/read/city/20/en"
KOREAN = replace(DOCUMENT, language="ko", title="제20호", subject="제20호", preheader="도시의 새 소식")


class Desk:
    """Issue 20 in two languages, the English one on the web."""

    def __init__(self) -> None:
        self.newsletter = a_newsletter()
        self.issue = an_issue(self.newsletter)
        self.korean = an_issue(self.newsletter, KOREAN)
        self.proof = make_proof(self.issue)
        publish_edition(self.proof, by="ada")

    def changed(self, **fields: object):
        """Another proof of the same issue."""
        for name, value in fields.items():
            setattr(self.issue, name, value)
        self.issue.save_revision().publish()
        self.issue.refresh_from_db()
        return make_proof(self.issue)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def stranger() -> Client:
    return Client()


def head_of(response) -> dict[str, list[str]]:
    """Names of meta tags and rels of links → what they say."""
    page = lxml_html.fromstring(response.content.decode())
    found: dict[str, list[str]] = {}
    for tag in page.iterfind("head/meta"):
        found.setdefault(tag.get("property") or tag.get("name") or "", []).append(tag.get("content") or "")
    for tag in page.iterfind("head/link"):
        found.setdefault(tag.get("rel"), []).append(f"{tag.get('hreflang') or ''} {tag.get('href')}".strip())
    return found


def test_it_is_the_proof_for_nobody_in_particular(desk, stranger):
    response = stranger.get(URL)
    html = response.content.decode()
    assert response.status_code == 200
    assert "Dear reader, the bridge is" in html
    before, head, rest = html.partition('<link rel="canonical"')
    bare = before + "</head>" + (head + rest).partition("</head>")[2]
    filled = slots_of_html(message.load(bytes(desk.proof.packed)), bare)
    assert filled
    assert set(filled) == {"reader", "nobody", f"web-{desk.issue.pk}"}


def test_its_own_links_explain_leaving_and_lead_back_to_itself(desk, stranger):
    html = stranger.get(URL).content.decode()
    [leave] = set(re.findall(r'href="([^"]*/u/[^"]*)"', html))
    assert "How to unsubscribe" in stranger.get(leave.removeprefix(settings.BASE_URL)).content.decode()
    [view] = set(re.findall(r'href="([^"]*/v/[^"]*)"', html))
    assert stranger.get(view.removeprefix(settings.BASE_URL))["Location"] == settings.BASE_URL + URL
    assert stranger.get("/v/web-999999").status_code == 404


def test_what_is_said_about_it(desk, stranger):
    head = head_of(stranger.get(URL))
    assert head["og:title"] == ["Issue No. 20"]
    assert head["og:description"] == head["description"] == ["What is new in the city"]
    assert head["og:image"] == ["https://example.org/bridge.png"]
    assert head["og:url"] == head["canonical"] == [settings.BASE_URL + URL]
    assert head["og:locale"] == ["en_US"]
    assert head["og:site_name"] == ["City Letter"]
    assert head["alternate"] == [f"en {settings.BASE_URL}{URL}"]
    assert "og:locale:alternate" not in head


def test_editions_name_each_other_once_they_are_there(desk, stranger):
    before = stranger.get(URL)["ETag"]
    publish_edition(make_proof(desk.korean), by="ada")
    both = [f"en {settings.BASE_URL}{URL}", f"ko {settings.BASE_URL}/read/city/20/ko"]
    korean = stranger.get("/read/city/20/ko")
    assert head_of(stranger.get(URL))["alternate"] == head_of(korean)["alternate"] == both
    assert head_of(korean)["og:locale"] == ["ko_KR"]
    assert head_of(korean)["og:locale:alternate"] == ["en_US"]
    assert korean["Content-Language"] == "ko"
    assert stranger.get(URL)["ETag"] != before
    withdraw_edition(desk.korean.pk, note="too early", by="ada")
    assert head_of(stranger.get(URL))["alternate"] == both[:1]


def test_it_runs_nothing_keeps_nothing_and_may_be_found(desk, stranger):
    response = stranger.get(URL)
    directives = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert "allow-scripts" not in directives["sandbox"]
    assert "allow-same-origin" not in directives["sandbox"]
    assert not response.cookies
    assert "X-Robots-Tag" not in response
    assert "noindex" not in response.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_but_reading(desk, stranger, method):
    assert getattr(stranger, method)(URL).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/read/city/20/ko", "/read/city/21/en", "/read/town/20/en", "/read/city/20/e%00n", "/read/city/20/en'--",
        f"/read/city/{'9' * 400}/en", f"/read/city/20/{'e' * 3000}", "/read/city/-1/en",
    ],
)  # fmt: skip
def test_what_was_never_published_is_not_there(desk, stranger, path):
    assert stranger.get(path).status_code == 404


def test_a_copy_is_asked_for_again_and_mostly_has_not_changed(desk, stranger):
    first = stranger.get(URL)
    assert first["Cache-Control"] == "public, max-age=60"
    again = stranger.get(URL, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert stranger.get(URL, headers={"If-Modified-Since": first["Last-Modified"]}).status_code == 304
    assert stranger.get(URL, headers={"If-None-Match": '"another"'}).status_code == 200
    assert stranger.head(URL)["ETag"] == first["ETag"]


def test_whoever_reads_again_costs_two_small_reads(desk, stranger, django_assert_num_queries):
    stranger.get(URL)
    with django_assert_num_queries(2) as asked:
        stranger.get(URL)
    assert not any("packed" in query["sql"] for query in asked.captured_queries)


@pytest.mark.parametrize("browsers", ["ko", "en", "de"])
def test_it_is_the_same_whatever_the_visitor_speaks(desk, stranger, browsers):
    correct_edition(desk.changed(title="Mended"), note="A date was wrong.", by="ada")
    assert b"Corrected on" in stranger.get(URL, headers={"Accept-Language": browsers}).content


# Corrections


def test_a_correction_is_seen_and_dated_and_the_history_stays(desk, stranger):
    old = stranger.get(URL)
    better = desk.changed(title="Issue No. 20, mended")
    assert stranger.get(URL).content == old.content  # a new draft or proof changes nothing by itself
    correct_edition(better, note="The bridge opens on Monday.\nNot on Sunday.", by="bo")
    response = stranger.get(URL, headers={"If-None-Match": old["ETag"]})
    page = lxml_html.fromstring(response.content.decode())
    [note] = page.xpath("//body/*[1][@role='note']")
    assert re.match(r"Corrected on \w+\.? \d+, \d{4}: The bridge opens on Monday.\nNot", note.text_content())
    assert "Issue No. 20, mended" in response.content.decode()
    told = list(Publication.objects.values_list("act", "by", "note", "proof_id"))
    assert told == [
        ("published", "ada", "", desk.proof.pk),
        ("corrected", "bo", "The bridge opens on Monday.\nNot on Sunday.", better.pk),
    ]


def test_all_corrections_stand_above_the_newest_first(desk, stranger):
    correct_edition(desk.changed(title="Two"), note="first note", by="ada")
    correct_edition(desk.changed(title="Three"), note="second note", by="ada")
    html = stranger.get(URL).content.decode()
    assert 0 < html.index("second note") < html.index("first note")


def test_a_korean_edition_is_corrected_in_korean(desk, stranger):
    proof = make_proof(desk.korean)
    publish_edition(proof, by="ada")
    correct_edition(proof, note="날짜를 바로잡았습니다.", by="ada")
    html = stranger.get("/read/city/20/ko", headers={"Accept-Language": "en"}).content.decode()
    assert re.search(r"<strong[^>]*>\d{4}년 \d+월 \d+일 정정:</strong> 날짜를 바로잡았습니다.", html)


HOSTILE = "<script>alert(1)</script></p></body>\"' &amp; {{ first_name }}"


def test_a_hostile_note_is_text(desk, stranger):
    correct_edition(desk.proof, note=HOSTILE, by="ada")
    html = stranger.get(URL).content.decode()
    assert "<script" not in html
    [note] = lxml_html.fromstring(html).xpath("//body/*[1]")
    assert HOSTILE in note.text_content()


def test_hostile_titles_stay_inside_their_attributes(desk, stranger):
    evil = '"><script>alert(1)</script></head>'
    correct_edition(desk.changed(title=evil, preheader=evil), note="x", by="ada")
    html = stranger.get(URL).content.decode()
    assert "<script" not in html
    assert head_of(stranger.get(URL))["og:title"] == [evil]


# What is refused


def refused(words, act, *arguments, **more):
    with pytest.raises(PublicationError, match=words):
        act(*arguments, **more)


def test_what_readers_have_seen_is_not_exchanged_without_a_word(desk):
    refused("on the web already", publish_edition, desk.changed(title="Two"), by="ada")
    for empty in ("", " \n"):
        refused("Say in the note", correct_edition, desk.proof, note=empty, by="ada")
        refused("Say why", withdraw_edition, desk.issue.pk, note=empty, by="ada")
    assert Publication.objects.count() == 1


def test_what_is_not_there_is_neither_corrected_nor_withdrawn(desk):
    refused("is not on the web", correct_edition, make_proof(desk.korean), note="x", by="ada")
    refused("is not on the web", withdraw_edition, desk.korean.pk, note="x", by="ada")


def test_what_preflight_blocks_is_not_put_on_the_web(desk):
    desk.newsletter.postal_address = ""
    desk.newsletter.save()
    desk.korean.refresh_from_db()
    blocked = make_draft_proof(desk.korean)
    refused("no postal address", publish_edition, blocked, by="ada")


def test_withdrawn_is_gone_and_may_come_back_without_its_old_notes(desk, stranger):
    correct_edition(desk.proof, note="an old note", by="ada")
    withdraw_edition(desk.issue.pk, note="wrong picture rights", by="ada")
    gone = stranger.get(URL)
    assert (gone.status_code, gone["X-Robots-Tag"]) == (410, "noindex, nofollow")
    assert "picture rights" not in gone.content.decode()
    publish_edition(desk.proof, by="ada")
    back = stranger.get(URL)
    assert (back.status_code, "an old note" in back.content.decode()) == (200, False)


def test_the_address_stays_when_names_change_and_is_given_to_no_other(desk, stranger):
    desk.newsletter.slug = "town"
    desk.newsletter.save()
    desk.issue.number = 21
    correct_edition(desk.changed(title="Two"), note="x", by="ada")
    assert stranger.get(URL).status_code == 200
    desk.newsletter.slug = "city"
    desk.newsletter.save()
    another = an_issue(desk.newsletter, replace(DOCUMENT, title="Another"))
    refused("belongs to another issue", publish_edition, make_proof(another), by="ada")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_is_told_that_it_is_there(desk):
    proof, refusals = make_proof(desk.korean), []

    def publish() -> None:
        try:
            publish_edition(proof, by="ada")
        except PublicationError as error:
            refusals.append(str(error))

    Threads(*[publish] * 4).finish()
    assert Publication.objects.filter(issue=desk.korean).count() == 1
    assert len(refusals) == 3
