from dataclasses import replace

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO

from pipeline.content import preflight
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    Facts,
    Heading,
    ItemList,
    ListStyle,
    Paragraph,
    Picture,
    Quote,
    Section,
    Severity,
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
        ({"subject": "x" * 121}, ("subject-long", Severity.WARN, "subject")),
        ({"subject": "a\r\nBcc: x@y.org"}, ("header-text", Severity.BLOCK, "subject")),
        ({"subject": "A =?UTF-8?Q?=0A?=Bcc: x@y"}, ("header-text", Severity.BLOCK, "subject")),
        ({"subject": "{{ surname }}"}, ("text", Severity.BLOCK, "subject")),
        ({"preheader": " "}, ("preheader-empty", Severity.WARN, "preheader")),
        ({"preheader": "x" * 151}, ("preheader-long", Severity.WARN, "preheader")),
        ({"title": ""}, ("empty", Severity.BLOCK, "title")),
        ({"title": "a\u202eb"}, ("direction", Severity.BLOCK, "title")),
        ({"title": "a\x92b"}, ("control", Severity.BLOCK, "title")),
        ({"language": 'en" onload="'}, ("language", Severity.BLOCK, "language")),
        ({"sections": ()}, ("no-content", Severity.BLOCK, "sections")),
        ({"sections": (Section(" ", ()),)}, ("empty", Severity.BLOCK, "sections[0].title")),
    ],
)
def test_of_the_issue(changes, finding):
    assert finding in of_issue(**changes)


def test_a_subject_with_a_fallback_is_not_empty():
    assert of_issue(subject='{{ first_name | default("Hello") }}') == set()


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
