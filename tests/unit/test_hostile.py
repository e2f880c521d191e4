"""Whatever stands in whatever field is refused by name or arrives as text: never as markup, never by network."""

import datetime as dt
import re
import socket
from dataclasses import replace
from functools import cache
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import pytest
from bulletin import NEWSLETTER, NONCE, SITE, VALUES
from hostile import HOSTILE
from lxml import html as lxml_html

from pipeline.content import layout, message, preflight, walk
from pipeline.content.compile import compile_issue
from pipeline.content.types import (
    Article,
    Button,
    Citation,
    ContentError,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
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

URL = "https://example.org/"
PLAIN = IssueDocument(
    newsletter="smart-city",
    number=1,
    date=dt.date(2026, 11, 22),
    language="en",
    title="Title",
    subject="Subject",
    preheader="Preheader",
    sections=(
        Section(
            "Section",
            (
                Article(
                    "Article",
                    (
                        Paragraph("Text"),
                        Heading("Heading"),
                        ItemList(ListStyle.CIRCLED, ("One", "Two")),
                        Picture("a.png", "Alt", "Credit", "Caption", URL, URL),
                        Facts((("Label", "Value"),)),
                        Citation("Citation"),
                        Quote("Quote", "By"),
                        Button("Label", URL),
                        Notice("Notice", "Title"),
                        Teaser("Teaser", "Text", URL, "b.png", "Alt"),
                        Sponsor("Sponsor", "By", URL, "c.png", "Alt"),
                        Signature("Signature", "d.png", "Alt"),
                        FileLink("Label", URL, "PDF", "1 MB"),
                    ),
                    "Source",
                    dt.date(2026, 11, 22),
                    URL,
                ),
            ),
            (Paragraph("Intro"),),
        ),
    ),
)
PLACES = [field.place for field in walk.fields(PLAIN)]


def put(whole: Any, place: str, value: str) -> Any:
    """The same document (or part of one) with another value at a place as `walk.fields` names it."""
    step, _, rest = place.partition(".")
    name, _, index = step.rstrip("]").partition("[")
    if not name and not index:
        name = "html" if hasattr(whole, "html") else "text"
    if isinstance(whole, tuple):
        return (value, whole[1]) if name == "label" else (whole[0], value)
    if not index:
        return replace(whole, **{name: put(getattr(whole, name), rest, value) if rest else value})
    items, at = list(getattr(whole, name)), int(index)
    items[at] = value if isinstance(items[at], str) else put(items[at], rest, value)
    return replace(whole, **{name: tuple(items)})


def test_every_field_can_be_reached():
    for place in PLACES:
        found = {field.place: field.value for field in walk.fields(put(PLAIN, place, "changed"))}
        assert found[place] == "changed"
        assert sum(value == "changed" for value in found.values()) == 1


def refused(document: IssueDocument) -> bool:
    """Whether its editor is told. Findings that do not stop a send do not count."""
    return preflight.blocked(preflight.check(document, NEWSLETTER))


@cache
def filled_with(text: str) -> IssueDocument:
    """The document with the text in every field in which it is not refused."""
    document = PLAIN
    for place in PLACES if text.strip() else []:
        if not refused(put(PLAIN, place, text)):
            document = put(document, place, text)
    return document


def markup_of(html: str) -> list[Any]:
    """Elements with their attributes' names; of attributes that lead somewhere, the scheme."""
    return [
        (element.tag, [(name, leads(name, value)) for name, value in sorted(element.attrib.items())])
        for element in lxml_html.fromstring(html).iter()
        if isinstance(element.tag, str)
    ]


def leads(name: str, value: str) -> str:
    return urlsplit(value).scheme if name in {"href", "src", "action", "background"} else ""


def comments(html: str) -> int:
    return len(re.findall("<!--", html))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a compile touched the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@cache
def plain_page(name: str) -> str:
    return compile_issue(PLAIN, replace(NEWSLETTER, layout=name), SITE, nonce=NONCE).html


def test_there_are_a_hundred():
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize(
    ("text", "name"), list(zip(HOSTILE, cycle(layout.names()), strict=False)), ids=range(len(HOSTILE))
)
def test_no_hostile_text_becomes_markup(text, name):
    plain = plain_page(name)
    try:
        made = compile_issue(filled_with(text), replace(NEWSLETTER, layout=name), SITE, nonce=NONCE).html
    except ContentError as error:
        pytest.fail(f"preflight let pass what the compiler refuses: {error}")
    assert markup_of(made) == markup_of(plain)
    assert comments(made) == comments(plain)


@pytest.fixture(scope="module")
def personal():
    document = put(PLAIN, "subject", "For {{ first_name }}")
    document = put(document, "sections[0].articles[0].blocks[0]", "Dear {{ first_name }}")
    document = put(document, "sections[0].articles[0].blocks[7].url", URL + "?q={{ first_name }}")
    return compile_issue(document, NEWSLETTER, SITE, nonce=NONCE).proof


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_name_becomes_markup_or_a_header(personal, text):
    wires = [message.fill(personal, VALUES | {"first_name": name}) for name in ("Ann", text)]
    heads = [re.findall(rb"^[A-Za-z-]+:", wire.partition(b"\r\n\r\n")[0], re.MULTILINE) for wire in wires]
    assert heads[0] == heads[1]
    pages = [message.message_parts(personal, VALUES | {"first_name": name})[0] for name in ("Ann", text)]
    assert markup_of(pages[0]) == markup_of(pages[1])
    assert max(map(len, wires[1].split(b"\r\n"))) <= 998
    assert not re.search(rb"(?m)^\.", wires[1])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_newsletter_becomes_markup(text):
    newsletter, lines = NEWSLETTER, "\n".join("x" * len(text.splitlines()))
    harmless = NEWSLETTER
    for name in ("name", "sender_name", "postal_address"):
        changed = {name: text}
        if not preflight.blocked(preflight.check(PLAIN, replace(NEWSLETTER, **changed))):
            newsletter, harmless = replace(newsletter, **changed), replace(harmless, **{name: lines})
    made, plain = (compile_issue(PLAIN, each, SITE, nonce=NONCE).html for each in (newsletter, harmless))
    assert markup_of(made) == markup_of(plain)
    assert comments(made) == comments(plain)
