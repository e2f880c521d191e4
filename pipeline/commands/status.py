"""The books of a send."""

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pipeline.commands import environment

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pipeline.models import Send

WATCH_SECONDS: Final = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="follow it until it is finished or cancelled; one line per change where nobody sees a terminal",
    )


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.commands import output

    send = output.find_send(args.send)
    if args.watch:
        _watch(send, quiet=args.json)
    if args.json:
        output.emit(document(args.send))
    elif not args.watch:
        output.show(_picture(send))
    return 0


def document(number: int) -> dict[str, Any]:
    """The status as JSON, with how fast it goes, when it will be through, and what it is waiting for."""
    from django.utils import timezone

    from pipeline.commands import output
    from pipeline.queries import counts, next_work, pace_of, send_summary

    send, counted = output.find_send(number), counts(number)
    waiting_for, until = next_work(number)
    pace = pace_of(send, counted, timezone.now(), until=until)
    return send_summary(send, counted) | {
        "rate": round(pace.per_second, 2),
        "ends_at": pace.ends_at and pace.ends_at.isoformat(timespec="seconds"),
        "waiting_for": waiting_for,
        "until": until and until.isoformat(),
    }


def ended(state: str) -> bool:
    """Whether nothing more happens to a send without a person."""
    return state in {"finished", "cancelled", "held", "paused", "draft"}


def _watch(send: "Send", *, quiet: bool) -> None:
    """Until the send is over; a paused or held one may yet go on."""
    from rich.live import Live

    from pipeline.commands import output

    if quiet:
        for _ in _moments(send):
            pass
    elif (console := output.console()).is_terminal:
        with Live(_picture(send), console=console, refresh_per_second=4) as live:
            for moment in _moments(send):
                live.update(_picture(moment))
    else:
        said = ""
        for moment in _moments(send):
            if (line := _line(document(moment.pk))) != said:
                print(line, flush=True)
                said = line


def _moments(send: "Send") -> Iterator["Send"]:
    """The send as it is now and then, its end last."""
    while True:
        yield send
        if send.state in {"finished", "cancelled"}:
            return
        time.sleep(WATCH_SECONDS)
        send.refresh_from_db()


def _picture(send: "Send") -> "RenderableType":
    """The table of the books, and below it how it gets on."""
    from rich.console import Group

    from pipeline.commands import output

    told = document(send.pk)
    return Group(output.books_table(send, told), _gets_on(told))


def _line(told: dict[str, Any]) -> str:
    """State and counts in the words of the pages, and what it waits for."""
    from pipeline.models import DeliveryState, SendState

    counts = ", ".join(f"{number:,} {DeliveryState(state).label}" for state, number in told["counts"].items())
    line = f"{SendState(told['state']).label}: {counts or 'nobody yet'}"
    return "; ".join(filter(None, (line, _waits(told))))


def _gets_on(told: dict[str, Any]) -> str:
    """Rate, forecast, and what it waits for, in one line; empty when there is nothing to say."""
    rate = f"{told['rate']:,.1f} per second" if told["rate"] else ""
    end = f"through at about {_minute(told['ends_at'])}" if told["ends_at"] else ""
    return "; ".join(filter(None, (rate, end, _waits(told))))


def _waits(told: dict[str, Any]) -> str:
    from pipeline.commands import output

    if not (words := output.printable(told["waiting_for"] or "")):
        return ""
    goes_on_by_itself = told["state"] in {"scheduled", "sending"}
    until = f", until {_minute(told['until'])}" if told["until"] else ""
    return f"{'waiting for ' if goes_on_by_itself else ''}{words}{until}"


def _minute(moment: str) -> str:
    """Of an ISO time in UTC."""
    return f"{moment[:16].replace('T', ' ')} UTC"
