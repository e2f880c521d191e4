"""Take in one returned message from stdin, as a mail server's pipe gives it; and what can be done with those stored."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.commands.feedback import replay, undo

if TYPE_CHECKING:
    from pipeline.models import Feedback

SIZE_AT_MOST = 10_000_000  # octets, as over SMTP
TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h. A mail server that pipes to us keeps the message then; 1 would end it for ever."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to", metavar="ADDRESS", help="the envelope's recipient; without it the message's own headers are asked"
    )
    parser.epilog = f"Exit status {TRY_AGAIN} when a message could not be taken in now: the mail server tries again."
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
    try:
        row = _stored(raw, args.to)
    except Exception as error:  # noqa: BLE001 (whatever hinders us, the message must not pay for it)
        from pipeline.cli import is_for_people

        why = " ".join((str(error) if is_for_people(error) else repr(error)).split())
        print(f"pressrun feedback: Nothing was taken in; it may be offered again. {why}", file=sys.stderr)
        if args.json:
            print(json.dumps({"error": why}, ensure_ascii=False))
        return TRY_AGAIN
    if args.json:
        found = {name: getattr(row, name) for name in ("kind", "status", "reason", "hard", "send_id", "delivery_id")}
        print(json.dumps(found | {"id": row.pk, "detail": row.detail}, ensure_ascii=False))
    else:
        print(f"{row.kind}: {row.detail}")
    return 0


def _stored(raw: bytes, to: str | None) -> "Feedback":
    from pipeline.commands import environment

    environment.prepare()
    from pipeline.feedback.apply import envelope_recipient, take_in

    return take_in(
        raw,
        source="pipe",
        envelope_to=to or envelope_recipient(raw),
        envelope_from=os.environ.get("SENDER", ""),  # Postfix's pipe(8) and Exim tell it there
        now=datetime.now(UTC),
    )
