"""Which destinations tell a sender of each complaint (`loops.tsv`), and so, of whom one could be known at all. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from pipeline.limits.destinations import GROUPS

_NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Loop:
    """What is known of one destination."""

    destination: str
    name: str
    """Empty: it tells of no single complaint, whoever asks."""
    by: str
    sign_up: str
    """Where a sender signs up; of one without a loop, where it shows numbers instead."""


def read(text: str) -> dict[str, Loop]:
    """Destination → its loop. Raises ValueError naming the line."""
    found: dict[str, Loop] = {}
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line and not line.startswith("#")]
    for number, line in lines[1:]:
        columns = line.split("\t")
        if len(columns) != 6 or not all(columns) or columns[0] not in set(GROUPS.values()) or columns[0] in found:
            raise ValueError(f"loops.tsv line {number}: expected six columns about one more destination: {line!r}")
        destination, name, by, sign_up, _, _ = columns
        found[destination] = Loop(destination, "" if name == _NONE else name, by, sign_up)
    return found


LOOPS: Final = read(files("pipeline.limits").joinpath("loops.tsv").read_text(encoding="utf-8"))


def signed_up(text: str) -> tuple[str, ...]:
    """The destinations that an operator names, with commas between. Raises ValueError for one that has no loop."""
    named = tuple(each.strip().lower() for each in text.split(",") if each.strip())
    for each in named:
        if each not in LOOPS or not LOOPS[each].name:
            raise ValueError(f"{each!r} is not known to have a complaint feedback loop")
    return named


def heard_of(signed: Collection[str], heard: Collection[str]) -> frozenset[str]:
    """Destinations of which a complaint would be known: signed up for, or one came from there.

    A complaint of a destination that has no loop came another way, such as a public reporting service. It says nothing
    of the other readers there.
    """
    without = {loop.destination for loop in LOOPS.values() if not loop.name}
    return frozenset({*signed, *heard} - without)
