"""The sample issue says, in both editions, everything that its facts ask for, and is in order as a file.

`facts` and `squeeze` serve other tests too: whatever is made of the sample must still say all of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path

import pytest
import yaml
from PIL import Image

from pipeline.content.issuefile import IssueFile, parse, write
from pipeline.content.types import (
    Block,
    Button,
    Citation,
    Facts,
    Heading,
    IssueDocument,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Picture,
    Quote,
)
from pipeline.content.words import words

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "sample"
LANGUAGES = ("en", "ko")
MARK = re.compile(r"^(?:# |• |\d\. |[➊-➓] )")


@dataclass(frozen=True, slots=True)
class Fact:
    id: str
    note: str
    strings: tuple[str, ...]

    def missing(self, text: str) -> tuple[str, ...]:
        """The strings that are not in `text`, which is squeezed."""
        return tuple(string for string in self.strings if string not in text)


@cache
def facts(language: str, *, marks: bool = False) -> tuple[Fact, ...]:
    """What the edition in `language` must say; the marks of titles and list entries come off unless asked for."""
    entries = yaml.safe_load((ROOT / "tests" / "corpus" / "facts-issue-20.yaml").read_text(encoding="utf-8"))
    return tuple(
        Fact(entry["id"], entry["note"], tuple(text if marks else MARK.sub("", text) for text in entry[language]))
        for entry in entries
    )


def squeeze(text: str) -> str:
    """Text with all its white space collapsed, as facts are compared with."""
    return " ".join(text.split())


def sample(language: str) -> IssueFile:
    path = SAMPLE / f"issue-20.{language}.md"
    return parse(path.read_text(encoding="utf-8"), source=path.name)


def said(document: IssueDocument) -> Iterator[str]:
    """Every piece of text in the document, with the marks that the facts use."""
    own = words(document.language)
    yield from (own.number.format(number=document.number), own.date(document.date), document.title)
    for section in document.sections:
        yield f"# {section.title}"
        yield from _blocks(section.intro, document.language)
        for article in section.articles:
            yield article.title
            yield " / ".join(filter(None, (own.date(article.date) if article.date else "", article.source)))
            yield from _blocks(article.blocks, document.language)


def _blocks(blocks: tuple[Block, ...], language: str) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(html) | Citation(html) | Quote(html):
                yield plain(html)
            case Notice(html, title):
                yield from (title, plain(html))
            case Heading(text):
                yield text
            case Button(label):
                yield label
            case Picture():
                yield from (block.alt, block.caption, words(language).photo.format(credit=block.credit))
            case Facts(rows):
                yield from (f"{label}: {plain(value)}" for label, value in rows)
            case ItemList(style, items):
                yield from (f"{mark(style, number)} {plain(item)}" for number, item in enumerate(items, 1))


def mark(style: ListStyle, number: int) -> str:
    return {"bullet": "•", "number": f"{number}.", "circled": "➊➋➌➍➎➏➐➑➒➓"[number - 1]}[style]


def plain(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html.replace("<br/>", "\n")))


TEXTS = {language: squeeze("\n".join(said(sample(language).document))) for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("identity", [fact.id for fact in facts("en")])
def test_both_editions_say(identity, language):
    fact = next(fact for fact in facts(language, marks=True) if fact.id == identity)
    missing = fact.missing(TEXTS[language])
    assert not missing, f"{fact.note}: the edition in {language} does not say {', '.join(map(repr, missing))}"


def test_the_list_of_facts_is_long_and_sound():
    listed = [facts(language, marks=True) for language in LANGUAGES]
    identities = [fact.id for fact in listed[0]]
    assert len(identities) == len(set(identities)) >= 110
    for fact in (fact for facts_of_language in listed for fact in facts_of_language):
        assert fact.note
        assert fact.strings
        assert all(squeeze(string) == string != "" for string in fact.strings), fact.id


def test_a_fact_that_is_not_said_is_found():
    assert Fact("x", "y", ("Ilsan", "Busan")).missing("KINTEX, Ilsan") == ("Busan",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fact_loses_its_mark(language):
    assert any(string.startswith("➊ ") for fact in facts(language, marks=True) for string in fact.strings)
    assert not any(MARK.match(string) for fact in facts(language) for string in fact.strings)


def shape(document: IssueDocument) -> list[object]:
    """What a translation must share: dates, blocks, entries, pictures and addresses."""
    return [
        (
            [_outline(block) for block in section.intro],
            [
                (article.date, article.url, [_outline(block) for block in article.blocks])
                for article in section.articles
            ],
        )
        for section in document.sections
    ]


def _outline(block: Block) -> tuple[object, ...]:
    match block:
        case ItemList(style, items):
            return ("list", style, len(items))
        case Picture():
            return ("picture", block.src, block.video, bool(block.caption), bool(block.credit))
        case Facts(rows):
            return ("facts", len(rows))
        case Button():
            return ("button", block.url)
    return (type(block).__name__,)


def test_the_editions_are_translations_of_one_issue():
    english, korean = (sample(language) for language in LANGUAGES)
    assert english.newsletter == korean.newsletter is not None
    assert (english.document.language, korean.document.language) == LANGUAGES
    for name in ("newsletter", "number", "date"):
        assert getattr(english.document, name) == getattr(korean.document, name)
    assert shape(english.document) == shape(korean.document)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_order_of_the_issue(language):
    document = sample(language).document
    assert [len(section.articles) for section in document.sections] == [1, 1, 2, 4, 2, 1]
    dates = [article.date for section in document.sections for article in section.articles]
    days = [day.strftime("%m-%d") if day else "" for day in dates]
    assert days == ["", "08-23", "08-03", "08-11", "08-20", "08-12", "08-09", "08-05", "", "", ""]
    blocks = [block for section in document.sections for article in section.articles for block in article.blocks]
    lists = [(block.style.value, len(block.items)) for block in blocks if isinstance(block, ItemList)]
    assert lists == [("number", 2), ("circled", 5), ("circled", 5), ("bullet", 8), ("bullet", 6), ("bullet", 5)]
    assert [block.video != "" for block in blocks if isinstance(block, Picture)].count(True) == 8
    assert [len(block.rows) for block in blocks if isinstance(block, Facts)] == [3, 3]
    assert [sum(isinstance(block, kind) for block in blocks) for kind in (Citation, Notice)] == [1, 1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_greeting_is_personal(language):
    greeting = sample(language).document.sections[0].intro[0]
    assert isinstance(greeting, Paragraph)
    assert re.search(r'\{\{ first_name \| default\("\w+"\) \}\}', greeting.html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_stands_as_it_would_be_written(language):
    text = (SAMPLE / f"issue-20.{language}.md").read_text(encoding="utf-8")
    assert write(parse(text)) == text


def test_the_pictures_are_there_small_and_sharp():
    used = {
        block.src
        for language in LANGUAGES
        for section in sample(language).document.sections
        for article in section.articles
        for block in article.blocks
        if isinstance(block, Picture)
    }
    assert {f"pictures/{path.name}" for path in (SAMPLE / "pictures").iterdir()} == used
    for src in used:
        with Image.open(SAMPLE / src) as picture:
            assert (picture.format, picture.width) == ("PNG", 1100)
        assert (SAMPLE / src).stat().st_size <= 40_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_described(language):
    for section in sample(language).document.sections:
        for article in section.articles:
            assert all(block.alt for block in article.blocks if isinstance(block, Picture))
