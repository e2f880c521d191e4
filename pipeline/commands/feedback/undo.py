"""`pressrun feedback undo`: take back what returned mail of a send did to addresses."""

import argparse
from typing import Any

from pipeline.commands import environment


def add_act(acts: Any) -> None:
    """Add `undo` to the acts of `pressrun feedback`."""
    act = acts.add_parser("undo", help="lift every suppression that returned mail of a send made")
    act.add_argument("--send", type=int, required=True, metavar="SEND", help="the number of the send")
    act.add_argument("--destination", default="", metavar="NAME", help="only of this provider or domain, such as gmail")
    act.add_argument("--complaints", action="store_true", help="complaints too; they are the readers' own word")
    act.add_argument("--why", type=_reason, required=True, metavar="TEXT", help="kept with your name")
    act.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.commands import output
    from pipeline.transitions.rulings import undo_batch

    send = output.find_send(args.send)
    number = undo_batch(
        send.pk, output.actor(), args.why, destination=args.destination.lower(), complaints=args.complaints
    )
    if args.json:
        output.emit({"send": send.pk, "destination": args.destination.lower(), "undone": number})
    else:
        print(f"Send {send.pk}: {number:,} taken back. The same reports will not suppress again.")
    return 0


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say why; it is kept with your name")
    return text.strip()
