"""What is right and what is not with this installation."""

import argparse
from dataclasses import asdict

from pipeline.commands import environment

MARKS = {
    "ok": "[green]ok     [/]",
    "warn": "[yellow]warn   [/]",
    "bad": "[red]BAD    [/]",
    "unknown": "[cyan]unknown[/]",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from rich.markup import escape

    from pipeline.commands import output
    from pipeline.commands.doctor.checks import examine

    checks = list(examine())
    good = all(check.verdict != "bad" for check in checks)
    if args.json:
        output.emit({"ok": good, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            output.show(f"{MARKS[check.verdict]} {escape(check.name)}: {escape(check.detail)}")
    return 0 if good else 1
