"""Which of many phrases stand in a text, found without trying each."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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
        common = Counter(gram for phrase in known for piece in phrase for gram in _grams(piece))
        filed: dict[str, list[int]] = {}
        always = []
        for number, phrase in enumerate(known):
            grams = [gram for piece in phrase for gram in _grams(piece)]
            if grams:
                filed.setdefault(min(grams, key=lambda gram: (common[gram], gram)), []).append(number)
            elif phrase:
                always.append(number)
        return cls(known, filed, always)

    def found(self, text: str) -> list[int]:
        """The numbers of the phrases in the text, ascending. The text is compared as it is: lower it first."""
        numbers = set(self.always)
        for gram in self.filed.keys() & _grams(text):
            numbers.update(self.filed[gram])
        return sorted(number for number in numbers if contains(text, self.phrases[number]))


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
def _grams(text: str) -> frozenset[str]:
    """Kept for the last few texts, because one text is looked at for several books."""
    return frozenset({text[at : at + GRAM] for at in range(len(text) - GRAM + 1)})
