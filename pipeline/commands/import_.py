"""CSV → subscribers of a list, or suppressions."""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from pipeline.commands import environment
from pipeline.errors import PressrunError

if TYPE_CHECKING:
    from subscribers.csvfile import RowError
    from subscribers.importing import ListImport, SuppressionImport, Watch

SHOWN: Final = 20
"""Bad rows listed on the screen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="a CSV file with an email column, named in line 1")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--list", metavar="SLUG", help="put the people on this list")
    target.add_argument(
        "--suppress",
        metavar="REASON",
        help="suppress the addresses everywhere: complaint, dead-address, manual, or words of your own",
    )
    parser.add_argument("--create", action="store_true", help="make the list if there is none (private, single opt-in)")
    parser.add_argument(
        "--consent",
        metavar="TEXT",
        default="",
        help="where the consent comes from; “legacy: SOURCE, before DATE” marks it as without evidence of its own",
    )
    parser.add_argument("--dry-run", action="store_true", help="count what would happen and change nothing")
    parser.add_argument("--errors", type=Path, metavar="FILE", help="write every row left out or merged to this CSV")
    parser.set_defaults(refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    if args.suppress is not None and not args.suppress.strip():
        args.refuse("--suppress needs a reason")
    if args.suppress and (args.create or args.consent):
        args.refuse("--create and --consent belong to --list")
    environment.prepare()
    from pipeline.commands import output

    result = _import(args)
    if args.json:
        output.emit(asdict(result))
    else:
        _show(result)
    return 1 if result.rows and result.bad == result.rows else 0


def _import(args: argparse.Namespace) -> "ListImport | SuppressionImport":
    from pipeline.commands import output
    from subscribers.csvfile import CsvFileError
    from subscribers.importing import Origin, import_people, import_suppressions

    origin = Origin(source=f"import of {args.file.name[:150]}", by=output.actor(), at=datetime.now(UTC))
    with ExitStack() as open_files:
        stream = open_files.enter_context(_opened(args.file))
        watch = open_files.enter_context(_watching(args.errors))
        try:
            if args.suppress:
                return import_suppressions(
                    stream, reason=args.suppress.strip(), origin=origin, dry_run=args.dry_run, watch=watch
                )
            return import_people(
                stream,
                list_slug=args.list,
                origin=origin,
                create=args.create,
                consent=args.consent,
                dry_run=args.dry_run,
                watch=watch,
            )
        except CsvFileError as error:
            raise PressrunError(f"{args.file}: {error} Nothing was imported.") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise PressrunError(f"{path} cannot be read ({error.strerror}). Nothing was imported.") from error
    with stream:
        if not stream.seekable():
            raise PressrunError(f"{path} is a pipe. Save it as a file first. Nothing was imported.")
        yield stream


@contextmanager
def _watching(errors: Path | None) -> Iterator["Watch"]:
    """A progress bar for whoever sits at a terminal, and the file of errors if one was asked for."""
    from rich.console import Console
    from rich.progress import Progress

    from subscribers.csvfile import RowError, guard
    from subscribers.importing import Watch

    with ExitStack() as open_files:
        bar = open_files.enter_context(
            Progress(console=Console(stderr=True), disable=not environment.is_terminal(), transient=True)
        )
        reading = bar.add_task("Reading", total=None)
        writer = None
        if errors:
            writer = csv.writer(open_files.enter_context(_written(errors)))
            writer.writerow(["row", "column", "message"])

        def told(row: RowError) -> None:
            if writer:
                writer.writerow([row.row, guard(row.column), guard(row.message)])

        yield Watch(progress=lambda done, total: bar.update(reading, completed=done, total=total), row=told)


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise PressrunError(f"{path} cannot be written ({error.strerror}). Nothing was imported.") from error
    with file:
        yield file


def _show(result: "ListImport | SuppressionImport") -> None:
    from subscribers.importing import ListImport

    lines = _list_lines(result) if isinstance(result, ListImport) else _suppression_lines(result)
    lines += [
        (result.merged, "merged with an earlier row of the same person"),
        (result.bad, "not usable and left out"),
    ]
    print(f"{result.rows:,} rows" + (" (a dry run: nothing was changed)" if result.dry_run else ""))
    for count, what in lines:
        if count:
            print(f"{count:>11,}  {what}")
    _list_rows("Left out", result.errors, result.bad)
    _list_rows("Merged", result.merges, result.merged)


def _list_lines(result: "ListImport") -> list[tuple[int, str]]:
    new_list = " (made for it)" if result.created else ""
    return [
        (result.added, f"added to the list {result.list}{new_list}"),
        (result.suppressed, "added, but suppressed: they get nothing"),
        (result.already, "subscribed already"),
        *((count, f"{state} before: left as they are") for state, count in sorted(result.kept.items())),
    ]


def _suppression_lines(result: "SuppressionImport") -> list[tuple[int, str]]:
    return [
        (result.added, f"suppressed everywhere ({result.reason})"),
        (result.already, "suppressed already"),
    ]


def _list_rows(title: str, rows: "Sequence[RowError]", count: int) -> None:
    """The first rows on stderr, then how many more there are."""
    if rows:
        print(f"{title}:", file=sys.stderr)
    for row in rows[:SHOWN]:
        place = f"row {row.row}" + (f", {row.column}" if row.column else "")
        print(f"  {place}: {row.message}", file=sys.stderr)
    if count > SHOWN:
        print(f"  … and {count - SHOWN:,} more (--errors FILE writes all of them)", file=sys.stderr)
