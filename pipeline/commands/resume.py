"""Let a paused or held send go on."""

import argparse

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")
    parser.add_argument("--why", default="", metavar="TEXT", help="kept in the audit trail")
    parser.add_argument(
        "--restored",
        action="store_true",
        help="I know that the database came back from a backup or was moved, and what that means for this send",
    )


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline import transitions
    from pipeline.commands import output

    transitions.resume_send(args.send, actor=output.actor(), why=args.why, restored=args.restored)
    send = output.find_send(args.send)
    if args.json:
        output.emit({"send": send.pk, "state": send.state})
    else:
        print(f"Send {send.pk} goes on.")
    return 0
