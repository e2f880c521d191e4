"""Both parts of a mail say the same, and a layout that leaves something out is found."""

from dataclasses import replace

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE
from documents import documents
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.content import layout, links, parity
from pipeline.content.compile import compile_issue
from pipeline.content.issuefile import normalise
from pipeline.content.types import (
    Article,
    Button,
    ContentError,
    Facts,
    FileLink,
    Paragraph,
    Picture,
    Quote,
    Section,
    Severity,
    Sponsor,
)

LAYOUTS = layout.names()


def unequal(document, newsletter=NEWSLETTER, **changes):
    """The findings when the parts come out as they do, but for these changes of (old, new) in one of them."""
    compilation = compile_issue(document, newsletter, SITE, nonce=NONCE)
    whole = {"html": compilation.html, "text": compilation.text}
    for part, (old, new) in changes.items():
        assert old in whole[part]
        whole[part] = whole[part].replace(old, new)
    return list(parity.check(document, newsletter, wire=readable, **whole))


def readable(url):
    return url if "{{" in url else links.normal(url)


def with_blocks(*blocks):
    return replace(ENGLISH, sections=(Section("One", (Article("Two", blocks),)),))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("document", "newsletter"), [(ENGLISH, NEWSLETTER), (KOREAN, NEWSLETTER_KO)])
def test_both_parts_of_an_issue_say_the_same(name, document, newsletter):
    compilation = compile_issue(document, replace(newsletter, layout=name), SITE, nonce=NONCE)
    assert [finding for finding in compilation.findings if finding.id == "parts"] == []


@given(documents, st.sampled_from(LAYOUTS))
@settings(max_examples=40)
def test_both_parts_of_any_issue_say_the_same(document, name):
    try:
        compilation = compile_issue(normalise(document), replace(NEWSLETTER, layout=name), SITE, nonce=NONCE)
    except ContentError:
        return  # a merge tag that is none
    assert [finding.message for finding in compilation.findings if finding.id == "parts"] == []


@pytest.mark.parametrize(
    ("block", "changes", "place", "what"),
    [
        (Paragraph("a b c"), {"html": ("a b c", "a c")}, "", "the HTML part does not show “a b c”"),
        (Paragraph("a b c"), {"text": ("a b c", "a c")}, "", "the text part does not show “a b c”"),
        (Quote("x", "Ann"), {"text": ("Ann", "")}, ".by", "the text part does not show “Ann”"),
        (Picture("a.png", "A tower"), {"html": ('alt="A tower"', 'alt=""')}, ".alt", "the HTML part does not"),
        (Facts((("When", "a1"), ("Who", "a1"))), {"text": ("Who:  a1", "Who:")}, ".rows[0].value", "the text part"),
        (Button("Go", "https://x.org/"), {"html": ("https://x.org/", "#")}, ".url", "does not show “https://x.org/”"),
        (Button("Go", "https://x.org/"), {"text": ("https://x.org/", "https://x.org/b")}, ".url", "the text part"),
        (Paragraph('<a href="https://x.org/">y</a>'), {"text": (" <https://x.org/>", "")}, "", "the text part"),
        (Sponsor("x", "Acme"), {"html": ("Acme", "")}, ".by", "the HTML part does not show “Acme”"),
        (FileLink("x", "https://x.org/a.pdf", size="9 MB"), {"text": ("9 MB", "")}, ".size", "the text part"),
    ],
)
def test_what_one_part_leaves_out_is_told_with_its_place(block, changes, place, what):
    first, *_ = unequal(with_blocks(block), **changes)
    assert (first.id, first.severity) == ("parts", Severity.BLOCK)
    assert first.place == "sections[0].articles[0].blocks[0]" + place
    assert what in first.message


def test_what_is_said_twice_must_be_shown_twice():
    document = with_blocks(Paragraph("again"), Quote("again"), Paragraph("and again and"))
    assert unequal(document) == []
    found = unequal(document, text=("\n> again", ""))
    assert [finding.place for finding in found] == [f"sections[0].articles[0].blocks[{index}]" for index in (0, 1)]


def test_the_postal_address_must_be_in_both():
    (finding,) = unequal(ENGLISH, text=("12 Harbour Road", ""))
    assert finding.place == "newsletter.postal_address"


def test_a_link_whose_text_is_its_address_is_not_repeated():
    html = '<a href="mailto:a@x.org">a@x.org</a> <a href="https://x.org/">x.org</a>'
    text = compile_issue(with_blocks(Paragraph(html)), NEWSLETTER, SITE, nonce=NONCE).text
    assert "a@x.org x.org\n" in text
    assert unequal(with_blocks(Paragraph(html))) == []


def test_text_that_looks_like_an_address_in_brackets_is_no_stumbling_block():
    block = Paragraph('a &lt;https://x.org/&gt; b <a href="https://x.org/">c</a> &gt; d')
    assert unequal(with_blocks(block)) == []


def test_a_layout_that_leaves_something_out_blocks_the_issue(tmp_path):
    (tmp_path / "parts").mkdir(parents=True)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "inline.css").write_text("p { margin: 0; }")
    (tmp_path / "bare" / "layout.mjml").write_text(
        '<mjml lang="en"><mj-body><mj-section><mj-column><mj-text><p>{{ text(document.title) }}</p></mj-text>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    bare = replace(NEWSLETTER, layout="bare")
    compilation = compile_issue(with_blocks(Paragraph("x")), bare, SITE, nonce=NONCE, layouts=tmp_path)
    places = {finding.place for finding in compilation.findings if finding.id == "parts"}
    assert "sections[0].articles[0].blocks[0]" in places
    assert "title" not in places
