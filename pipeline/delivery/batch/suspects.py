"""Deliveries that a worker had in hand when it died: one of them may be what kills.

Each is made once for nothing first, with a note in the books of which one it is, while nobody's message is on the
wire. So a worker that dies of it harms nobody else's, and the sweep knows the culprit (`transitions.leases`).
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pipeline.transitions import Claimed

AT_ONCE: Final = 32
"""Few, so that after the death of many workers each still gets something done."""


def suspected(claimed: deque[Claimed]) -> bool:
    """Whether the next one is a suspect."""
    return bool(claimed) and claimed[0].deaths is not None


def try_out(claimed: deque[Claimed], make: Callable[[Claimed], object], note: Callable[[int | None], bool]) -> None:
    """Make the suspects among the next ones; whoever has not killed us is like all others."""
    for place in range(min(AT_ONCE, len(claimed))):
        one = claimed[place]
        if one.deaths is None:
            continue
        if not note(one.id):
            return
        with suppress(Exception):  # told when it is made in earnest
            make(one)
        claimed[place] = one._replace(deaths=None)
    note(None)
