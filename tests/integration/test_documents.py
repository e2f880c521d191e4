"""Issues between the form's row and the document: nothing is lost, and nothing hostile comes through."""

import datetime as dt
import json
from dataclasses import replace
from typing import get_args

import pytest
from django.core.exceptions import ValidationError
from django.core.files.images import ImageFile
from documents import documents, htmls
from hypothesis import given, settings
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file

from pipeline.blocks import ContentBlock, InlineBlock, LinkBlock, PictureBlock, WebLinkBlock
from pipeline.content.issuefile import normal_html, normalise
from pipeline.content.types import (
    Article,
    Block,
    Citation,
    ContentError,
    Facts,
    Heading,
    IssueDocument,
    NewsletterProfile,
    Paragraph,
    Picture,
    Section,
)
from pipeline.documents import KINDS, body_of, document_of, fill_in, profile_of
from pipeline.models import Issue, Newsletter
from pipeline.richtext import cleaned, inline_of, paragraphs_of, source_of

SIMPLE = IssueDocument(
    newsletter="smart-city",
    number=20,
    date=dt.date(2026, 11, 22),
    language="en",
    title="Issue 20",
    subject="News",
    preheader="",
    sections=(Section("Policy", (Article("Bridge", (Paragraph("Open."),)),)),),
)


def row_of(document: IssueDocument) -> Issue:
    issue = Issue(newsletter=Newsletter(slug=document.newsletter))
    fill_in(issue, document)
    return issue


def stored_and_read(issue: Issue) -> Issue:
    """The body as the database keeps it, and read again."""
    field = Issue._meta.get_field("body")
    issue.body = json.loads(json.dumps(field.get_prep_value(issue.body), cls=field.json_field.encoder))
    return issue


@given(documents)
@settings(max_examples=60)
def test_every_document_in_normal_form_comes_back_whole(document):
    document = normalise(document)
    if max(len(document.title), len(document.subject), len(document.preheader)) > 300:
        return
    assert document_of(stored_and_read(row_of(document))) == document


@given(htmls)
@settings(max_examples=150)
def test_inline_text_survives_the_editor(html):
    """What Draftail makes of the text when an editor opens the form and saves it untouched."""
    html, widget = normal_html(html), InlineBlock().field.widget
    untouched = widget.value_from_datadict({"text": widget.format_value(source_of(html))}, {}, "text")
    assert inline_of(untouched) == html


def test_paragraphs_written_in_one_block_become_several():
    assert paragraphs_of("<p>one</p><p></p><p>two <b>three</b></p>") == ("one", "two <strong>three</strong>")
    assert inline_of("<p>one</p><p>two</p>") == "one<br/>two"


@pytest.mark.parametrize(
    "source",
    [
        "<p><script>alert(1)</script></p>",
        '<p><img src=x onerror="alert(1)">picture</p>',
        '<p><b onclick="alert(1)">bold</b></p>',
        "<p><svg/onload=alert(1)>",
        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
        "<style>*{}</style><p>x</p>",
        "<!--[if mso]><p>x</p><![endif]-->",
        "<p><a href='https://example.org/' onmouseover='alert(1)'>x</a></p>",
        "<p><b>never closed<i>nor this",
    ],
)
def test_hostile_rich_text_keeps_no_markup_of_its_own(source):
    html = inline_of(source)
    assert normal_html(html) == html  # which refuses every other element and attribute
    assert "onerror=" not in html.replace("&lt;", "<") or "<img" not in html


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//evil.example", "#top"],
)
def test_addresses_that_do_harm_are_refused(address):
    with pytest.raises(ContentError):
        paragraphs_of(f'<p><a href="{address}">x</a></p>')
    for block in (LinkBlock(), WebLinkBlock()):
        with pytest.raises(ValidationError):
            block.clean(address)
    block = InlineBlock()
    with pytest.raises(ValidationError, match="address"):
        block.clean(block.normalize(f'<p><a href="{address}">x</a></p>'))


def test_a_merge_tag_may_stand_in_an_address_after_the_host():
    assert LinkBlock().clean("https://example.org/?to={{ email }}") == "https://example.org/?to={{ email }}"
    with pytest.raises(ValidationError):
        LinkBlock().clean("https://{{ email }}/")


def test_an_empty_paragraph_is_refused_where_it_stands():
    block = InlineBlock()
    with pytest.raises(ValidationError, match="Write something"):
        block.clean(block.normalize("<p> <br/> </p>"))


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        ("<p>a <b>b</b> <i>c</i><br/>d</p>", "<p>a <b>b</b> <i>c</i><br/>d</p>"),
        (
            '<p><a href="https://x.example/?a=1&amp;b=2">x</a></p>',
            '<p><a href="https://x.example/?a=1&amp;b=2">x</a></p>',
        ),
        ('<p onclick="x">a<script>alert(1)</script><img src=x onerror=y>b</p>', "<p>ab</p>"),
        ('<p><b style="background:url(x)">a</b><!-- b --></p>', "<p><b>a</b></p>"),
        ("<svg><style><img src=x onerror=y></style></svg><p>a</p>", "<p>a</p>"),
    ],
)
def test_rich_text_is_stored_clean(source, stored):
    block = InlineBlock()
    assert block.clean(block.normalize(source)).source == stored
    assert block.field.widget.format_value(stored)  # the editor opens it again


@given(htmls)
@settings(max_examples=150)
def test_cleaning_takes_nothing_from_what_an_issue_may_hold(html):
    html = normal_html(html)
    assert inline_of(cleaned(source_of(html))) == html


@pytest.mark.parametrize("language", ["Korean!", "k", "ko_KR"])
def test_a_language_is_a_tag(language):
    block = ContentBlock().child_blocks["button"]
    value = {"label": "a", "url": "https://x.example", "lang": language}
    with pytest.raises(ValidationError) as refused:
        block.clean(block.to_python(value))
    assert set(refused.value.block_errors) == {"lang"}
    assert block.clean(block.to_python(value | {"lang": "ko-KR"}))["lang"] == "ko-KR"


def test_a_description_needs_its_picture():
    block = ContentBlock().child_blocks["teaser"]
    with pytest.raises(ValidationError) as refused:
        block.clean(block.to_python({"title": "a", "alt": "b"}))
    assert set(refused.value.block_errors) == {"alt"}
    assert block.clean(block.to_python({"title": "a"}))["title"] == "a"


def test_a_picture_is_chosen_or_named_never_both_nor_neither():
    block = PictureBlock()
    with pytest.raises(ValidationError) as neither:
        block.clean(block.to_python({"src": ""}))
    assert "src" in neither.value.block_errors
    named = {"src": "https://example.org/a.png", "alt": "A tower"}
    assert block.clean(block.to_python(named))["src"] == "https://example.org/a.png"


@pytest.mark.parametrize("kind", ["picture", "teaser", "sponsor", "signature"])
@pytest.mark.parametrize(
    ("alt", "decorative", "wrong"),
    [("", False, "alt"), ("A tower", True, "decorative"), ("A tower", False, None), ("", True, None)],
)
def test_a_picture_is_described_or_said_to_be_decoration(kind, alt, decorative, wrong):
    block = ContentBlock().child_blocks[kind]
    words = {"title": "a", "by": "b", "html": "<p>c</p>", "src": "https://example.org/a.png"}
    value = block.to_python(words | {"alt": alt, "decorative": decorative})
    if wrong is None:
        assert block.clean(value)["alt"] == alt
        return
    with pytest.raises(ValidationError) as refused:
        block.clean(value)
    assert set(refused.value.block_errors) == {wrong}


@pytest.mark.django_db
def test_a_chosen_picture_has_the_words_of_its_block_and_no_others():
    """Its title in the library says nothing to a reader."""
    image = get_image_model().objects.create(title="DSC_0042", file=ImageFile(get_test_image_file(), name="tower.png"))
    issue = row_of(SIMPLE)
    picture = {"type": "picture", "value": {"image": image.pk, "src": "", "alt": ""}}
    issue.body = [{"type": "section", "value": {"title": "S", "intro": [picture], "articles": []}}]
    (found,) = document_of(issue).sections[0].intro
    assert found == Picture(f"chosen/{image.pk}", "")


@pytest.mark.django_db
def test_a_saved_issue_reads_back_from_the_database_and_from_its_revision():
    newsletter = Newsletter.objects.create(slug="smart-city", name="N", sender_name="N", sender_address="n@example.org")
    issue = row_of(SIMPLE)
    issue.newsletter = newsletter
    issue.save()
    issue.save_revision()
    read = Issue.objects.get(pk=issue.pk)
    assert document_of(read) == SIMPLE
    assert document_of(read.get_latest_revision_as_object()) == SIMPLE


def test_text_that_is_too_long_for_its_column_changes_nothing():
    issue = row_of(SIMPLE)
    with pytest.raises(ContentError, match="title: it has 301 characters; 300 is the limit"):
        fill_in(issue, replace(SIMPLE, number=21, title="x" * 301))
    assert (issue.number, issue.title) == (20, "Issue 20")


def test_what_no_issue_may_hold_is_told_with_its_place():
    issue = row_of(SIMPLE)
    issue.body = body_of(replace(SIMPLE, sections=(Section("S", (Article("A", (Paragraph("x\u202ey"),)),)),)))
    with pytest.raises(ContentError, match=r"U\+202E"):
        document_of(issue)


def test_every_kind_of_block_has_its_place_in_the_form():
    assert set(KINDS) == set(ContentBlock().child_blocks)
    assert set(KINDS.values()) == set(get_args(Block))


@pytest.mark.parametrize(
    ("block", "stored"),
    [
        (Paragraph("x <strong>y</strong>"), "<p>x <b>y</b></p>"),
        (Heading("x"), "x"),
        (Citation("x"), "<p>x</p>"),
        (Facts((("x", "y"),)), [{"type": "item", "value": {"label": "x", "value": "<p>y</p>"}, "id": None}]),
    ],
)
def test_what_was_stored_before_blocks_had_languages_is_read_and_written_still(block, stored):
    """Two versions may run at once: the older one reads what the newer one writes, as long as nothing new is in it."""
    (name,) = (name for name, kind in KINDS.items() if kind is type(block))
    child, issue = ContentBlock().child_blocks[name], row_of(SIMPLE)
    for value in (stored, child.get_prep_value(child.to_python(stored))):
        assert type(value) is type(stored)
        intro = [{"type": name, "value": value}]
        issue.body = [{"type": "section", "value": {"title": "S", "intro": intro, "articles": []}}]
        document = document_of(issue)
        assert document.sections[0].intro == (block,)
        assert body_of(document)[0]["value"]["intro"] == [{"type": name, "value": stored}]


def test_the_newsletter_as_the_content_stage_knows_it():
    profile = NewsletterProfile(
        slug="city", name="City", sender_name="Desk", sender_address="d@example.org", reply_to="r@example.org",
        postal_address="1 Way", language="ko", layout="bulletin", brand={"primary": "#12355b"},
    )  # fmt: skip
    fields = {name: getattr(profile, name) for name in profile.__slots__}
    assert profile_of(Newsletter(**fields)) == profile
