"""The text part: what each kind of block looks like to those who read only it."""

import re
from dataclasses import replace

import pytest
from bulletin import ENGLISH, KOREAN, NEWSLETTER, NEWSLETTER_KO, NONCE, SITE

from pipeline.content.layout import Ink
from pipeline.content.plaintext import render
from pipeline.content.slots import SlotTable
from pipeline.content.tracking import LinkTable
from pipeline.content.types import (
    Article,
    Button,
    Divider,
    Facts,
    FileLink,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)
from pipeline.content.wrapping import WIDTH, width

X = "https://x.org/"


def text_of(document, newsletter=NEWSLETTER):
    slots = SlotTable(NONCE)
    ink = Ink(slots, SITE, {}, LinkTable(document, newsletter, site=SITE, slots=slots))
    return slots.readable(render(document, newsletter, ink=ink))


def lines_of(block, language="en"):
    """The lines that a block makes of itself."""
    sections = (Section("One", (Article("Two", (block,)),)),)
    text = text_of(replace(ENGLISH, language=language, sections=sections))
    return text.partition("\n---\n\n")[2].partition("\n\n\n----")[0].split("\n")


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        (Paragraph(f'a <strong>b</strong><br/>c <a href="{X}">d</a>'), ["a b", f"c d <{X}>"]),
        (ItemList(ListStyle.BULLET, ("a<br/>b", "c")), ["- a", "  b", "- c"]),
        (ItemList(ListStyle.NUMBER, ("a",) * 10), [f"{n}. a" for n in range(1, 11)]),
        (ItemList(ListStyle.CIRCLED, ("a", "b<br/>c")), ["➊ a", "➋ b", "  c"]),
        (Facts((("When", "now"), ("Who", "all<br/>and you"))), ["When: now", "Who:  all", "      and you"]),
        (Quote("a<br/>b", "Ann"), ["> a", "> b", "> - Ann"]),
        (Button("Apply", X), [f"Apply <{X}>"]),
        (Picture("a.png", "A tower", "MOLIT", "Tall"), ["[A tower]", "Tall", "Photo: MOLIT"]),
        (Picture("a.png", "A tower", video=X), ["[A tower]", f"Watch the video: <{X}>"]),
        (Notice("It closes<br/>soon.", "Deadline"), ["! Deadline", "  It closes", "  soon."]),
        (Notice("It closes."), ["! It closes."]),
        (Teaser("T", "They rise.", X, "a.png", "A"), ["» T", "  [A]", "  They rise.", f"  Read more: <{X}>"]),
        (Teaser("Rivers"), ["» Rivers"]),
        (Divider(), ["* * *"]),
        (Sponsor("Buy.", "B", X, "a.png", "A"), ["Sponsored: B", "  [A]", "  Buy.", f"  Read more: <{X}>"]),
        (Signature("Ann<br/>The desk", "a.png", "Ann smiles"), ["[Ann smiles]", "Ann", "The desk"]),
        (FileLink("Guide", f"{X}a.pdf", size="1 MB"), [f"Download: Guide (PDF, 1 MB) <{X}a.pdf>"]),
        (FileLink("Guide", X, "HWP"), [f"Download: Guide (HWP) <{X}>"]),
        (FileLink("Guide", X), [f"Download: Guide <{X}>"]),
    ],
)  # fmt: skip
def test_a_block(block, lines):
    assert lines_of(block) == lines


def test_korean_has_its_own_words():
    assert lines_of(Sponsor("글", "예시전력"), "ko")[0] == "광고: 예시전력"
    assert lines_of(FileLink("안내서", f"{X}a.hwp", size="1 MB"), "ko") == [f"내려받기: 안내서 (HWP, 1 MB) <{X}a.hwp>"]


@pytest.mark.parametrize(("document", "newsletter"), [(ENGLISH, NEWSLETTER), (KOREAN, NEWSLETTER_KO)])
def test_lines_are_as_wide_as_they_may_be_and_no_wider(document, newsletter):
    lines = text_of(document, newsletter).split("\n")
    assert all(width(line) <= WIDTH or "://" in line or "{{" in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_what_leads_out_and_who_sends_stand_at_both_ends():
    text = text_of(ENGLISH)
    head, foot = text[: text.index("In this issue")], text[text.rindex("------------") :]
    for end in (head, foot):
        assert "Unsubscribe: https://news.example.org/u/" in end
        assert "View in browser: https://news.example.org/v/" in end
    for line in NEWSLETTER.postal_address.splitlines():
        assert f"\n{line}\n" in foot
    assert "because you subscribed to Smart City Bulletin" in foot


def test_the_contents_name_sections_and_articles():
    contents = text_of(ENGLISH).partition("In this issue\n")[2].partition("\n\n")[0]
    assert re.findall(r"^- (.*)$", contents, re.MULTILINE) == [section.title for section in ENGLISH.sections]
    assert "  - Pizza from the air" in contents
