from dataclasses import replace

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO

from pipeline.content import preflight
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    Facts,
    FileLink,
    Heading,
    ItemList,
    ListStyle,
    Paragraph,
    Picture,
    PictureUse,
    PublicPicture,
    Quote,
    Section,
    Severity,
    Shape,
    Signature,
    Sponsor,
    Teaser,
)


def of_issue(**changes):
    return {(f.id, f.severity, f.place) for f in preflight.check(replace(ENGLISH, **changes), NEWSLETTER)}


def of_newsletter(**changes):
    return {(f.id, f.severity, f.place) for f in preflight.check(ENGLISH, replace(NEWSLETTER, **changes))}


def of_block(block):
    sections = (Section("One", (Article("Two", (block,)),)),)
    return {(f.id, f.severity) for f in preflight.check(replace(ENGLISH, sections=sections), NEWSLETTER)}


def test_nothing_stands_against_a_good_issue():
    assert preflight.check(ENGLISH, NEWSLETTER) == ()
    assert preflight.check(KOREAN, NEWSLETTER_KO) == ()


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"postal_address": " \n"}, ("postal-address", Severity.BLOCK, "newsletter")),
        ({"slug": "Smart City"}, ("slug", Severity.BLOCK, "newsletter")),
        ({"name": " "}, ("name", Severity.BLOCK, "newsletter")),
        ({"sender_address": "desk"}, ("sender", Severity.BLOCK, "newsletter")),
        ({"sender_address": "desk@example.org\r\nBcc: x@y.org"}, ("sender", Severity.BLOCK, "newsletter")),
        ({"reply_to": "a, b@example.org"}, ("reply-to", Severity.BLOCK, "newsletter")),
        ({"sender_name": "A =?UTF-8?Q?=0A?=Bcc"}, ("header-text", Severity.BLOCK, "newsletter.sender_name")),
        ({"name": "A\nB"}, ("header-text", Severity.BLOCK, "newsletter.name")),
        ({"postal_address": "Road\x851"}, ("control", Severity.BLOCK, "newsletter.postal_address")),
        ({"brand": {"primary": "red"}}, ("brand", Severity.BLOCK, "newsletter.brand.primary")),
        ({"brand": {"primary": "#fff;}x{"}}, ("brand", Severity.BLOCK, "newsletter.brand.primary")),
        ({"brand": {"shadow": "#123456"}}, ("brand", Severity.BLOCK, "newsletter.brand.shadow")),
        ({"brand": {"primary": "#ffee00"}}, ("contrast-brand", Severity.WARN, "newsletter.brand.primary")),
    ],
)
def test_of_the_newsletter(changes, finding):
    assert finding in of_newsletter(**changes)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"subject": ""}, ("subject-empty", Severity.BLOCK, "subject")),
        ({"subject": "{{ first_name }}"}, ("subject-empty", Severity.BLOCK, "subject")),
        ({"subject": "x" * 81}, ("subject-long", Severity.WARN, "subject")),
        ({"subject": "가" * 41}, ("subject-long", Severity.WARN, "subject")),
        ({"subject": "x" * 75 + "{{ first_name }}"}, ("subject-long", Severity.WARN, "subject")),
        ({"subject": "a\r\nBcc: x@y.org"}, ("header-text", Severity.BLOCK, "subject")),
        ({"subject": "A =?UTF-8?Q?=0A?=Bcc: x@y"}, ("header-text", Severity.BLOCK, "subject")),
        ({"subject": "{{ surname }}"}, ("text", Severity.BLOCK, "subject")),
        ({"preheader": " "}, ("preheader-empty", Severity.WARN, "preheader")),
        ({"preheader": "x" * 151}, ("preheader-long", Severity.WARN, "preheader")),
        ({"preheader": "가" * 76}, ("preheader-long", Severity.WARN, "preheader")),
        ({"title": ""}, ("empty", Severity.BLOCK, "title")),
        ({"title": "a\u202eb"}, ("direction", Severity.BLOCK, "title")),
        ({"title": "a\x92b"}, ("control", Severity.BLOCK, "title")),
        ({"language": 'en" onload="'}, ("language", Severity.BLOCK, "language")),
        ({"language": ""}, ("language", Severity.BLOCK, "language")),
        (
            {"sections": (Section("One", (), (Quote("x", lang="e n"),)),)},
            ("language", Severity.BLOCK, "sections[0].intro[0]"),
        ),
        ({"sections": (Section("One", (), lang="kor1"),)}, ("language", Severity.BLOCK, "sections[0]")),
        ({"sections": ()}, ("no-content", Severity.BLOCK, "sections")),
        ({"sections": (Section(" ", ()),)}, ("empty", Severity.BLOCK, "sections[0].title")),
    ],
)
def test_of_the_issue(changes, finding):
    assert finding in of_issue(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": '{{ first_name | default("Hello") }}'},
        {"subject": "x" * 80},
        {"subject": "가" * 40},
        {"subject": "x" * 70 + '{{ first_name | default("Hello") }}'},
        {"preheader": "가" * 75},
        {"language": "en-GB"},
    ],
)
def test_what_is_allowed_of_the_issue_finds_nothing(changes):
    assert of_issue(**changes) == set()


@pytest.mark.parametrize(
    ("advertising", "subject", "finding"),
    [
        (True, "8월의 소식", "advertising"),
        (True, "[광고] 8월의 소식", "advertising"),
        (True, " (광고) 8월의 소식", "advertising"),
        (True, "（광고） 8월의 소식", "advertising"),
        (True, "(광 고) 8월의 소식", "advertising"),
        (True, "(광고) 8월의 소식", None),
        (False, "(광고) 8월의 소식", "advertising-unmarked"),
        (False, "[광고] 8월의 소식", "advertising-unmarked"),
        (False, "광고 없는 8월의 소식", None),
        (False, "8월의 소식 (광고)", None),
    ],
)
def test_advertising_for_korea_begins_with_its_mark(advertising, subject, finding):
    issue = replace(KOREAN, advertising=advertising, subject=subject)
    found = {f.id: f.severity for f in preflight.check(issue, NEWSLETTER_KO)}
    assert set(found) == ({finding} if finding else set())
    assert preflight.blocked(preflight.check(issue, NEWSLETTER_KO)) == (finding == "advertising")


def test_advertising_elsewhere_needs_no_korean_mark():
    assert of_issue(advertising=True) == set()


@pytest.mark.parametrize(
    ("block", "ready", "finding"),
    [
        (Picture("a.png", "x"), (), ("picture-missing", Severity.BLOCK)),
        (Teaser("Story", src="a.png", alt="x"), (), ("picture-missing", Severity.BLOCK)),
        (Picture("a.png", "x"), (PictureUse("a.png", Shape.DOORWAY),), ("picture-missing", Severity.BLOCK)),
        (Picture("a.png", "x"), (PictureUse("a.png"),), None),
        (Picture("https://a.org/a.png", "x"), (), None),
        (Picture("https://a.org/a.png", "x", video="https://a.org/v"), (), ("picture-elsewhere", Severity.WARN)),
    ],
)
def test_of_prepared_pictures_none_may_be_missing(block, ready, finding):
    document = replace(ENGLISH, sections=(Section("One", (Article("Two", (block,)),)),))
    pictures = {use: PublicPicture("https://a.org/b.png") for use in ready}
    found = preflight.check_pictures(document, pictures)
    assert [(f.id, f.severity) for f in found] == ([finding] if finding else [])
    assert preflight.check_pictures(document, None) == ()


def test_a_sponsor_makes_a_korean_issue_advertising():
    sponsored = (Section("하나", (Article("둘", (Sponsor("함께합니다", "은행"),)),)),)
    told = {f.id for f in preflight.check(replace(KOREAN, sections=sponsored), NEWSLETTER_KO)}
    marked = replace(KOREAN, sections=sponsored, advertising=True, subject="(광고) 소식")
    assert "sponsor-advertising" in told
    assert preflight.check(marked, NEWSLETTER_KO) == ()


@pytest.mark.parametrize(
    ("block", "finding"),
    [
        (Paragraph("<script>x</script>"), ("text", Severity.BLOCK)),
        (Paragraph("a & b"), ("text", Severity.BLOCK)),
        (Paragraph('<a href="https://a.org" onclick="x">y</a>'), ("text", Severity.BLOCK)),
        (Paragraph("<strong>a"), ("text", Severity.BLOCK)),
        (Paragraph("{{ 7*7 }}"), ("text", Severity.BLOCK)),
        (Paragraph("Dear {{ first_name }}"), ("merge-fallback", Severity.WARN)),
        (Paragraph('<a href="">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="javascript:alert(1)">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="data:text/html,x">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="//example.org">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="https://u:p@example.org/">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="https://exa mple.org/">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="https://{{ name }}.org/">x</a>'), ("link", Severity.BLOCK)),
        (Paragraph('<a href="https://example.org/{{ nope }}">x</a>'), ("text", Severity.BLOCK)),
        (Paragraph('<a href="https://example.org/"> </a>'), ("link-text", Severity.BLOCK)),
        (Heading(""), ("empty", Severity.BLOCK)),
        (ItemList(ListStyle.BULLET, ()), ("empty-list", Severity.BLOCK)),
        (ItemList(ListStyle.BULLET, ("a\u2028b",)), ("control", Severity.BLOCK)),
        (Facts((("", "x"),)), ("empty", Severity.BLOCK)),
        (Facts(()), ("empty-list", Severity.BLOCK)),
        (Citation("<b>x</b>"), ("text", Severity.BLOCK)),
        (Quote("x", "y\x00"), ("control", Severity.BLOCK)),
        (Button("", "https://example.org/"), ("empty", Severity.BLOCK)),
        (Button("Go", "http:///path"), ("link", Severity.BLOCK)),
        (Button("Go", "mailto:"), ("link", Severity.BLOCK)),
        (Picture("a.png", ""), ("alt", Severity.WARN)),
        (Picture("a.png", "", video="https://example.org/v"), ("alt-link", Severity.BLOCK)),
        (Picture("", "alt"), ("picture", Severity.BLOCK)),
        (Picture("../secret.png", "alt"), ("picture", Severity.BLOCK)),
        (Picture("/etc/x.png", "alt"), ("picture", Severity.BLOCK)),
        (Picture("javascript:x", "alt"), ("link", Severity.BLOCK)),
        (Picture("data:image/png;base64,x", "alt"), ("link", Severity.BLOCK)),
        (Picture("a.png", "alt", link="ftp://example.org"), ("link", Severity.BLOCK)),
        (Sponsor("x", "Bank", src="a.png"), ("alt", Severity.WARN)),
        (Signature("Ann", src="a.png"), ("alt", Severity.WARN)),
        (Teaser("Story", url="https://example.org/", src="a.png"), ("alt", Severity.WARN)),
        (Teaser("Story"), ("teaser-link", Severity.WARN)),
        (Teaser("", url="https://example.org/"), ("empty", Severity.BLOCK)),
        (Sponsor("x", ""), ("empty", Severity.BLOCK)),
        (FileLink("Plan", "https://example.org/plan", size="1 MB"), ("file-kind", Severity.WARN)),
        (FileLink("Plan", "https://example.org/plan.pdf"), ("file-size", Severity.NOTE)),
        (Button("Go", "http://127.0.0.1:8000/x"), ("host-nowhere", Severity.BLOCK)),
        (Button("Go", "https://localhost/"), ("host-nowhere", Severity.BLOCK)),
        (Picture("http://0x7f.1/a.png", "alt"), ("host-nowhere", Severity.BLOCK)),
        (Paragraph('<a href="https://intranet/x">x</a>'), ("host-inside", Severity.WARN)),
        (Paragraph('<a href="https://10.1.2.3/{{ email }}">x</a>'), ("host-inside", Severity.WARN)),
        (Button("Go", "https://news.example/"), ("host-example", Severity.NOTE)),
        (Button("Go", "http://example.org/"), ("http", Severity.WARN)),
    ],
)
def test_of_a_block(block, finding):
    assert finding in of_block(block)


@pytest.mark.parametrize(
    "block",
    [
        Paragraph('<a href="https://예시.한국/길?q=값&amp;r=1">x</a> <em>a</em><br/>{{ name | default("x &lt; y") }}'),
        Paragraph('<a href="https://example.org/?who={{ email }}">x</a>'),
        Button("Write", "mailto:a@example.org?subject=Hi"),
        Picture("folder/a b.png", "alt", link="https://example.org:8080/"),
        Teaser("Story", url="https://example.org/"),
        Sponsor("x", "Bank", src="a.png", alt="The bank's tower"),
        Signature("Ann"),
        FileLink("Plan", "https://example.org/plan.hwp?v=2", size="1 MB"),
        FileLink("Plan", "https://example.org/download/7", kind="PDF", size="1 MB"),
    ],
)
def test_what_is_allowed_finds_nothing(block):
    assert of_block(block) == set()


def test_a_broken_tag_is_told_with_its_place_in_the_visible_text():
    sections = (Section("One", (Article("Two", (Paragraph("a<br/><strong>b</strong> {{ nope }}"),)),)),)
    found = preflight.check(replace(ENGLISH, sections=sections), NEWSLETTER)
    assert [(f.place, f.message.partition(":")[0]) for f in found] == [
        ("sections[0].articles[0].blocks[0]", "line 2, column 3")
    ]


def test_a_host_is_told_once_with_how_often_it_stands_there():
    links = tuple(Button("Go", f"http://intranet/{number}") for number in range(3))
    sections = (Section("One", (Article("Two", links),)),)
    [found] = preflight.check(replace(ENGLISH, sections=sections), NEWSLETTER)
    assert (found.place, dict(found.values)["url"]) == (
        "sections[0].articles[0].blocks[0].url",
        "http://intranet/0 +2",
    )


HANGUL = "스마트시티 정책 소식을 전해 드리는 소식지를 이번 달에도 보내 드립니다"
LATIN = "The fifth expo opens its doors in Ilsan, and all sessions are online"


@pytest.mark.parametrize(
    ("issue", "blocks", "places"),
    [
        (ENGLISH, (Paragraph(LATIN), Paragraph(HANGUL)), ["sections[0].articles[0].blocks[1]"]),
        (KOREAN, (Paragraph(LATIN), Paragraph(HANGUL)), ["sections[0].articles[0].blocks[0]"]),
        (ENGLISH, (Paragraph(LATIN), Paragraph(HANGUL, lang="ko")), []),
        (KOREAN, (Paragraph(LATIN, lang="en"), Paragraph(HANGUL)), []),
        (ENGLISH, (Paragraph(f"{LATIN}: 스마트시티 {LATIN}"),), []),
        (KOREAN, (Paragraph(f"{HANGUL} MOLIT, {LATIN}"),), []),
        (
            KOREAN,
            (Paragraph("KAIST, ETRI"), Paragraph('<a href="https://example.org/a/long/way/to/the/story">가</a>')),
            [],
        ),
        (replace(ENGLISH, language="ja"), (Paragraph(HANGUL),), []),
    ],
)
def test_another_language_is_told_where_it_is_not_marked(issue, blocks, places):
    sections = (Section("A / 가", (Article("B / 나", blocks),)),)
    found = preflight.check(replace(issue, sections=sections), NEWSLETTER)
    assert [(f.id, f.severity, f.place) for f in found] == [("language-mix", Severity.NOTE, place) for place in places]


def test_an_issue_in_another_language_altogether_is_told_once():
    found = preflight.check(replace(KOREAN, language="en"), NEWSLETTER)
    assert [(f.id, f.place) for f in found] == [("language-mix", "language")]


def test_a_message_is_its_pattern_with_its_values():
    for finding in preflight.check(replace(ENGLISH, subject="", language="!", sections=()), NEWSLETTER):
        assert finding.pattern.format(**dict(finding.values)) == finding.message
