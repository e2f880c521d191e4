"""The place of a finding as a person finds it: by the titles of section and article, and how a block begins."""

import re
from dataclasses import dataclass, fields
from html import unescape

from pipeline.content.types import Block, IssueDocument

_WITHIN = re.compile(r"sections\[(\d+)\](?:\.intro\[(\d+)\]|\.articles\[(\d+)\](?:\.blocks\[(\d+)\])?)?")
_MARKUP = re.compile("<[^<>]*>")
_MARKED_UP = frozenset({"html", "items"})
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Where:
    name: str = ""
    """For what is in no section: `subject`, `newsletter`, `page`."""
    section: str = ""
    article: str = ""
    block: str = ""
    """The name of the block's type: `Picture`."""
    words: str = ""
    """How the block begins."""

    def __str__(self) -> str:
        """`Policy › A bridge opens › Picture “The bridge at noon”`."""
        block = f"{self.block} “{self.words}”" if self.words else self.block
        return " › ".join(part for part in (self.name, self.section, self.article, block) if part)


def where(document: IssueDocument, place: str) -> Where:
    """What a place in a document means. A place that is not there comes back as its own name."""
    found = _WITHIN.match(place)
    try:
        return _within(document, found) if found else Where(place)
    except IndexError:
        return Where(place)


def _within(document: IssueDocument, found: re.Match[str]) -> Where:
    number, intro, article, block = (int(part) if part else None for part in found.groups())
    section = document.sections[number or 0]
    if intro is not None:
        return _block(section.title, "", section.intro[intro])
    if article is None:
        return Where(section=_short(section.title))
    titled = section.articles[article]
    if block is None:
        return Where(section=_short(section.title), article=_short(titled.title))
    return _block(section.title, titled.title, titled.blocks[block])


def _block(section: str, article: str, block: Block) -> Where:
    return Where("", _short(section), _short(article), type(block).__name__, _words(block))


def _words(block: Block) -> str:
    """The first thing in it that somebody wrote."""
    values = [(field.name, getattr(block, field.name)) for field in fields(block)]
    name, first = next((each for each in values if each[1] and each[0] not in {"style", "lang"}), ("", ""))
    while isinstance(first, tuple):
        first = first[0] if first else ""
    if name in _MARKED_UP:
        first = unescape(_MARKUP.sub("", first.replace("<br/>", " ")))
    return _short(" ".join(first.split()))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"
