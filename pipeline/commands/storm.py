"""Many dead addresses at one provider: see them, and decide."""

import argparse
from typing import Any

from pipeline.commands.acts import add_act


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add_act(acts, "list", "what waits for a decision")
    for name, summary in (
        ("apply", "these addresses are dead: suppress them all and go on"),
        ("discard", "it was a fault of that provider: forget them and go on"),
    ):
        act = add_act(acts, name, summary)
        act.add_argument("send", type=int, metavar="SEND", help="the number of the send")
        act.add_argument("destination", metavar="DESTINATION", help="as `storm list` names it")
        act.add_argument("--why", required=True, metavar="TEXT", help="kept in the audit trail")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    return _list(args) if args.act == "list" else _decide(args)


def _list(args: argparse.Namespace) -> int:
    from pipeline.commands import output
    from pipeline.queries.storms import open_storms

    found: list[dict[str, Any]] = [
        {
            "send": each.storm.send_id,
            "destination": each.storm.destination,
            "tried": each.storm.tried,
            "dead": each.storm.dead,
            "limit": each.storm.limit,
            "frozen": each.frozen,
            "waiting": each.waiting,
            "since": each.storm.frozen_at,
            "words": list(each.words),
        }
        for each in open_storms()
    ]
    if args.json:
        output.emit({"storms": found})
        return 0
    for one in found:
        print("Send {send}, {destination}: {dead} of {tried} are said to be dead; {waiting} wait.".format(**one))
        for words in one["words"]:
            print(f"  “{output.printable(words)}”")
    if not found:
        print("Nothing waits for a decision.")
    return 0


def _decide(args: argparse.Namespace) -> int:
    from pipeline import transitions
    from pipeline.commands import output

    decide = transitions.apply_storm if args.act == "apply" else transitions.discard_storm
    number = decide(args.send, args.destination, actor=output.actor(), why=args.why)
    if args.json:
        output.emit({"send": args.send, "destination": args.destination, "act": args.act, "addresses": number})
    elif args.act == "apply":
        print(f"{number} addresses at {args.destination} are suppressed, and send {args.send} goes on there.")
    else:
        print(f"{number} addresses at {args.destination} stay, and send {args.send} goes on there.")
    return 0
