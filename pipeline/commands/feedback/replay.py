"""`pressrun feedback replay`: what is stored, read again by today's rules."""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

from pipeline.commands import environment
from pipeline.delivery.retry import parse_duration

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.feedback.correcting import Difference
    from pipeline.feedback.reading import Reading
    from pipeline.feedback.replay import Tally

KINDS: Final = ("bounce", "delay", "complaint", "auto-reply", "reply", "unsubscribe", "other")
WORDS_AT_MOST: Final = 300
EFFECTS: Final = {
    "": "",
    "suppressed": "gets nothing more",
    "freed": "gets mail again",
    "waiting": "is being looked into",
    "decided": "stays as a person decided",
    "alive": "stays: it has shown life since",
}
"""What comes of it for the address, by `pipeline.transitions.corrections.Effect`."""


def add_act(acts: Any) -> None:
    """Add `replay` to the acts of `pressrun feedback`."""
    act = acts.add_parser("replay", help="read what is stored again, by today's rules, and put right what differs")
    act.add_argument("--since", type=_since, metavar="DATE|DURATION", help="that arrived since: 2026-11-01, or 30d")
    act.add_argument("--kind", choices=KINDS, metavar="KIND", help=f"that was taken for: {', '.join(KINDS)}")
    act.add_argument("--send", type=int, metavar="SEND", help="that came back of this send")
    act.add_argument("--dry-run", action="store_true", help="only show it; nothing is changed")
    act.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Read the chosen messages again."""
    environment.prepare()
    from pipeline import transitions
    from pipeline.commands import output
    from pipeline.feedback.replay import replay
    from pipeline.queries.stored import Chosen

    if args.send is not None:
        output.find_send(args.send)
    chosen = Chosen(since=args.since, kind=args.kind, send_id=args.send)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines, _progress(quiet=args.json) as go_on:
        show = partial(_tell, lines=lines, as_json=args.json)
        tally = replay(chosen, dry_run=args.dry_run, told=show, go_on=go_on)
        if args.json:
            _emit(tally, lines)
    if tally.differing and not args.dry_run:
        words = {"since": args.since and args.since.isoformat(), "kind": args.kind, "send": args.send}
        transitions.note_replay(output.actor(), detail=words | {"read": tally.read, "differed": tally.differing})
    if not args.json:
        output.show(_table(tally, dry_run=args.dry_run))
        for note in _notes(tally):
            print(note)
    return 0


def _since(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - parse_duration(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is neither a date such as 2026-11-01 nor so long as 30d"
            ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell(found: "Difference", lines: IO[str], *, as_json: bool) -> None:
    """For a program it is kept until all are known: one document. For a person it is said at once."""
    from pipeline.commands import output

    if as_json:
        lines.write(json.dumps(_as_json(found), ensure_ascii=False, default=str) + "\n")
        return
    whose = f"delivery {found.now.name[0]}-{found.now.name[1]}" if found.now.name else "nobody's"
    until = f"kept until {found.kept_until:%Y-%m-%d}" if found.kept_until else "kept"
    print(f"{found.id}  {found.arrived:%Y-%m-%d %H:%M}  {whose}  ({until})")
    for name, said in (
        ("was", _plain(found.was)),
        ("now", _plain(found.now)),
        ("words", output.printable(found.now.words or found.was.words)[:WORDS_AT_MOST]),
        ("rule", output.printable(found.now.rule)),
        ("address", EFFECTS[found.effect]),
    ):
        if said:
            print(f"    {name:<9} {said}")


def _emit(tally: "Tally", lines: IO[str]) -> None:
    """The document, in as little memory as the messages were read with."""
    head = {
        "stored": tally.stored,
        "read": tally.read,
        "unread": tally.unread,
        "gone": tally.gone,
        "differ": tally.differing,
        "addresses": {effect.value: number for effect, number in tally.effects.items() if effect},
        "changes": [
            {"was": _shown(was), "would_be": _shown(now), "messages": n}
            for (was, now), n in tally.changes.most_common()
        ],
    }
    lines.seek(0)
    print(json.dumps(head, ensure_ascii=False)[:-1], end=', "differences": [')
    for number, line in enumerate(lines):
        print(", " if number else "", line.rstrip("\n"), sep="", end="")
    print("]}")


def _as_json(found: "Difference") -> dict[str, Any]:
    return {
        "id": found.id,
        "arrived": found.arrived.isoformat(),
        "kept_until": found.kept_until and found.kept_until.isoformat(),
        "was": _shown(found.was) | {"delivery": _whose(found.was)},
        "would_be": _shown(found.now) | {"delivery": _whose(found.now)},
        "address": found.effect.value,
        "words": found.now.words or found.was.words,
        "rule": found.now.rule,
    }


def _shown(reading: "Reading") -> dict[str, Any]:
    return {"kind": reading.kind, "reason": reading.reason, "hard": reading.hard}


def _whose(reading: "Reading") -> str:
    return f"{reading.name[0]}-{reading.name[1]}" if reading.name else ""


def _table(tally: "Tally", *, dry_run: bool) -> "Table":
    from rich.table import Table

    done = "would be taken otherwise" if dry_run else "were taken otherwise, and are put right"
    title = f"{tally.read:,} messages read again, {tally.differing:,} {done}"
    table = Table(title=title, title_justify="left")
    table.add_column("was")
    table.add_column("would be" if dry_run else "is")
    table.add_column("messages", justify="right")
    for (was, now), number in tally.changes.most_common():
        table.add_row(_plain(was), _plain(now), f"{number:,}")
    if not tally.changes:
        table.add_row("nothing differs", "", "")
    return table


def _notes(tally: "Tally") -> Iterator[str]:
    for effect, number in tally.effects.items():
        if effect:
            yield f"{number:,} {'address' if number == 1 else 'addresses'}: {EFFECTS[effect]}."
    if tally.unread:
        yield f"{tally.unread:,} could not be read, and stay what they were taken for."
    if tally.gone:
        yield f"{tally.gone:,} have been deleted so far, because their time was over."


def _plain(reading: "Reading") -> str:
    told = [reading.kind.value, reading.reason, "dead" if reading.hard else "", "" if reading.name else "nobody's"]
    return ", ".join(part for part in told if part)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[["Tally"], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    console = Console(stderr=True)
    with Progress(
        *columns, console=console, disable=quiet or not environment.is_terminal(), transient=True
    ) as progress:
        bar = progress.add_task("", total=None)
        yield lambda tally: progress.update(bar, total=tally.stored, completed=tally.read)
