"""When a deferred delivery is tried again, and how people write durations. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

JITTER: Final = 0.2
"""Each wait is stretched or shrunk by up to this share, so that a deferred crowd does not come back as one."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_LONGEST: Final = timedelta(days=366)
"""Longer waits are slips of the keyboard, and far ones overflow the calendar."""


def parse_duration(text: str, *, variable: str = "") -> timedelta:
    """Read `45s`, `10m`, `72h` or `5d`. Raises ValueError, which names `variable` if there is one."""
    found = _DURATION.fullmatch(text.strip())
    length = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None
    if length is None or length > _LONGEST:
        raise ValueError(
            f"{variable}{': ' if variable else ''}{text!r} is not a duration: "
            "write a whole number and one of s, m, h, d, up to 366d, such as 45s or 72h"
        )
    return length


def parse_schedule(text: str, *, variable: str = "") -> tuple[timedelta, ...]:
    """Read `1m,5m,15m`: the waits before the second try, the third and so on. Raises ValueError likewise."""
    waits = tuple(parse_duration(part, variable=variable) for part in text.split(","))
    if timedelta(0) in waits:
        raise ValueError(f"{variable}{': ' if variable else ''}a wait of nothing would ask the relay without end")
    return waits


def next_attempt(schedule: Sequence[timedelta], attempts: int, now: datetime, jitter: float) -> datetime:
    """When to try again after `attempts` tries (1 or more); the last wait of the schedule repeats.

    `jitter` is a random number from 0 to 1: 0 takes 20 % off the wait, 1 puts 20 % on.
    """
    wait = schedule[min(max(attempts, 1), len(schedule)) - 1]
    return now + wait * (1 + JITTER * (2 * jitter - 1))
