"""The issue file: what it reads, and the normal form of documents."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from issuefiles import FRONT, blocks, body

from pipeline.content.issuefile import IssueFile, normal_html, normalise, parse, write
from pipeline.content.issuefile.normal import normal_block
from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    ContentError,
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    ListStyle,
    NewsletterProfile,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)


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


def test_a_file_as_windows_saves_it():
    text = write(parse(FRONT))

    assert parse("\ufeff" + text.replace("\n", "\r\n")) == parse(text)


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
        ("[A](https://x.example/g.pdf){.file}", FileLink("A", "https://x.example/g.pdf")),
        ('[A](https://x.example){.file kind=PDF size="1 MB"}', FileLink("A", "https://x.example", "PDF", "1 MB")),
        ("a *b*\n{.notice}", Notice("a <em>b</em>")),
        ('a\\\nb {.notice title="Moved" lang=ko}', Notice("a<br/>b", "Moved", "ko")),
        ('a\n{.teaser title="T" link="https://x.example"}', Teaser("T", "a", "https://x.example")),
        ('T &amp; \\*t\n{.teaser picture="a.png" alt="A"}', Teaser("T & *t", src="a.png", alt="A")),
        ('a\n{.sponsor by="B" link="https://x.example"}', Sponsor("a", "B", "https://x.example")),
        ("Ann\\\nEditor\n{.signature}", Signature("Ann<br/>Editor")),
        ("---", Divider()),
        ("* * *", Divider()),
    ],
)  # fmt: skip
def test_a_block(text, block):
    assert blocks(text) == (block,)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("a\n{lang=ko}", "ko"),
        ("a\n{.citation lang=ko}", "ko"),
        ('- a\n{lang="ko"}', "ko"),
        ("1. a\n{.circled lang=ko}", "ko"),
        ("➊ a\n{lang=ko}", "ko"),
        ("a\n: b\n\n{lang=ko}", "ko"),
        ("a\n: b\n  {lang=ko}", "ko"),
        ("> a\n> {lang=ko}", "ko"),
        ("![a](b.png){lang=ko}", "ko"),
        ("[a](https://x.example){.button lang=ko}", "ko"),
        ("[a](https://x.example){.file lang=pt-BR}", "pt-BR"),
        ("a\n{.signature lang=ko}", "ko"),
        ("### A {lang=zh-Hant}", "zh-Hant"),
    ],
)
def test_the_language_of_a_block(text, lang):
    (block,) = blocks(text)
    assert block.lang == lang
    issue = IssueFile(replace(parse(FRONT).document, sections=(Section("S", (), (block,)),)))
    assert parse(write(issue)) == issue


def test_the_language_of_a_section_and_of_an_article():
    (section,) = body("# S {lang=ko}\n\n## A {lang=en date=2021-08-31}\n")
    assert (section.lang, section.articles[0].lang) == ("ko", "en")


@pytest.mark.parametrize(
    ("line", "advertising"), [("", False), ("advertising: false\n", False), ("advertising: true\n", True)]
)
def test_an_issue_that_advertises_says_so(line, advertising):
    issue = parse(FRONT.replace("number: 20\n", f"number: 20\n{line}"))
    assert issue.document.advertising is advertising
    assert ("advertising: true" in write(issue)) is advertising


def test_lists_and_tables_that_stand_side_by_side_stay_apart():
    two_lists = (ItemList(ListStyle.NUMBER, ("a",)), ItemList(ListStyle.CIRCLED, ("b",)))
    two_tables = (Facts((("a", "b"),)), Facts((("c", "d"),)))
    document = replace(parse(FRONT).document, sections=(Section("S", (), two_lists + two_tables),))
    text = write(IssueFile(document))
    assert "1. a\n\n1) b\n{.circled}\n\na\n: b\n\n{.facts}\n\nc\n: d\n" in text
    assert parse(text).document == document


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
        Picture("", "a"), Notice("", "x"), Teaser("", "a"), Sponsor("a", ""), Sponsor("", "a"), Signature(""),
        Signature("a", alt="b"), FileLink("", "https://x.example"), FileLink("a", ""), Paragraph("a", "Korean!"),
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
        ({"sections": (Section("a", (), lang="x"),)}, "sections[0].lang"),
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


GUIDE = (Path(__file__).parents[2] / "docs" / "issue-file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```markdown\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_guide_can_be_read(example):
    issue = parse(example if example.startswith("---") else FRONT + example)
    assert parse(write(issue)) == issue


def test_the_guide_shows_every_kind_of_block():
    shown = {type(block) for block in body(EXAMPLES[-1])[0].intro}
    assert shown | {Heading} == set(get_args(Block))
