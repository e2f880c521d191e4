"""Places of findings: where they are in a file, and how a person finds them."""

from dataclasses import replace
from pathlib import Path

import pytest
from bulletin import ENGLISH
from documents import documents
from hypothesis import given
from issuefiles import FRONT

from pipeline.content import walk
from pipeline.content.issuefile import IssueFile, parse, write
from pipeline.content.preflight.places import Where, where
from pipeline.content.types import Button, Paragraph, Section

BODY = """\
# One {lang=en}

An introduction.

1. first
2. second

{.circled}

## Two {source="City Hall"}

  ![Alt](a.png)

{credit="MOLIT"}

### Three

Period
: Now
"""
ARTICLE = "sections[0].articles[0]"


@pytest.mark.parametrize(
    ("place", "line", "column"),
    [
        ("sections[0]", 1, 1),
        ("sections[0].title", 1, 1),
        ("sections[0].intro[0]", 3, 1),
        ("sections[0].intro[1].items[1]", 5, 1),
        (f"{ARTICLE}.source", 10, 1),
        (f"{ARTICLE}.blocks[0].credit", 12, 3),
        (f"{ARTICLE}.blocks[1]", 16, 1),
        (f"{ARTICLE}.blocks[2].rows[0].value", 18, 1),
    ],
)
def test_the_body_says_where_each_part_begins(place, line, column):
    issue = parse(FRONT + BODY)
    assert issue.position(place) == (FRONT.count("\n") + line, column)


def test_the_front_matter_too():
    nested = FRONT.replace(
        "newsletter: smart-city",
        'newsletter:\n  slug: a\n  name: A\n  sender: a@b.org\n  brand:\n    primary: "#000000"',
    )
    issue = parse(nested)
    assert issue.position("subject") == (12, 10)
    assert issue.position("newsletter.brand.primary") == (7, 14)
    assert issue.position("newsletter.sender_name") == issue.position("newsletter") == (3, 3)


@pytest.mark.parametrize("place", ["page", "", "sections[7]", "sections", "text part"])
def test_what_is_not_in_the_file_has_no_position(place):
    assert parse(FRONT + BODY).position(place) is None


def test_an_issue_from_elsewhere_has_no_positions_and_equals_one_from_a_file():
    issue = parse(FRONT + BODY)
    assert IssueFile(issue.document) == issue
    assert IssueFile(issue.document).position("subject") is None
    assert repr(IssueFile(issue.document)) == repr(issue)


def test_every_place_of_the_sample_has_its_line():
    issue = parse((Path(__file__).parents[2] / "docs" / "sample" / "issue-20.en.md").read_text())
    lines = [issue.position(place).line for place, _ in walk.blocks(issue.document)]
    assert lines == sorted(set(lines))
    assert len(lines) > 50


@given(documents)
def test_every_place_of_any_document_that_a_file_can_carry_has_a_position(document):
    issue = parse(write(IssueFile(document)))
    assert all(issue.position(field.place) for field in walk.fields(issue.document))


BUTTON = "sections[0].articles[0].blocks[2]"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("subject", Where("subject")),
        ("newsletter.brand.primary", Where("newsletter.brand.primary")),
        ("page", Where("page")),
        ("sections[2].title", Where(section="Notices")),
        ("sections[1].articles[1].source", Where(section="Policy projects", article="Pizza from the air")),
        (
            "sections[0].intro[0]",
            Where("", "World Smart City Expo 2021", "", "Paragraph", "What to see, whom to hear and how to ta…"),
        ),
        (
            f"{BUTTON}.url",
            Where(
                "",
                "World Smart City Expo 2021",
                "Three days in Ilsan, on site and online",
                "Button",
                "Register now",
            ),
        ),
        (
            "sections[2].articles[0].blocks[0].rows[1].value",
            Where("", "Notices", "Busan Urban Tech House looks for start-…", "Facts", "Period"),
        ),
        ("sections[9]", Where("sections[9]")),
        ("sections[0].articles[0].blocks[99]", Where("sections[0].articles[0].blocks[99]")),
    ],
)
def test_a_person_finds_it_by_its_titles(place, expected):
    assert where(ENGLISH, place) == expected


def test_signs_in_plain_text_are_no_markup():
    sections = (Section("One", (), (Button("<b> & Co", "https://a.org/"), Paragraph("<em>a</em> &lt; b"))),)
    shown = [where(replace(ENGLISH, sections=sections), f"sections[0].intro[{at}]").words for at in (0, 1)]
    assert shown == ["<b> & Co", "a < b"]


def test_markup_is_not_quoted():
    assert where(ENGLISH, "sections[1].articles[0].blocks[2]").words == "Incheon: a command platform for fire cr…"


@given(documents)
def test_every_place_of_any_document_means_something(document):
    for field in walk.fields(document):
        found = where(document, field.place)
        assert bool(found.name) == (not field.place.startswith("sections"))
