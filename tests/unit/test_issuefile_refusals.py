"""The issue file: what it refuses, and where it says the fault is."""

from dataclasses import replace

import pytest
from issuefiles import FRONT, body_refusal, refusal

from pipeline.content.issuefile import IssueFile, parse, write
from pipeline.content.types import (
    ContentError,
    Paragraph,
    Section,
)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
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
        (FRONT.replace("number: 20", "number: 20\nadvertising: yes"), (5, 14), "true or false, not 'yes'"),
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
        (FRONT.replace("smart-city", "{slug: a, name: b, sender: a@b.c, brand: {x: red}}"), (2, 58), "accent"),
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
        ("# S {.x}", 1, 6, "takes lang, not .x"),
        ("# S {lang=English!}", 1, 6, "a tag such as en, ko or pt-BR"),
        ("# A **b**", 1, 5, "plain text"),
        ("# S\n\nTitle\n===", 3, 1, "the line of = below"),
        ("# S\n\nTitle\n---", 3, 1, "the line of - below"),
        ('# S\n\n## A {source="x" author=y}', 3, 18, "takes source, date, url, lang, not author"),
        ("# S\n\n## A {date=2021-08-32}", 3, 7, "no day of the calendar"),
        ('# S\n\n## A {url="ftp://x.example"}', 3, 7, "no usable address"),
        ('# S\n\n## A {source="x" source="y"}', 3, 18, "twice"),
        ("# S\n\n## A {source=MOLIT, date=2021-08-23}", 3, 19, "no attribute list"),
        ("# S\n\na\nb {c} d", 4, 3, "no attribute list"),
        ("# S\n\nx {}", 3, 3, "no attribute list"),
        ("# S\n\n{.circled}", 3, 1, "after what it is about"),
        ("# S\n\na {.circled}", 3, 4, ".signature, .button, .file, lang, not .circled"),
        ("# S\n\na\n{.notice .citation}", 4, 10, "a notice takes .notice, title, lang, not .citation"),
        ("# S\n\na\n{.citation title=x}", 4, 12, "a citation takes .citation, lang, not title"),
        ("# S\n\na\n{.teaser url=x}", 4, 10, "a teaser takes .teaser, title, link, picture, alt, lang, not url"),
        ("# S\n\na **b**\n{.teaser}", 4, 2, "its title alone, as plain text"),
        ('# S\n\na\n{.teaser title="b" alt="c"}', 3, 1, "there is none"),
        ('# S\n\na\n{.teaser title="b" link="mailto:a@b.example"}', 3, 1, "no usable address"),
        ("# S\n\na\n{.sponsor}", 3, 1, "who pays for the sponsored text (by) is empty"),
        ('# S\n\na\n{.signature picture="../a.png"}', 3, 1, "no usable picture"),
        ("# S\n\na\n{lang=korean-}", 4, 2, "a tag such as en, ko or pt-BR, not 'korean-'"),
        ("# S\n\n- a\n{.circled}", 4, 2, "a list with bullets takes lang, not .circled"),
        ("# S\n\na {.file}", 3, 4, "lone link: [label](https://…){.file}"),
        ("# S\n\n[a](https://x.example)\n\n{.file}", 5, 2, "right after its link"),
        ("# S\n\n[a](mailto:a@x.example){.file}", 3, 1, "begin with http:// or https://"),
        ("# S\n\n[a](https://x.example){.button size=3}", 3, 32, "a button takes .button, lang, not size"),
        ("# S\n\n---\n\n{lang=ko}", 5, 2, "this divider takes no attributes"),
        ("# S\n\n### T\n\n{lang=ko}", 5, 2, "this heading takes no attributes"),
        ("# S\n\na {.citation} b", 3, 3, "at the end"),
        ("# S\n\n- a\n- b {.circled}", 4, 6, "takes"),
        ("# S\n\n1. a {.circled}\n2. b", 3, 4, "after the last entry"),
        ("# S\n\na <b>x</b>", 3, 3, "HTML is not used"),
        ("# S\n\n<div>", 3, 1, "HTML is not used"),
        ("# S\n\na <!-- x -->", 3, 3, "HTML is not used"),
        ("# S\n\n> a\n> `b`", 4, 3, "code is not used"),
        ("# S\n\n```\nx\n```", 3, 1, "code (```)"),
        ("# S\n\n    x", 3, 5, "indented by four spaces"),
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
        ('# S\n\n![b](c.png){credits="x"}', 3, 13, "takes credit, caption, link, video, lang, not credits"),
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
