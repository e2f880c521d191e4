"""Send the sample issue to a local inbox, all the way and back."""

import argparse
import json
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own; PRESSRUN_HOME says beside what the demo's own home is made."""


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from pipeline import embedded
    from pipeline.commands.demo.story import Demo

    home = Path(os.environ.get("PRESSRUN_HOME") or "./var").absolute() / "demo"
    console = Console(stderr=args.json, width=None if sys.stdout.isatty() else 100)
    try:
        document = Demo(home, console).run()
    finally:
        from django.db import connections

        connections.close_all()
        embedded.detach(stop=True)
    if args.json:
        print(json.dumps(document, ensure_ascii=False, default=str))
    return 0 if document["audit"] == "ok" else 1
