"""The issue file: what it reads, what it refuses and where, and the round trip of everything it writes."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.content.issuefile import IssueFile, normal, normal_html, normalise, parse, write
from pipeline.content.issuefile.normal import normal_block
from pipeline.content.issuefile.spans import Span, html_of, normal_spans
from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    ContentError,
    Facts,
    Heading,
    IssueDocument,
    ItemList,
    ListStyle,
    NewsletterProfile,
    Paragraph,
    Picture,
    Quote,
    Section,
)

FRONT = """---
newsletter: smart-city
title: "Smart City Issue"
number: 20
date: 2021-08-31
language: en
subject: "Hello {{ first_name | default(\\"there\\") }}"
preheader: ""
---
"""


def body(text: str) -> tuple[Section, ...]:
    return parse(FRONT + text).document.sections


def blocks(text: str) -> tuple[Block, ...]:
    return body(f"# S\n\n{text}\n")[0].intro


def refusal(text: str) -> ContentError:
    with pytest.raises(ContentError) as caught:
        parse(text, source="issue.md")
    assert caught.value.source == "issue.md"
    return caught.value


def body_refusal(text: str) -> tuple[int, int, str]:
    """Line within `text`, column and message of what is wrong with a body."""
    error = refusal(FRONT + text)
    return error.line - FRONT.count("\n"), error.column, error.message


# What it reads


def test_the_front_matter():
    assert replace(parse(FRONT).document, sections=()) == IssueDocument(
        newsletter="smart-city",
        number=20,
        date=date(2021, 8, 31),
        language="en",
        title="Smart City Issue",
        subject='Hello {{ first_name | default("there") }}',
        preheader="",
        sections=(),
    )
    assert parse(FRONT).newsletter is None


NEWSLETTER = """newsletter:
  slug: smart-city
  name: Smart City
  sender:
    name: "Smart City: the news"
    address: newsletter@smartcity.example
  reply_to: editor@smartcity.example
  postal_address: "1 Example Road, Sejong"
  language: ko
  layout: bulletin
  brand:
    primary: "#1a5fb4"
"""


def with_newsletter(text: str) -> str:
    return FRONT.replace("newsletter: smart-city\n", text)


def test_a_newsletter_written_out():
    issue = parse(with_newsletter(NEWSLETTER))
    assert issue.document.newsletter == "smart-city"
    assert issue.newsletter == NewsletterProfile(
        slug="smart-city",
        name="Smart City",
        sender_name="Smart City: the news",
        sender_address="newsletter@smartcity.example",
        reply_to="editor@smartcity.example",
        postal_address="1 Example Road, Sejong",
        language="ko",
        layout="bulletin",
        brand={"primary": "#1a5fb4"},
    )


def test_a_newsletter_written_out_in_short_takes_its_name_for_the_sender():
    issue = parse(with_newsletter("newsletter: {slug: a-b, name: A b, sender: news@a.example}\n"))
    assert issue.newsletter == NewsletterProfile("a-b", "A b", "A b", "news@a.example")


def test_values_are_texts_whatever_yaml_takes_them_for():
    text = FRONT.replace("language: en", "language: no").replace('"Smart City Issue"', "1.10")
    assert (parse(text).document.language, parse(text).document.title) == ("no", "1.10")


def test_sections_articles_and_where_blocks_belong():
    text = """
# News

Hello.

## First {source="MOLIT, \\"KAIA\\"" date=2021-08-23 url="https://example.org/a?b=c"}

One.

### Sub # heading

Two.

## Second

# Empty
"""
    assert body(text) == (
        Section(
            "News",
            (
                Article(
                    "First",
                    (Paragraph("One."), Heading("Sub # heading"), Paragraph("Two.")),
                    source='MOLIT, "KAIA"',
                    date=date(2021, 8, 23),
                    url="https://example.org/a?b=c",
                ),
                Article("Second", ()),
            ),
            (Paragraph("Hello."),),
        ),
        Section("Empty", ()),
    )


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("One line\nand *one* more.", Paragraph("One line and <em>one</em> more.")),
        (
            "a **b *c*** [d & e](https://x.example/?a=1&b=2)\\\nf <br/> g",
            Paragraph(
                "a <strong>b <em>c</em></strong> "
                '<a href="https://x.example/?a=1&amp;b=2">d &amp; e</a><br/>f<br/>g'
            ),
        ),
        ("<https://x.example> 1 < 2", Paragraph('<a href="https://x.example">https://x.example</a> 1 &lt; 2')),
        ("[a](mailto:a@b.example)", Paragraph('<a href="mailto:a@b.example">a</a>')),
        ("[a](tel:+82-44-417-9668)", Paragraph('<a href="tel:+82-44-417-9668">a</a>')),
        ("[보도자료] first_name 5 * 3 `", Paragraph("[보도자료] first_name 5 * 3 `")),
        ('**"셔클"**을 __x__', Paragraph('<strong>"셔클"</strong>을 <strong>x</strong>')),
        ("가**'나'**다", Paragraph("가<strong>'나'</strong>다")),
        ("[a*b*]{.strong}c [d]{.strong .em}", Paragraph("<strong>a<em>b</em></strong>c <strong><em>d</em></strong>")),
        ('{{ a_b | default("*x* [y] <z") }} *b*', Paragraph('{{ a_b | default("*x* [y] &lt;z") }} <em>b</em>')),
        ('{{ first_name |\n default("x") }}', Paragraph('{{ first_name | default("x") }}')),
        ("- a\n  *b*\n- c\\\n  d", ItemList(ListStyle.BULLET, ("a <em>b</em>", "c<br/>d"))),
        ("1. a\n2. b", ItemList(ListStyle.NUMBER, ("a", "b"))),
        ("1) a\n\n1) b", ItemList(ListStyle.NUMBER, ("a", "b"))),
        ("1. a\n2. b\n{.circled}", ItemList(ListStyle.CIRCLED, ("a", "b"))),
        ("1. a\n2. b\n\n{.circled}", ItemList(ListStyle.CIRCLED, ("a", "b"))),
        ("- ➊ a\n- ➋ b", ItemList(ListStyle.CIRCLED, ("a", "b"))),
        ("① a\n② **b**\n  c", ItemList(ListStyle.CIRCLED, ("a", "<strong>b</strong> c"))),
        ("&#10122; a", Paragraph("➊ a")),
        ("② a", Paragraph("② a")),
        ("When\n: 3\\\n  4\n\nWho & why\n: [b](https://x.example)", Facts((("When", "3<br/>4"), ("Who & why", '<a href="https://x.example">b</a>')))),
        ("> a\n> *b*", Quote("a <em>b</em>")),
        ('> a\n> {by="Noh \\"Minister\\""}', Quote("a", 'Noh "Minister"')),
        ("Yoon, *Review* 30\n{.citation}", Citation("Yoon, <em>Review</em> 30")),
        ("[Go & see](https://x.example/){.button}", Button("Go & see", "https://x.example/")),
        ("![](a/b.png)", Picture("a/b.png", "")),
        (
            '![A \\*tower](<a b.png>){credit="©" caption="c" link="https://x.example" video="https://y.example/v"}',
            Picture("a b.png", "A *tower", "©", "c", "https://x.example", "https://y.example/v"),
        ),
    ],
)  # fmt: skip
def test_a_block(text, block):
    assert blocks(text) == (block,)


def test_lists_and_tables_that_stand_side_by_side_stay_apart():
    two_lists = (ItemList(ListStyle.NUMBER, ("a",)), ItemList(ListStyle.CIRCLED, ("b",)))
    two_tables = (Facts((("a", "b"),)), Facts((("c", "d"),)))
    document = replace(parse(FRONT).document, sections=(Section("S", (), two_lists + two_tables),))
    text = write(IssueFile(document))
    assert "1. a\n\n1) b\n{.circled}\n\na\n: b\n\n{.facts}\n\nc\n: d\n" in text
    assert parse(text).document == document


# What it refuses


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("\ufeff" + FRONT, (1, 1), "byte order mark"),
        (FRONT.replace("\n", "\r\n"), (1, 4), "LF"),
        ("# News\n", (1, 1), "no front matter"),
        ("", (1, 1), "no front matter"),
        ("---\ntitle: x\n", (1, 1), "no end"),
        ("---\n---\n", (1, 1), "lacks newsletter, title, number, date, language, subject, preheader"),
        ("---\n- a\n---\n", (2, 1), "list"),
        ("---\njust text\n---\n", (2, 1), "title: Smart City"),
        (FRONT.replace("number: 20\n", ""), (1, 1), "lacks number"),
        (FRONT.replace("number: 20", "number: 20\nnumber: 21"), (5, 1), "second time (first in line 4)"),
        (FRONT.replace("number: 20", "nummer: 20"), (4, 9), "no 'nummer'"),
        (FRONT.replace("number: 20", "number: -1"), (4, 9), "whole number"),
        (FRONT.replace("number: 20", "number: ２０"), (4, 9), "whole number"),
        (FRONT.replace("number: 20", "number: 020"), (4, 9), "whole number"),
        (FRONT.replace("number: 20", "number: 100000000"), (4, 9), "1 to 999,999"),
        (FRONT.replace("number: 20", "number: {a: b}"), (4, 9), "single value"),
        (FRONT.replace("number: 20", "number: [20]"), (4, 9), "list"),
        (FRONT.replace("2021-08-31", "31.8.2021"), (5, 7), "2021-08-31"),
        (FRONT.replace("2021-08-31", "2021-02-30"), (5, 7), "no day of the calendar"),
        (FRONT.replace("language: en", "language: English!"), (6, 11), "tag such as en"),
        (FRONT.replace('"Smart City Issue"', '" "'), (3, 8), "the title is empty"),
        (FRONT.replace('"Smart City Issue"', '"a\\u202Eb"'), (3, 8), "U+202E"),
        (FRONT.replace('"Smart City Issue"', '"a\\x00b"'), (3, 8), "U+0000"),
        (FRONT.replace('"Smart City Issue"', '"a\\UFFFFFFFF"'), (3, 10), "names no character"),
        (FRONT.replace('"Smart City Issue"', "a: b"), (3, 9), "no valid YAML"),
        (FRONT.replace('"Smart City Issue"', '"a'), (7, 11), "no valid YAML"),
        (FRONT.replace('"Smart City Issue"', "&a b"), (3, 8), "anchor"),
        (FRONT.replace('"Smart City Issue"', "*a"), (3, 8), "anchor or alias"),
        (FRONT.replace('"Smart City Issue"', "!!python/object:os.system a"), (3, 8), "a tag"),
        (FRONT.replace("smart-city", "Smart City"), (2, 13), "slug"),
        (FRONT.replace("smart-city", "{slug: {a: {b: c}}, name: b, sender: c}"), (2, 24), "this deep"),
        (FRONT.replace("smart-city", "{? {a: b} : c}"), (2, 16), "mapping as a name"),
        (FRONT.replace("smart-city", "{slug: a}"), (2, 13), "lacks name, sender"),
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: c}"), (2, 40), "mail address"),
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: {name: x}}"), (2, 40), "lacks address"),
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: a@b.c, brand: {x: red}}"), (2, 58), "#1a5fb4"),
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: a@b.c, brand: x}"), (2, 54), "mapping"),
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: a@b.c, colour: x}"), (2, 55), "'colour'"),
        (FRONT.replace("smart-city", "#" * 20_001), (1, 1), "longer than 20,000"),
    ],
)  # fmt: skip
def test_front_matter_that_cannot_be_used(text, place, words):
    error = refusal(text)
    assert words in error.message
    assert (error.line, error.column) == place


@pytest.mark.parametrize("character", "\x00\x07\x0b\x7f\x85\u2028\u202e\u2066\ufeff\ud800\uffff")
def test_characters_that_no_field_may_hold(character):
    assert body_refusal(f"# S\n\nab{character}c\n")[:2] == (3, 3)
    assert f"U+{ord(character):04X}" in body_refusal(f"# S{character}\n")[2]


def test_a_file_that_is_too_long(monkeypatch):
    monkeypatch.setattr("pipeline.content.issuefile.MAX_CHARACTERS", 1_000)
    assert "at most 1,000" in refusal(FRONT + "x" * 1_000).message
    document = replace(parse(FRONT).document, sections=(Section("S", (), (Paragraph("x" * 1_000),)),))
    with pytest.raises(ContentError, match="at most 1,000"):
        write(IssueFile(document))


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("Hello", 1, 1, "before the first section"),
        ("## Article", 1, 1, "before the first section"),
        ("# S\n\n#### Deep", 3, 1, "nothing deeper"),
        ("#", 1, 2, "no text"),
        ("# S {.x}", 1, 6, "takes no attributes"),
        ("# A **b**", 1, 5, "plain text"),
        ("# S\n\nTitle\n===", 3, 1, "the line of = below"),
        ("# S\n\nTitle\n---", 3, 1, "the line of - below"),
        ('# S\n\n## A {source="x" author=y}', 3, 18, "takes source, date, url, not author"),
        ("# S\n\n## A {date=2021-08-32}", 3, 7, "no day of the calendar"),
        ('# S\n\n## A {url="ftp://x.example"}', 3, 7, "no usable address"),
        ('# S\n\n## A {source="x" source="y"}', 3, 18, "twice"),
        ("# S\n\n## A {source=MOLIT, date=2021-08-23}", 3, 19, "no attribute list"),
        ("# S\n\na\nb {c} d", 4, 3, "no attribute list"),
        ("# S\n\nx {}", 3, 3, "no attribute list"),
        ("# S\n\n{.circled}", 3, 1, "after what it is about"),
        ("# S\n\na {.circled}", 3, 4, "takes .citation, .button, not .circled"),
        ("# S\n\na {.citation} b", 3, 3, "at the end"),
        ("# S\n\n- a\n- b {.circled}", 4, 6, "takes"),
        ("# S\n\n1. a {.circled}\n2. b", 3, 4, "after the last entry"),
        ("# S\n\na <b>x</b>", 3, 3, "HTML is not used"),
        ("# S\n\n<div>", 3, 1, "HTML is not used"),
        ("# S\n\na <!-- x -->", 3, 3, "HTML is not used"),
        ("# S\n\n> a\n> `b`", 4, 3, "code is not used"),
        ("# S\n\n```\nx\n```", 3, 1, "code (```)"),
        ("# S\n\n    x", 3, 5, "indented by four spaces"),
        ("# S\n\n***", 3, 1, "a rule (---)"),
        ("# S\n\n| a |\n|---|\n| b |", 3, 1, "a table"),
        ("# S\n\n- a\n  - b", 4, 3, "cannot stand in it"),
        ("# S\n\n- a\n\n  b", 5, 3, "cannot stand in it"),
        ("# S\n\n-", 3, 1, "empty"),
        ("# S\n\n> > a", 3, 1, "cannot stand in it"),
        ("# S\n\n> # a", 3, 1, "cannot stand in it"),
        ("# S\n\n2. a", 3, 1, "1 was to come, not 2"),
        ("# S\n\n1. a\n3. b", 4, 1, "2 was to come, not 3"),
        ("# S\n\n➊ a\n➌ b", 4, 1, "2 was to come, not ➌"),
        ("# S\n\n- ➊ a\n- b", 4, 3, "number 2"),
        ("# S\n\na\n: b\n: c", 5, 1, "one value"),
        ("# S\n\n**a**\n: b", 3, 1, "a label is plain text"),
        ("# S\n\na\n: - b", 4, 1, "cannot stand in it"),
        ("# S\n\na ![b](c.png)", 3, 3, "paragraph of its own"),
        ('# S\n\n![b](c.png "d")', 3, 1, "no title"),
        ("# S\n\n![b *c*](c.png)", 3, 5, "plain text"),
        ("# S\n\n![b](../c.png)", 3, 1, "no usable picture"),
        ("# S\n\n![b](a/%2e%2e/c.png)", 3, 1, "no usable picture"),
        ("# S\n\n![b](/c.png)", 3, 1, "no usable picture"),
        ("# S\n\n![b](data:image/png;base64,AA)", 3, 1, "no usable picture"),
        ("# S\n\n![b](<https://x.example/{{ email }}>)", 3, 1, "no merge tags"),
        ("# S\n\n![b]()", 3, 1, "file is empty"),
        ('# S\n\n![b](c.png){video="javascript:x"}', 3, 1, "no usable address"),
        ('# S\n\n![b](c.png){credits="x"}', 3, 13, "takes credit, caption, link, video"),
        ("# S\n\nsee [a](javascript:alert(1))", 3, 5, "no usable address"),
        ("# S\n\nsee [a](#anchor)", 3, 5, "no usable address"),
        ("# S\n\nsee [a](b.html)", 3, 5, "no usable address"),
        ("# S\n\nsee [a](<https://x.example/a b>)", 3, 5, "no usable address"),
        ("# S\n\nsee [a](<https://{{ b }}.example/>)", 3, 5, "no usable address"),
        ("# S\n\nsee [a](https://x.example b)", 3, 5, "no readable link"),
        ('# S\n\nsee [a](https://x.example "b")', 3, 5, "a link has no title"),
        ("# S\n\n**a [b](https://x.example){.button}**", 3, 27, "at the end"),
        ("# S\n\na [b](https://x.example){.button}", 3, 26, "lone link"),
        ("# S\n\n[b](https://x.example) [c](https://y.example){.button}", 3, 47, "lone link"),
        ("# S\n\n[*b*](https://x.example){.button}", 3, 2, "label is plain text"),
        ("# S\n\n{{ first_name", 3, 1, "never closed"),
        ("# S\n\n&#x202e;", 3, 1, "U+202E"),
        ("# S\n\n&nbsp; [ ](https://x.example){.button}", 3, 31, "lone link"),
        ("# S\n\n[&#32;](https://x.example)", 3, 1, "no text here"),
        ("# S\n\n[a]{.strong .x}", 3, 13, "takes .strong, .em"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_used(text, line, column, words):
    found = body_refusal(text)
    assert words in found[2]
    assert found[:2] == (line, column)


def test_an_error_reads_as_a_sentence_for_a_person():
    assert str(refusal(FRONT + "# S\n\n> a\n> `b`")).startswith("issue.md, line 13, column 3: code is not used")


# Normal form


@pytest.mark.parametrize(
    ("html", "normal"),
    [
        (" a \n b\t", "a b"),
        ("<b>a </b>b", "<strong>a</strong> b"),
        ("a<strong> b </strong>", "a <strong>b</strong>"),
        ("<strong>a</strong> <strong>b</strong>", "<strong>a</strong> <strong>b</strong>"),
        ("<strong>a</strong><b>b</b>", "<strong>ab</strong>"),
        ("<em><strong>a</strong> b</em>", "<em><strong>a</strong> b</em>"),
        ("<em><strong>a</strong></em>", "<strong><em>a</em></strong>"),
        ("<br/>a <br> <br> b<br/>", "a<br/><br/>b"),
        ('<b>a <a href="https://x.example">b</a></b>', '<strong>a <a href="https://x.example">b</a></strong>'),
        ("&nbsp;a\u3000", "\u00a0a\u3000"),
        ("a &amp;amp; &lt;b&gt; \"'", "a &amp;amp; &lt;b&gt; \"'"),
        ("<strong> </strong>", ""),
    ],
)  # fmt: skip
def test_normal_inline_text(html, normal):
    assert normal_html(html) == normal


@pytest.mark.parametrize(
    "html",
    ["<u>a</u>", "a < b", '<a name="x">a</a>', "<b>a", "a</b>", "<b><i>a</b></i>", '<a href="x:y">a</a>', "<a>b</a>",
     '<a href="https://x.example" onclick="y">a</a>', '<a href="https://x.example">a<a href="https://y.example">b</a></a>',
     "a\x00", "<!-- a -->", '<b href="https://x.example">a</b>'],
)  # fmt: skip
def test_inline_text_outside_the_subset(html):
    with pytest.raises(ContentError):
        normal_html(html)


@pytest.mark.parametrize(
    "block",
    [
        Paragraph(" "), Citation("<br/>"), Heading("\n"), Quote(""), Facts(()), Facts(((" ", ""),)),
        ItemList(ListStyle.BULLET, ("", " ")),
    ],
)  # fmt: skip
def test_blocks_without_anything_in_them_are_gone(block):
    assert normal_block(block) is None


@pytest.mark.parametrize(
    "block",
    [
        Facts((("a", ""),)), Facts((("", "a"),)), Quote("", "x"), Button("", "https://x.example"), Button("a", ""),
        Picture("", "a"),
    ],
)  # fmt: skip
def test_blocks_with_half_of_what_they_need_are_refused_with_their_place(block):
    document = replace(parse(FRONT).document, sections=(Section("S", (Article("A", (Paragraph("x"), block)),)),))
    with pytest.raises(ContentError) as caught:
        normalise(document)
    assert caught.value.source == "sections[0].articles[0].blocks[1]"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"newsletter": "A b"}, "newsletter"),
        ({"number": 0}, "number"),
        ({"language": "x"}, "language"),
        ({"title": ""}, "title"),
        ({"subject": "a\u202e"}, "subject"),
        ({"preheader": "\x00"}, "preheader"),
        ({"sections": (Section("", ()),)}, "sections[0].title"),
        ({"sections": (Section("a", (Article("b", (), url="x"),)),)}, "sections[0].articles[0]"),
    ],
)
def test_fields_that_cannot_be_used_are_refused_with_their_place(fields, place):
    with pytest.raises(ContentError) as caught:
        normalise(replace(parse(FRONT).document, **fields))
    assert caught.value.source == place


def test_a_newsletter_of_another_issue_is_refused():
    profile = NewsletterProfile("other", "A", "A", "a@b.example")
    with pytest.raises(ContentError, match=r"newsletter\.slug"):
        write(IssueFile(parse(FRONT).document, profile))


# The round trip

SIGNS = "*_[]()#>{}|\\`~!&<=+-.:;'\" \t\n0123456789aZ가셔을漢👩‍👧é\u00a0\u3000\u200b➊①②/@$%^,"
FRAGMENTS = [
    '{{ first_name | default("there") }}', "{{", "}}", "{.citation}", "- ", "1. ", "# ", "> ", ": ", "---", "===",
    "&amp;", "&#42;", "&lt;", "<b>", "**", "***", "``", "~~~", "](", "![", "https://x.example/", "| - |", "\\\n",
    "  \n",
]  # fmt: skip
FORBIDDEN = "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
texts = st.lists(
    st.sampled_from(FRAGMENTS)
    | st.text(SIGNS, max_size=6)
    | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=FORBIDDEN + "\ufeff\ufffe\uffff"), max_size=4
    ),
    max_size=5,
).map("".join)
lines = texts.filter(lambda text: text.strip(" \t\n") != "")
urls = st.sampled_from(
    [
        "https://x.example/", "http://x.example:8000/a_b_c?d=e&copy=f;&amp;#g", "https://x.example/(a(b)/*_'",
        "tel:+82-44",
        "mailto:a@b.example?subject=%20", "https://예.example/경로", "HTTPS://x.example",
        'https://x.example/?n={{ first_name | default("<a> \\\\ b") }}',
    ]
)  # fmt: skip
web_urls = urls.filter(lambda url: url.lower().startswith("http"))
htmls = st.lists(st.builds(Span, texts, st.booleans(), st.booleans(), st.just("") | urls), max_size=4).map(html_of)
full_htmls = htmls.filter(lambda html: normal_html(html) != "")
pictures = st.builds(
    Picture,
    st.sampled_from(["a.png", "사진/a b.png", "https://x.example/a.png?b=(c", "a&amp;b.png"]),
    texts,
    texts,
    texts,
    st.just("") | urls,
    st.just("") | web_urls,
)
any_block = st.one_of(
    st.builds(Paragraph, htmls),
    st.builds(Heading, texts),
    st.builds(ItemList, st.sampled_from(ListStyle), st.lists(htmls, max_size=3).map(tuple)),
    pictures,
    st.builds(Facts, st.lists(st.tuples(lines, full_htmls), max_size=3).map(tuple)),
    st.builds(Citation, htmls),
    st.builds(Quote, full_htmls, texts),
    st.builds(Button, lines, urls),
)
some_blocks = st.lists(any_block, max_size=4).map(tuple)
articles = st.builds(Article, lines, some_blocks, texts, st.none() | st.dates(), st.just("") | web_urls)
sections = st.builds(Section, lines, st.lists(articles, max_size=2).map(tuple), some_blocks)
documents = st.builds(
    IssueDocument,
    newsletter=st.just("smart-city"),
    number=st.integers(1, 999_999),
    date=st.dates(),
    language=st.sampled_from(["en", "ko", "pt-BR"]),
    title=lines,
    subject=lines,
    preheader=texts,
    sections=st.lists(sections, max_size=2).map(tuple),
)
profiles = st.builds(
    NewsletterProfile,
    slug=st.just("smart-city"),
    name=lines,
    sender_name=lines,
    sender_address=st.just("a+b@c.example"),
    reply_to=st.sampled_from(["", "r@c.example"]),
    postal_address=texts,
    language=st.just("ko"),
    layout=st.just("bulletin"),
    brand=st.dictionaries(st.sampled_from(["primary", "accent"]), st.just("#1a5fB4")),
)


HOSTILE = [
    "- a", "-", "+ a",
    "* a", "_a_ b_c_ __d__", "1. a", "23) a", "3.5 a", "# a", "a #", "####### a", "> a", ": a", "~ a",
    "---", "===", "***", "~~~", "```", "`a`", "| a |", "a | b", "➊ a", "① a", "{.citation}", '{by="a"}', "{", "}", "{{",
    "{{ a", "}}", "{{ a }} {b}", "{{ {{ a }} }}", '{{ first_name | default("*a* [b](c)") }}', "[a](https://b.example)",
    "![a](b.png)", "[a]: https://b.example", "[a]{.strong}", "<b>a</b>", "<!-- a -->", "<https://a.example>", "&amp;",
    "&#42;", "&nbsp;", "AT&T;", "a\\", "\\*", "\\\\", "a!", "\u00a0a\u00a0", "\u3000", "👩‍👧", "*", "**a**", "* * *",
    "셔클**을", "a  b", " a ", "2021.08.31.", "“a”", "'a\"b", "C#", "R&D", "5 * 3 * 2", "a_b", "/a\\_b/", "^a^", "$a$", "http://a.example/b_c_d",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_markdown_survives_in_every_place(text):
    html = html_of([Span(text)])
    everywhere = (
        Paragraph(html),
        Paragraph(
            html_of([Span("a\n" + text), Span(text, strong=True), Span(text, em=True), Span(text, href="tel:1")])
        ),
        Heading(text),
        ItemList(ListStyle.BULLET, (html, f"{html}<br/>{html}")),
        ItemList(ListStyle.NUMBER, (html, html)),
        ItemList(ListStyle.CIRCLED, (html, f"{html}<br/>{html}")),
        Facts(((text, f"{html}<br/>{html}"), (text, html))),
        Facts(((text, html),)),
        Quote(f"{html}<br/>{html}", text),
        Quote(html),
        Citation(html),
        Button(text, "https://a.example/"),
        Picture("a.png", text, text, text),
    )
    article = Article(text, everywhere, source=text)
    document = replace(parse(FRONT).document, title=text, preheader=text, sections=(Section(text, (article,)),))
    profile = NewsletterProfile("smart-city", text, text, "a@b.example", postal_address=text)
    issue = IssueFile(document, profile)
    assert parse(write(issue)) == normal(issue)
    assert write(parse(write(issue))) == write(issue)


@given(st.builds(IssueFile, documents, st.none() | profiles))
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_reads_back_to_its_normal_form(issue):
    text = write(issue)
    assert parse(text) == normal(issue)
    assert write(parse(text)) == text


@given(st.builds(IssueFile, documents, st.none() | profiles))
@settings(max_examples=40, deadline=None)
def test_normal_form_is_reached_in_one_step(issue):
    assert normal(normal(issue)) == normal(issue)


@given(htmls)
@settings(max_examples=150, deadline=None)
def test_any_inline_text_survives_the_file(html):
    document = replace(
        parse(FRONT).document, sections=(Section("S", (), (Paragraph(html), Quote(html), Citation(html))),)
    )
    assert parse(write(IssueFile(document))).document == normalise(document)


@given(
    st.lists(
        st.builds(Span, st.text("ab (\"'.가나\u00a0", max_size=3), st.booleans(), st.booleans(), st.just("") | urls),
        max_size=6,
    )
)
@settings(max_examples=150, deadline=None)
def test_styles_that_touch_survive_the_file(spans):
    html = html_of(normal_spans(spans))
    document = replace(parse(FRONT).document, sections=(Section("S", (), (Paragraph(html),)),))
    assert parse(write(IssueFile(document))).document == normalise(document)


markdown = st.lists(
    st.sampled_from([*FRAGMENTS, "\n", "\n\n", "# a\n", "## b\n", "{source=", '"', "}", "[a](https://x.example)"])
    | st.sampled_from(["![a](b.png)", "a\n: b\n", "{.circled}\n", "> "])
    | st.text(SIGNS, max_size=5),
    max_size=20,
).map("".join)  # fmt: skip


@given(markdown)
@settings(max_examples=150, deadline=None)
def test_any_body_is_read_or_refused_with_its_place(text):
    try:
        issue = parse(FRONT + "# S\n\n" + text)
    except ContentError as error:
        assert error.line > FRONT.count("\n")  # noqa: PT017
        assert error.column > 0  # noqa: PT017
        assert error.line <= (FRONT + text).count("\n") + 3  # noqa: PT017
    else:
        assert normal(issue) == issue
        assert parse(write(issue)) == issue


@given(st.text(SIGNS + "---\nnumber: newsletter: &*!%?,", max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_front_matter_is_refused_with_its_place(text):
    error = refusal(f"---\n{text}\n---\n")
    assert error.line > 0


def test_deep_nesting_is_refused_or_read_in_bounded_time():
    for opening in ("[", "> ", "- ", "**", "{{", "![", "(", "{.a ", "1. ", "`"):
        try:
            parse(FRONT + "# S\n\n" + opening * 2000 + "a")
        except ContentError as error:
            assert error.line > 0  # noqa: PT017


GUIDE = (Path(__file__).parents[2] / "docs" / "issue-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```markdown\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_guide_can_be_read(example):
    issue = parse(example if example.startswith("---") else FRONT + example)
    assert parse(write(issue)) == issue


def test_the_guide_shows_every_kind_of_block():
    shown = {type(block) for block in body(EXAMPLES[-1])[0].intro}
    assert shown | {Heading} == set(get_args(Block))
