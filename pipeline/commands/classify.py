"""Raw messages → JSON lines: what each is, and what it says about whom. Needs neither Django nor a database."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.feedback.bounded import understand
from pipeline.feedback.understood import Kind, Recipient, Understood

SHOWN_AS = {Kind.DELAY: "bounce", Kind.REPLY: "other"}
"""A warning is a server's report about a recipient, as a bounce is: the `action` tells that nothing has failed yet."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="*", default=["-"], metavar="FILE", help="raw messages; - or none: stdin")


def run(args: argparse.Namespace) -> int:
    lines = map(line_for, args.file)
    if args.json:
        whole: Sequence[Mapping[str, Any]] = list(lines)
        print(json.dumps(whole, ensure_ascii=False))
        return int(any("error" in line for line in whole))
    failed = False
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
        failed = failed or "error" in line
    return int(failed)


def line_for(name: str) -> Mapping[str, Any]:
    """One file's line. A file that cannot be read gets a line that says so, and the others go on."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        return {"file": name, "error": f"cannot be read: {error.strerror}"}
    understood = understand(raw)
    if understood.unread:
        return {"file": name, "error": f"could not be read: {understood.unread}"}
    kind = SHOWN_AS.get(understood.kind, understood.kind.value)
    return {"file": name, "kind": kind, "recipients": [*_recipients(understood)]}


def _recipients(understood: Understood) -> Sequence[Mapping[str, Any]]:
    named = [recipient for recipient in understood.recipients if recipient.address]
    if understood.kind is Kind.COMPLAINT:
        return [_shown(recipient) | {"reason": "complaint", "reason_sisimai": "feedback"} for recipient in named]
    return [_shown(recipient) for recipient in named]


def _shown(recipient: Recipient) -> dict[str, Any]:
    return {
        "address": recipient.address,
        "status": recipient.status or None,
        "reason": recipient.meaning.reason.value,
        "reason_sisimai": recipient.meaning.reason_sisimai,
        "hard": recipient.meaning.hard,
        "diagnostic": recipient.diagnostic,
        **({"action": "delayed"} if recipient.action == "delayed" else {}),
    }
