"""Take in one returned message from stdin, as a mail server's pipe gives it; and what can be done with those stored."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime

from pipeline.commands.feedback import replay, undo

SIZE_AT_MOST = 10_000_000  # octets, as over SMTP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", metavar="ADDRESS", help="the envelope's recipient; without it the message's own headers are asked"
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", description="Without an act a message is read from stdin.")
    replay.add_act(acts)
    undo.add_act(acts)


def run(args: argparse.Namespace) -> int:
    return {None: _take_in, "replay": replay.run, "undo": undo.run}[args.act](args)


def _take_in(args: argparse.Namespace) -> int:
    raw = sys.stdin.buffer.read(SIZE_AT_MOST + 1)
    if not raw.strip() or len(raw) > SIZE_AT_MOST:
        what = f"The message is longer than {SIZE_AT_MOST:,} octets" if raw.strip() else "There is no message on stdin"
        print(f"pressrun feedback: {what}. Nothing was taken in.", file=sys.stderr)
        return 1
    from pipeline.commands import environment

    environment.prepare()
    from pipeline.feedback.apply import envelope_recipient, take_in

    row = take_in(
        raw,
        source="pipe",
        envelope_to=args.to or envelope_recipient(raw),
        envelope_from=os.environ.get("SENDER", ""),  # Postfix's pipe(8) and Exim tell it there
        now=datetime.now(UTC),
    )
    if args.json:
        found = {name: getattr(row, name) for name in ("kind", "status", "reason", "hard", "send_id", "delivery_id")}
        print(json.dumps(found | {"id": row.pk, "detail": row.detail}, ensure_ascii=False))
    else:
        print(f"{row.kind}: {row.detail}")
    return 0
