"""Messages per second from a proof, one join each, beside the standard library building the same message."""

from collections import deque
from collections.abc import Callable
from functools import partial

from bench import sample
from bench.options import Options
from bench.rounds import compare, seconds
from pipeline.content.message import fill

OURS, THEIRS = 20_000, 50
GROUP = 64
"""The most messages that one connection holds at a time."""


def run(options: Options) -> dict[str, object]:
    made = sample.compiled()
    size = len(fill(made.proof, sample.VALUES))
    ours, reference = [], []
    for _ in range(options.rounds):
        ours.append(OURS / seconds(partial(_make, OURS, partial(fill, made.proof, sample.VALUES))))
        theirs = partial(sample.by_the_standard_library, made.html, made.text)
        reference.append(THEIRS / seconds(partial(_make, THEIRS, theirs)))
    found = compare(ours, reference, digits=0)
    return {**found, "microseconds": round(1e6 / found["rate"], 1), "message_bytes": size}


def _make(times: int, one: Callable[[], bytes]) -> None:
    """Make messages, and hold no more of them at once than a send would."""
    deque((one() for _ in range(times)), GROUP)
