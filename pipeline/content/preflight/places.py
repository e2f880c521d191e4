"""The place of a finding as a person finds it: by the titles of section and article, and how a block begins."""

import re
from dataclasses import dataclass, fields

from pipeline.content.types import Block, IssueDocument

_WITHIN = re.compile(r"sections\[(\d+)\](?:\.intro\[(\d+)\]|\.articles\[(\d+)\](?:\.blocks\[(\d+)\])?)?")
_MARKUP = re.compile("<[^<>]*>")
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
        return Where(section=section.title)
    titled = section.articles[article]
    if block is None:
        return Where(section=section.title, article=titled.title)
    return _block(section.title, titled.title, titled.blocks[block])


def _block(section: str, article: str, block: Block) -> Where:
    return Where("", section, article, type(block).__name__, _words(block))


def _words(block: Block) -> str:
    """The first thing in it that somebody wrote."""
    values = [getattr(block, field.name) for field in fields(block) if field.name not in {"style", "lang"}]
    first = next((value for value in values if value), "")
    while isinstance(first, tuple):
        first = first[0] if first else ""
    text = " ".join(_MARKUP.sub("", first).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1].rstrip()}…"
