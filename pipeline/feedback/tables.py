"""The phrases by which bounces, warnings and robots' answers are known: `formats.tsv`, by role. Pure.

A blank in a row stands for any white space; `…` bridges up to 80 characters; case is ignored.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from pipeline.replies.phrasebook import GAP_AT_MOST, Phrasebook

_BLANKS: Final = re.compile(r"[\s>*|]+")


class Role(StrEnum):
    """What a row's words are; the head of formats.tsv says more."""

    START = "start"
    STOP = "stop"
    DELAY = "delay"
    DAEMON = "daemon"
    SUBJECT = "subject"
    ABSENCE = "absence"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one role."""

    words: tuple[str, ...]
    book: Phrasebook

    def fits(self, text: str) -> bool:
        """Whether any row stands in the text."""
        return self.book.first(flat(text)) is not None

    def begins(self, text: str) -> bool:
        """Whether the text begins with a row."""
        return flat(text).strip().startswith(self.words)

    def first(self, text: str) -> int | None:
        """Where the first of the rows begins in the text."""
        found = (_pattern(self.words[number]).search(text) for number in self.book.found(flat(text)))
        return min((each.start() for each in found if each), default=None)


def read_tables(text: str) -> dict[Role, Table]:
    """Parse the rows of all roles. Raises ValueError naming the line."""
    words: dict[Role, list[str]] = {role: [] for role in Role}
    for number, line in enumerate(text.splitlines(), start=1):
        role, tab, phrase = line.partition("\t")
        if line and not line.startswith("#"):
            if role not in words or not tab or not phrase.strip("… "):
                raise ValueError(f"formats.tsv line {number}: expected a role and words, a tab between: {line!r}")
            words[Role(role)].append(phrase)
    return {role: Table(tuple(rows), Phrasebook.of(map(_pieces, rows))) for role, rows in words.items()}


@lru_cache(maxsize=4)
def flat(text: str) -> str:
    """Lower case, on one line."""
    return _BLANKS.sub(" ", text.lower())


def _pieces(phrase: str) -> tuple[str, ...]:
    return tuple(piece for piece in phrase.split("…") if piece)


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    """Finds in the text what `flat` has shown to be there: blanks match line breaks and quote marks too."""
    pieces = (re.escape(piece).replace(r"\ ", r"[\s>*|]{1,20}") for piece in _pieces(phrase))
    return re.compile(rf"[\s\S]{{0,{GAP_AT_MOST}}}?".join(pieces), re.IGNORECASE)


TABLES: Final = read_tables(Path(__file__).with_name("formats.tsv").read_text(encoding="utf-8"))
