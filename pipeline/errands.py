"""Errands: what one process does for all of them, piece by piece, so that the others are free for sends."""

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from pipeline.queries.sql import alone

AT_A_TIME: Final = 60.0
"""Seconds after which nothing more is begun; what is left is for the next sweep. A relay or a name server that does
not answer keeps us waiting for each piece."""
_Piece = TypeVar("_Piece")


def do_due(
    lock: tuple[int, int],
    take: Callable[[], _Piece | None],
    do: Callable[[_Piece], object],
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Take what is due and do it, one after the other, for a minute at most; how many. Zero while somebody else does.

    `lock` is the two-part advisory lock of the errand.
    """
    done, until = 0, monotonic() + AT_A_TIME
    with alone(*lock) as ours:
        while ours and not stopping() and monotonic() < until and (piece := take()) is not None:
            do(piece)
            done += 1
    return done
