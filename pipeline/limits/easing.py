"""How a destination that has had enough is slowed down alone, and comes back step by step.

Trouble stops it for a while and then lets it go on slowly; each quiet while with something accepted gives it the next
speed back. Only what speaks of us and of our speed teaches: 421, 4.7.x, 4.3.2 (RFC 3463), or when more than a fifth of
its last 200 were put off. 4.2.x speaks of one mailbox, and greylisting (RFC 6647) of one message: they teach nothing.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

SPEEDS: Final = (None, 50.0, 10.0, 2.0, 0.5)
"""Messages per second at each step; 0 is full speed."""
PAUSES: Final = (30, 30, 30, 120, 600)
"""Seconds without any, on coming to a step by trouble."""
FIRST: Final = 2
"""The step that the first trouble leads to."""
QUIET: Final = timedelta(seconds=30)
"""Without trouble for so long, a destination gets its next speed back."""
LAST: Final = 200
PUT_OFF_AT_MOST: Final = 0.2
ANSWERS_FOR_ONE: Final = frozenset({"RCPT", "DATA", "."})
"""Replies to anything else concern the relay, whoever was being mailed."""


_SAID: Final = re.compile(r"(?:^|\bsaid: )([245]\d\d)(?=[ -])")


class Lesson(Enum):
    """What one reply says about a destination."""

    NOTHING = ""
    WELL = "+"
    PUT_OFF = "-"
    TROUBLE = "!"
    """Enough by itself."""


@dataclass(frozen=True, slots=True)
class Ease:
    """A destination's new step and how long nothing goes there."""

    step: int
    pause: timedelta


def lesson(*, code: int | None, enhanced: str, command: str, words: str) -> Lesson:
    """What a reply teaches about the destination of the one it was given for."""
    if code is None or command not in ANSWERS_FOR_ONE or enhanced.startswith("4.2."):
        return Lesson.NOTHING
    if code // 100 != 4:
        return Lesson.WELL
    if code == 421:
        return Lesson.TROUBLE
    if _is_greylisting(words):
        return Lesson.NOTHING
    return Lesson.TROUBLE if enhanced.startswith("4.7.") or enhanced == "4.3.2" else Lesson.PUT_OFF


def code_in_report(words: str) -> int | None:
    """The SMTP code in the words of a delivery report, also where a relay quotes what it was told before."""
    found = _SAID.search(words)
    return int(found[1]) if found else None


def too_many_put_off(recent: str) -> bool:
    """Whether the last 200 outcomes are trouble (`+` and `-`, the newest last)."""
    return len(recent) >= LAST and recent[-LAST:].count("-") > LAST * PUT_OFF_AT_MOST


def scale_of(first_wait: timedelta) -> float:
    """How much shorter than usual the pauses are where the waits between tries are (tests)."""
    return min(1.0, first_wait / timedelta(minutes=1))


def slowed(step: int, *, scale: float = 1.0) -> Ease:
    """After trouble at `step`. `scale` shortens the pause where all waits are short (tests)."""
    after = min(max(step + 1, FIRST), len(SPEEDS) - 1)
    return Ease(after, timedelta(seconds=PAUSES[after] * scale))


def _is_greylisting(words: str) -> bool:
    lowered = words.lower()
    return "greylist" in lowered or "graylist" in lowered or "grey-list" in lowered
