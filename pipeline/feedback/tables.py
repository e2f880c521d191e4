"""The phrases by which bounces, warnings and robots' answers are known: `formats.tsv`, by role. Pure.

A blank in a row stands for any white space; `…` bridges up to 80 characters; case and accents are ignored.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from pipeline.replies.phrasebook import GAP_AT_MOST, Phrasebook

_BLANKS: Final = re.compile(r"[\s>*|]+")
_PLAIN: Final = {
    **{number: unicodedata.normalize("NFD", chr(number))[0] for number in range(0xC0, 0x180)},
    **str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "Ø": "O", "Ł": "L", "Đ": "D"}),
}
"""Latin letters → those of ASCII, one for one: many servers write their language without accents."""
_SPELT_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


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
        plain = _plain(text)
        found = (_pattern(self.words[number]).search(plain) for number in self.book.found(flat(text)))
        return min((each.start() for each in found if each), default=None)


def read_tables(text: str) -> dict[Role, Table]:
    """Parse the rows of all roles. Raises ValueError naming the line."""
    words: dict[Role, list[str]] = {role: [] for role in Role}
    for number, line in enumerate(text.splitlines(), start=1):
        role, tab, phrase = line.partition("\t")
        if line and not line.startswith("#"):
            if role not in words or not tab or not phrase.strip("… "):
                raise ValueError(f"formats.tsv line {number}: expected a role and words, a tab between: {line!r}")
            words[Role(role)] += dict.fromkeys((_plain(phrase), _plain(phrase.translate(_SPELT_OUT))))
    return {role: Table(tuple(rows), Phrasebook.of(map(_pieces, rows))) for role, rows in words.items()}


@lru_cache(maxsize=4)
def flat(text: str) -> str:
    """Lower case, on one line, without accents."""
    return _BLANKS.sub(" ", _plain(text).lower())


def _plain(text: str) -> str:
    return text if text.isascii() else text.translate(_PLAIN)


def _pieces(phrase: str) -> tuple[str, ...]:
    return tuple(piece for piece in phrase.split("…") if piece)


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    """Finds in the text what `flat` has shown to be there: blanks match line breaks and quote marks too."""
    pieces = (re.escape(piece).replace(r"\ ", r"[\s>*|]{1,20}") for piece in _pieces(phrase))
    return re.compile(rf"[\s\S]{{0,{GAP_AT_MOST}}}?".join(pieces), re.IGNORECASE)


TABLES: Final = read_tables(Path(__file__).with_name("formats.tsv").read_text(encoding="utf-8"))
