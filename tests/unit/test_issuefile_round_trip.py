"""The issue file: everything that is written reads back, and nothing that is read is lost."""

from dataclasses import replace

import pytest
from documents import FRAGMENTS, SIGNS, documents, htmls, profiles, urls
from hypothesis import given, settings
from hypothesis import strategies as st
from issuefiles import FRONT, refusal

from pipeline.content.issuefile import IssueFile, normal, normalise, parse, write
from pipeline.content.issuefile.spans import Span, html_of, normal_spans
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    ContentError,
    Facts,
    FileLink,
    Heading,
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
        Notice(f"{html}<br/>{html}", text),
        Notice(html),
        Teaser(text, f"{html}<br/>{html}", src="a.png", alt=text),
        Teaser(text, url="https://a.example/"),
        Sponsor(html, text, src="a.png", alt=text),
        Signature(f"{html}<br/>{html}", "a.png", text),
        FileLink(text, "https://a.example/", text, text),
    )
    article = Article(text, everywhere, source=text)
    document = replace(parse(FRONT).document, title=text, preheader=text, sections=(Section(text, (article,)),))
    profile = NewsletterProfile("smart-city", text, text, "a@b.example", postal_address=text)
    issue = IssueFile(document, profile)
    assert parse(write(issue)) == normal(issue)
    assert write(parse(write(issue))) == write(issue)


@given(st.builds(IssueFile, documents, st.none() | profiles))
@settings(max_examples=60)
def test_whatever_is_written_reads_back_to_its_normal_form(issue):
    text = write(issue)
    assert parse(text) == normal(issue)
    assert write(parse(text)) == text


@given(st.builds(IssueFile, documents, st.none() | profiles))
@settings(max_examples=40)
def test_normal_form_is_reached_in_one_step(issue):
    assert normal(normal(issue)) == normal(issue)


@given(htmls)
@settings(max_examples=150)
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
@settings(max_examples=150)
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
@settings(max_examples=150)
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
@settings(max_examples=40)
def test_any_front_matter_is_refused_with_its_place(text):
    error = refusal(f"---\n{text}\n---\n")
    assert error.line > 0


def test_deep_nesting_is_refused_or_read_in_bounded_time():
    for opening in ("[", "> ", "- ", "**", "{{", "![", "(", "{.a ", "1. ", "`"):
        try:
            parse(FRONT + "# S\n\n" + opening * 2000 + "a")
        except ContentError as error:
            assert error.line > 0  # noqa: PT017
