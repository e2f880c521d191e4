"""Issue file → send. The caller is the approver."""

import argparse
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands import environment
from pipeline.delivery.retry import parse_duration, parse_schedule
from pipeline.delivery.schedule import ScheduleError, Window, moment_of, zone_named

if TYPE_CHECKING:
    from pipeline.limits.forecast import Forecast
    from pipeline.queries import Reach

QUIET_AFTER = 15.0
"""Seconds without a sweep after which `--wait` says that no worker seems to run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="issue file; one per language")
    people = parser.add_mutually_exclusive_group(required=True)
    people.add_argument("--list", action="append", default=[], metavar="SLUG", help="who gets it; may be repeated")
    people.add_argument("--follow", type=int, metavar="SEND", help="people of the earlier SEND, as --to says")
    parser.add_argument(
        "--to",
        choices=["no-edition", "suppressed", "failed", "held", "accepted"],
        help="with --follow: those left out for lack of an edition in their language (default), those whose addresses "
        "were suppressed and are not any more, those whom it did not reach, those who may have it (some will get it "
        "twice), those who have it (a correction)",
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="SLUG", help="who does not; may be repeated")
    parser.add_argument("--at", type=_moment, metavar="ISO8601", help="when; due now without it")
    parser.add_argument(
        "--zone", type=_zone, default="UTC", metavar="ZONE", help="whose clocks --at and --window mean (UTC)"
    )
    parser.add_argument(
        "--window", type=_window, default="", metavar="HOURS", help="go out only then: mon-fri 08:00-20:00, sat …"
    )
    parser.add_argument("--urgent", action="store_true", help="before routine sends")
    parser.add_argument("--valid-for", type=_duration, metavar="D", help="how long it makes sense, such as 72h")
    parser.add_argument("--retry", type=_schedule, default=(), metavar="D,D,…", help="waits between tries")
    parser.add_argument("--no-brakes", action="store_true", help="do not stop for an unusual share of refusals")
    parser.add_argument("--update", action="store_true", help="take over the file's description of the newsletter")
    parser.add_argument("--allow-unsafe", action="store_true", help="for tests: send although not ready for it")
    parser.add_argument("--dry-run", action="store_true", help="only count whom it would reach, edition by edition")
    parser.add_argument("--wait", action="store_true", help="wait until it ends")


def run(args: argparse.Namespace) -> int:
    if args.to and args.follow is None:
        print("pressrun send: --to says whom of an earlier send, so it needs --follow SEND.", file=sys.stderr)
        return 2
    environment.prepare()
    from django.db import transaction

    from pipeline import tasks
    from pipeline.commands import output, status
    from pipeline.relays import relays_of, way_back_words
    from pipeline.sending import Plan, create_send, file_issue, forecast_of, reach_of_plan
    from pipeline.transitions import hold_late_sends

    moment = args.at if not args.at or args.at.tzinfo else moment_of(args.at, args.zone).utc
    plan = Plan(
        lists=args.list,
        excluded=args.exclude,
        parent=output.find_send(args.follow) if args.follow is not None else None,
        follows=args.to or "no-edition",
        due_at=moment and moment.astimezone(UTC),
        zone=args.zone,
        wall_time=moment and moment.astimezone(zone_named(args.zone)).replace(tzinfo=UTC),
        window=args.window,
        urgent=args.urgent,
        valid_for=args.valid_for,
        retry=args.retry,
        brakes=not args.no_brakes,
        approved_by=output.actor(),
        allow_unsafe=args.allow_unsafe,
    )
    with transaction.atomic():  # what stands against the send also takes back what was filed for it
        issues = [file_issue(path, update=args.update) for path in args.files]
        if args.dry_run:
            reach = reach_of_plan(issues, plan)
            starts = max(plan.due_at or datetime.now(UTC), datetime.now(UTC))
            _show_reach(reach, forecast_of(issues, reach.reached, starts=starts), as_json=args.json)
            transaction.set_rollback(True)
            return 0
        send = create_send(issues, plan)
    for words in way_back_words(relays_of(send.newsletter)):
        print(f"pressrun send: {words}", file=sys.stderr)
    hold_late_sends()  # what is past due by hours is held here and now, and not only by the next sweep
    tasks.ring_sweep()
    if args.wait:
        _wait(send.pk, quiet=args.json)
    send.refresh_from_db()
    if args.json:
        output.emit(status.document(send.pk))
    else:
        print(f"Send {send.pk}: {send.get_state_display()}. `pressrun status {send.pk}` shows its books.")
        if send.state_reason:
            print(send.state_reason)
        if args.wait:
            output.show(output.books_table(send))
    ok = {"finished"} if args.wait else {"scheduled", "starting", "sending", "finished"}
    return 0 if send.state in ok else 1


def _show_reach(reach: "Reach", through: "Forecast", *, as_json: bool) -> None:
    from pipeline.commands import output

    if as_json:
        output.emit(asdict(reach) | {"reached": reach.reached, "audience": reach.audience, "plan": asdict(through)})
        return
    output.show(output.reach_table(reach))
    if through.finishes:
        print(f"By the limits of its relay it is through on {through.finishes:%A %Y-%m-%d, %H:%M} UTC.")
    for day, number in through.days if len(through.days) > 1 else ():
        print(f"  {day:%a %Y-%m-%d}  {number:>9,}")


def _wait(number: int, *, quiet: bool) -> None:
    """Show progress on a terminal until the send ends or a person is needed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipeline.commands import output, status
    from pipeline.models import OPEN_STATES
    from pipeline.queries import send_summary

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    warned = False
    with Progress(*columns, disable=quiet or not environment.is_terminal()) as progress:
        bar = progress.add_task("waiting to start", total=None)
        while True:
            send = output.find_send(number)
            summary = send_summary(send)
            still_open = sum(summary["counts"].get(state, 0) for state in OPEN_STATES)
            progress.update(
                bar,
                description=str(send.get_state_display()),
                total=send.audience or None,
                completed=send.audience - still_open,
            )
            if status.ended(send.state):
                return
            warned = warned or _warn_if_nobody_works()
            time.sleep(0.2)


def _warn_if_nobody_works() -> bool:
    from pipeline.delivery.sweep import last_sweep_seconds

    seconds = last_sweep_seconds()
    if seconds is not None and seconds < QUIET_AFTER:
        return False
    print(
        "No worker seems to run, so the send waits. Nothing is lost. Start `pressrun worker` or `pressrun up`.",
        file=sys.stderr,
    )
    return True


def _zone(text: str) -> str:
    try:
        return zone_named(text).key
    except ScheduleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _window(text: str) -> str:
    try:
        return Window.parse(text).text
    except ScheduleError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-22T09:00+09:00") from None
    return moment


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _schedule(text: str) -> tuple[timedelta, ...]:
    try:
        return parse_schedule(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
