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
    seed = parser.add_mutually_exclusive_group()
    seed.add_argument("--probe", metavar="ADDRESS", help="mail a seed to a mailbox of yours, through each relay")
    seed.add_argument("--returned", metavar="FILE", help="read the source of a seed as it arrived (- is stdin)")
    parser.add_argument("--newsletter", metavar="SLUG", default="", help="whose seed, where there are several")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from rich.markup import escape
    from rich.text import Text

    from pipeline.commands import output
    from pipeline.commands.doctor import seeds
    from pipeline.commands.doctor.checks import examine

    if args.probe:
        return seeds.send(args.probe, args.newsletter, as_json=args.json)
    checks = seeds.read(args.returned) if args.returned else list(examine())
    good = all(check.verdict != "bad" for check in checks)
    if args.json:
        output.emit({"ok": good, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            said = f"{MARKS[check.verdict]} {escape(check.name)}: {escape(check.detail)}"
            output.show(Text.from_markup(said))
    return 0 if good else 1
