"""Two thousand made-up readers, the same every time. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

CITIZENS, EXPERTS, BOTH = 1_300, 900, 200
"""How many are on each list, and how many of them on both: 2,000 people."""
_KOREAN: Final = ("서연", "민준", "지우", "서준", "하은", "도윤", "수아", "예준", "지안", "시우")
_FAMILY: Final = ("김", "이", "박", "최", "정", "강", "조")
_ENGLISH: Final = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Grace", "Hugo", "Iris")
_SURNAMES: Final = ("Stone", "Rivers", "Hill", "Park", "Brook", "Marsh", "Field")
_DOMAINS: Final = ("sejong.example", "busan.example", "incheon.example", "daejeon.example", "ulsan.example")
_CHARACTERS: Final = {389: "away", 233: "full", 141: "bounce", 67: "nosuch", 57: "later"}
"""Every so many-th reader is a difficult one, the rarest first; see `pipeline.inbox.characters`."""
CUT: Final = 1_111
"""The one reader whose connection breaks."""


@dataclass(frozen=True, slots=True)
class Reader:
    email: str
    first_name: str
    last_name: str
    language: str


def readers() -> Iterator[Reader]:
    """All of them, in order: the citizens first, the experts from the end of the citizens on."""
    domains = cycle(_DOMAINS)
    for number in range(CITIZENS + EXPERTS - BOTH):
        korean = number % 3 != 0
        first = (_KOREAN if korean else _ENGLISH)[number % (10 if korean else 9)]
        last = (_FAMILY if korean else _SURNAMES)[number % 7]
        yield Reader(f"{_word(number)}-{number}@{next(domains)}", first, last, "ko" if korean else "en")


def citizens() -> list[Reader]:
    return list(islice(readers(), CITIZENS))


def experts() -> list[Reader]:
    return list(islice(readers(), CITIZENS - BOTH, None))


def _word(number: int) -> str:
    if number == CUT:
        return "cut"
    return next((word for step, word in _CHARACTERS.items() if number % step == step - 1), "reader")
