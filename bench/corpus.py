"""A labelled corpus of returned mail, lent from elsewhere: which of its formats rules are not to be made from.

`set_aside.txt` was drawn once, before work on the rules began, by `python -m bench.corpus FOLDER`: half of the formats,
so that what is measured on them tells how the rules do with what they have not seen.
"""

import json
import random
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

SET_ASIDE: Final = Path(__file__).parent / "set_aside.txt"
SEED: Final = 5
_VARIANT = re.compile(r"[-_.]?\d+[a-z]?$")


def format_of(name: str) -> str:
    """The format of a sample: its file's name without the number, so `a-lhost-exim` of `a-lhost-exim-07.eml`."""
    return _VARIANT.sub("", name.removesuffix(".eml"))


def draw(names: Collection[str], *, seed: int = SEED) -> list[str]:
    """A random half of the formats that these samples have."""
    formats = sorted(set(map(format_of, names)))
    return sorted(random.Random(seed).sample(formats, len(formats) // 2))


def set_aside() -> frozenset[str]:
    """The formats that were drawn."""
    return frozenset(line for line in SET_ASIDE.read_text().splitlines() if line and not line.startswith("#"))


def labels(folder: Path) -> list[dict[str, Any]]:
    """What each sample is, one dictionary a file."""
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]


if __name__ == "__main__":
    print(*draw([label["file"] for label in labels(Path(sys.argv[1]))]), sep="\n")
