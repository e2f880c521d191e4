"""What the commands share that act on named things: `pressrun transport list`, `pressrun mailbox set NAME …`."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any


def add_act(acts: Any, name: str, summary: str) -> argparse.ArgumentParser:
    """A parser for one act, which takes `--json` after its name too."""
    act: argparse.ArgumentParser = acts.add_parser(name, help=summary)
    act.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    return act


def print_all(things: Iterable[Mapping[str, Any]], *, as_json: bool) -> int:
    """Each thing's `name` and `state`, then whatever else is set of it; or all of it as one JSON document."""
    from pipeline.commands import output

    found = list(things)
    if as_json:
        output.emit(found)
        return 0
    for each in found:
        print(f"{each['name']}: {each['state']}")
        for name, value in each.items():
            if name not in {"name", "state"} and (value or value is False):
                print(f"  {name.replace('_', ' ')}: {value}")
    return 0
