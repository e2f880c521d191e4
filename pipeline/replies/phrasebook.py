"""Which of many phrases stand in a text, found without trying each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Final

GRAM: Final = 4
GAP_AT_MOST: Final = 80
"""Characters that the gap between two pieces of a phrase may bridge."""

Phrase = tuple[str, ...]
"""Pieces that stand in this order, each near the one before."""


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Phrases by number, each filed under its rarest four letters.

    To try each of 1,500 on every reply would cost half a millisecond; so only those whose letters are there are.
    """

    phrases: Sequence[Phrase]
    filed: Mapping[str, Sequence[int]] = field(repr=False)
    always: Sequence[int] = field(repr=False)

    @classmethod
    def of(cls, phrases: Iterable[Phrase]) -> "Phrasebook":
        """File the phrases. One without pieces is never found."""
        known = tuple(phrases)
        grams = [[gram for piece in phrase for gram in _grams(piece)] for phrase in known]
        common = Counter(chain.from_iterable(grams))
        filed: dict[str, list[int]] = {}
        for number, those in enumerate(grams):
            if those:
                filed.setdefault(min(those, key=common.__getitem__), []).append(number)
        always = [number for number, those in enumerate(grams) if known[number] and not those]
        return cls(known, filed, always)

    def found(self, text: str) -> list[int]:
        """The numbers of the phrases in the text, ascending. The text is compared as it is: lower it first."""
        return [number for number in self._candidates(text) if contains(text, self.phrases[number])]

    def first(self, text: str) -> int | None:
        """The lowest of these numbers, if any."""
        return next((number for number in self._candidates(text) if contains(text, self.phrases[number])), None)

    def _candidates(self, text: str) -> list[int]:
        numbers = set(self.always)
        for gram in self.filed.keys() & _letters(text):
            numbers.update(self.filed[gram])
        return sorted(numbers)


def contains(text: str, phrase: Phrase) -> bool:
    """Whether the phrase stands in the text. Each place of its first piece is tried once."""
    first, *rest = phrase
    at = text.find(first)
    while at >= 0:
        if _goes_on(text, at + len(first), rest):
            return True
        at = text.find(first, at + 1)
    return False


def _goes_on(text: str, at: int, pieces: Sequence[str]) -> bool:
    for piece in pieces:
        found = text.find(piece, at, at + GAP_AT_MOST + len(piece))
        if found < 0:
            return False
        at = found + len(piece)
    return True


@lru_cache(maxsize=4)
def _letters(text: str) -> frozenset[str]:
    """Kept for the last few texts, because one text is looked at for several books."""
    return frozenset(_grams(text))


def _grams(text: str) -> list[str]:
    return [text[at : at + GRAM] for at in range(len(text) - GRAM + 1)]
