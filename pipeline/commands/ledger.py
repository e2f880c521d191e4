"""Every recipient of a send, as CSV."""

import argparse
import sys

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")
    parser.add_argument("--state", default="", metavar="STATE", help="only deliveries in this state")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.books import LEDGER_COLUMNS, ledger_csv, ledger_rows
    from pipeline.commands import output
    from pipeline.models import DeliveryState

    if args.state and args.state not in DeliveryState.values:
        print(f"There is no state {args.state!r}. States: {', '.join(DeliveryState.values)}.", file=sys.stderr)
        return 2
    send = output.find_send(args.send)
    if args.json:
        output.emit([dict(zip(LEDGER_COLUMNS, row, strict=True)) for row in ledger_rows(send, args.state)])
        return 0
    sys.stdout.writelines(ledger_csv(send, args.state))
    return 0
