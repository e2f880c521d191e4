"""The books of a send."""

import argparse
import time
from typing import Any

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")
    parser.add_argument("--watch", action="store_true", help="follow it until it ends")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from rich.live import Live

    from pipeline.commands import output

    send = output.find_send(args.send)
    if args.json:
        output.emit(document(args.send))
        return 0
    if not args.watch:
        output.show(output.books_table(send))
        return 0
    with Live(output.books_table(send), refresh_per_second=4) as live:
        while not ended(send.state):
            time.sleep(0.5)
            send = output.find_send(args.send)
            live.update(output.books_table(send))
    return 0


def document(number: int) -> dict[str, Any]:
    """The status as JSON, with what the send is waiting for."""
    from pipeline.commands import output
    from pipeline.queries import next_work, send_summary

    summary = send_summary(output.find_send(number))
    waiting_for, until = next_work(number)
    return summary | {"waiting_for": waiting_for, "until": until and until.isoformat()}


def ended(state: str) -> bool:
    """Whether nothing more happens to a send without a person."""
    return state in {"finished", "cancelled", "held", "paused", "draft"}
