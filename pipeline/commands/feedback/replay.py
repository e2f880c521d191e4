"""`pressrun feedback replay`: what is stored, read again by today's rules."""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from pipeline.commands import environment
from pipeline.delivery.retry import parse_duration

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.feedback.reading import Reading
    from pipeline.feedback.replay import Difference, Tally

KINDS: Final = ("bounce", "delay", "complaint", "auto-reply", "reply", "unsubscribe", "other")
WORDS_AT_MOST: Final = 300


def add_act(acts: Any) -> None:
    """Add `replay` to the acts of `pressrun feedback`."""
    act = acts.add_parser("replay", help="read what is stored again, by today's rules, and see what differs")
    act.add_argument("--since", type=_since, metavar="DATE|DURATION", help="that arrived since: 2026-11-01, or 30d")
    act.add_argument("--kind", choices=KINDS, metavar="KIND", help=f"that was taken for: {', '.join(KINDS)}")
    act.add_argument("--send", type=int, metavar="SEND", help="that came back of this send")
    act.add_argument("--dry-run", action="store_true", required=True, help="only show it; nothing is changed")
    act.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Read the chosen messages again."""
    environment.prepare()
    from pipeline.commands import output
    from pipeline.feedback.replay import replay
    from pipeline.queries.stored import Chosen

    if args.send is not None:
        output.find_send(args.send)
    chosen = Chosen(since=args.since, kind=args.kind, send_id=args.send)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines, _progress(quiet=args.json) as go_on:
        tally = replay(chosen, told=lambda found: _tell(found, lines, as_json=args.json), go_on=go_on)
        if args.json:
            _emit(tally, lines)
    if not args.json:
        output.show(_table(tally))
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
    if as_json:
        lines.write(json.dumps(_as_json(found), ensure_ascii=False, default=str) + "\n")
        return
    whose = f"delivery {found.now.name[0]}-{found.now.name[1]}" if found.now.name else "nobody's"
    until = f"kept until {found.kept_until:%Y-%m-%d}" if found.kept_until else "kept"
    print(f"{found.id}  {found.arrived:%Y-%m-%d %H:%M}  {whose}  ({until})")
    for name, said in (
        ("was", _plain(found.was)),
        ("would be", _plain(found.now)),
        ("words", _printable(found.now.words or found.was.words)),
        ("rule", _printable(found.now.rule)),
    ):
        if said:
            print(f"    {name:<9} {said}")


def _emit(tally: "Tally", lines: IO[str]) -> None:
    """The document, in as little memory as the messages were read with."""
    head = {
        "stored": tally.stored,
        "read": tally.read,
        "unread": tally.unread,
        "differ": tally.differing,
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
        "words": found.now.words or found.was.words,
        "rule": found.now.rule,
    }


def _shown(reading: "Reading") -> dict[str, Any]:
    return {"kind": reading.kind, "reason": reading.reason, "hard": reading.hard}


def _whose(reading: "Reading") -> str:
    return f"{reading.name[0]}-{reading.name[1]}" if reading.name else ""


def _table(tally: "Tally") -> "Table":
    from rich.table import Table

    title = f"{tally.read:,} messages read again, {tally.differing:,} differ"
    unread = f"{tally.unread:,} could not be read, and stay what they were taken for." if tally.unread else None
    table = Table(title=title, title_justify="left", caption=unread, caption_justify="left")
    table.add_column("was")
    table.add_column("would be")
    table.add_column("messages", justify="right")
    for (was, now), number in tally.changes.most_common():
        table.add_row(_plain(was), _plain(now), f"{number:,}")
    if not tally.changes:
        table.add_row("nothing differs", "", "")
    return table


def _plain(reading: "Reading") -> str:
    told = [reading.kind.value, reading.reason, "dead" if reading.hard else "", "" if reading.name else "nobody's"]
    return ", ".join(part for part in told if part)


def _printable(text: str) -> str:
    """Strangers wrote it: nothing in it may steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))[:WORDS_AT_MOST]


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
