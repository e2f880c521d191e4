"""`pressrun layout check NAME|DIR`: what is wrong with a layout. Touches neither database nor network."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.content import layout, trial
from pipeline.content.types import ContentError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    check = acts.add_parser("check", help="compile made-up issues with everything in them, and say what is wrong")
    check.add_argument(
        "layout", metavar="NAME|DIR", help="a layout's name, or the folder that holds its files, such as ./mine"
    )
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    name, own = _named(args.layout)
    mistakes = trial.mistakes(name, own)
    if args.json:
        print(json.dumps({"layout": name, "mistakes": _listed(mistakes)}, ensure_ascii=False))
    else:
        folder = layout.folders(name, own)[0]
        print("\n".join(map(str, mistakes)) or f"Nothing is wrong with the layout in {folder}.")
    return 1 if mistakes else 0


def own_layouts() -> Path | None:
    """The folder of own layouts, PRESSRUN_LAYOUTS, for commands that do without Django's settings."""
    named = os.environ.get("PRESSRUN_LAYOUTS", "")
    if named and not Path(named).is_dir():
        raise ContentError(f"PRESSRUN_LAYOUTS: there is no folder {named}")
    return Path(named).absolute() if named else None


def _named(given: str) -> tuple[str, Path | None]:
    """The layout's name and the folder of own layouts: of a path, which has a slash, or of a name."""
    if "/" not in given and given != ".":
        return given, own_layouts()
    path = Path(given).resolve()
    return path.name, path.parent


def _listed(mistakes: Sequence[ContentError]) -> list[dict[str, object]]:
    return [
        {"file": each.source, "line": each.line, "column": each.column, "message": each.message} for each in mistakes
    ]
