"""The rehearsal: every reader's message made and looked at, none sent."""

import argparse
import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands import environment

if TYPE_CHECKING:
    from pipeline.rehearsing import Tally

COLUMNS = ("email", "edition", "trouble", "detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="issue file; one per language")
    people = parser.add_mutually_exclusive_group(required=True)
    people.add_argument("--list", action="append", default=[], metavar="SLUG", help="who would get it; may be repeated")
    people.add_argument(
        "--follow", type=int, metavar="SEND", help="those whom SEND left out for lack of an edition in their language"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="SLUG", help="who would not; may be repeated")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write everyone with a trouble, and which")
    parser.add_argument("--update", action="store_true", help="with the file's description of the newsletter")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from django.db import transaction

    from pipeline.commands import output
    from pipeline.content.rehearse import Trouble
    from pipeline.rehearsing import Told, rehearse
    from pipeline.sending import Plan, file_issue

    plan = Plan(
        lists=args.list,
        excluded=args.exclude,
        parent=output.find_send(args.follow) if args.follow is not None else None,
        due_at=datetime.now(UTC),
        approved_by=output.actor(),
    )
    with ExitStack() as opened, transaction.atomic():
        issues = [file_issue(path, update=args.update) for path in args.files]
        lines = csv.writer(opened.enter_context(args.out.open("w", newline=""))) if args.out else None
        if lines:
            lines.writerow(COLUMNS)

        def told(one: Told) -> None:
            if lines:
                lines.writerow((one.email, one.edition, one.trouble, one.detail))

        show_progress = opened.enter_context(_progress(quiet=args.json))
        tally = rehearse(issues, plan, go_on=show_progress, told=told)
        transaction.set_rollback(True)  # what was filed for it
    _show(tally, as_json=args.json)
    return 1 if any(trouble == Trouble.UNMADE for _, trouble, _ in tally.counts) else 0


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[["Tally"], bool]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("rehearsing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=quiet or not environment.is_terminal(), transient=True) as progress:
        bar = progress.add_task("", total=None)

        def go_on(tally: "Tally") -> bool:
            progress.update(bar, total=tally.people, completed=tally.played)
            return True

        yield go_on


def _show(tally: "Tally", *, as_json: bool) -> None:
    from pipeline.commands import output

    if as_json:
        found = [
            {"edition": edition, "trouble": trouble, "detail": detail, "people": n}
            for (edition, trouble, detail), n in tally.by_weight()
        ]
        output.emit({"people": tally.people, "played": tally.played, "troubles": found})
        return
    output.show(output.rehearsal_table(tally))
