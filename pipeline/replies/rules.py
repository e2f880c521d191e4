"""The rows of `providers.tsv`, then those of `rules.tsv`, read once.

A row is `word <tab> language or "code" <tab> phrase or code`. A phrase is lower case; `…` bridges up to 80
characters, `@` stands for any address. A code is an SMTP code (550) or an RFC 3463 one (5.1.1; *.2.2 for 4 and 5).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from pipeline.replies.phrasebook import Phrase, Phrasebook
from pipeline.replies.reasons import WORDS


@dataclass(frozen=True, slots=True)
class Rule:
    word: str
    """One of `reasons.WORDS`."""
    name: str
    """For people: `phrase "user unknown"`, `enhanced 5.1.1`, `code 550`."""
    phrase: Phrase = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All rows in order: the lower number decides."""

    rows: tuple[Rule, ...]
    phrases: Phrasebook
    codes: dict[str, int]

    @classmethod
    def read(cls, *tables: str) -> "Rules":
        """Parse tables, the more telling first. Raises ValueError naming the line."""
        lines = chain.from_iterable(enumerate(table.splitlines(), start=1) for table in tables)
        told = ((number, line) for number, line in lines if line and not line.startswith("#"))
        rows = tuple(chain.from_iterable(_rows(number, line) for number, line in told))
        codes = {rule.code: number for number, rule in reversed([*enumerate(rows)]) if rule.code}
        return cls(rows, Phrasebook.of(rule.phrase for rule in rows), codes)

    def first(self, words: str, *, code: int | None, enhanced: str) -> Rule | None:
        """The first row that fits a reply: its words in lower case, and its codes."""
        numbers = [self.codes[key] for key in (str(code), enhanced, "*" + enhanced[1:]) if key in self.codes]
        phrase = self.phrases.first(words)
        numbers += [] if phrase is None else [phrase]
        return self.rows[min(numbers)] if numbers else None


_SPELT_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_FOLDED: Final = {
    **{number: unicodedata.normalize("NFD", chr(number))[0] for number in range(0xC0, 0x180)},
    **str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"}),
}


def folded(text: str) -> str:
    """Lower-case text with Latin letters only as ASCII has them: many servers write their language without accents."""
    return text if text.isascii() else text.translate(_FOLDED)


def _rows(number: int, line: str) -> Iterator[Rule]:
    """The row, and one more for German as it is written where there are no umlauts."""
    yield _row(number, line)
    spelt = line.translate(_SPELT_OUT)
    if spelt != line and line.split("\t")[1] == "de":
        yield _row(number, spelt)


def _row(number: int, line: str) -> Rule:
    columns = line.split("\t")
    if len(columns) != 3 or columns[0] not in WORDS or not columns[2].strip("… "):
        raise ValueError(f"line {number}: expected word, language and phrase with tabs between: {line!r}")
    word, language, text = columns
    if language == "code":
        return Rule(word, f"{'code' if text.isdigit() else 'enhanced'} {text}", code=text)
    return Rule(word, f'phrase "{text}"', phrase=tuple(piece for piece in folded(text).split("…") if piece))


_TABLES: Final = ("providers.tsv", "rules.tsv")


@cache
def rules() -> Rules:
    """Read the tables, when they are first asked for: whoever only passes meanings on need not wait for that."""
    return Rules.read(*(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _TABLES))
