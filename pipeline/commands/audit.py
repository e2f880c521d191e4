"""Check a send's books against the invariants."""

import argparse
from dataclasses import asdict

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.commands import output
    from pipeline.queries import audit

    output.find_send(args.send)
    findings = audit(args.send)
    good = all(found.ok for found in findings)
    if args.json:
        output.emit({"send": args.send, "ok": good, "findings": [asdict(found) for found in findings]})
    else:
        for found in findings:
            print(f"{'ok ' if found.ok else 'BAD'} {found.invariant}  {found.detail}")
        print(f"audit: {'ok' if good else 'FAILED'}")
    return 0 if good else 1
