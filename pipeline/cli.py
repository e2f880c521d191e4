"""The `pressrun` command. Each command is a module of `pipeline.commands`, loaded only when it is asked for."""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

OK, FAILED, USAGE = 0, 1, 2

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("up", "run everything on this machine: pages, workers, inbound mail"),
    "demo": ("demo", "send the sample issue to a local inbox, all the way and back"),
    "migrate": ("migrate", "bring the database to this version"),
    "web": ("web", "serve the pages"),
    "worker": ("worker", "send: one process with its children"),
    "beat": ("beat", "ring the sweep at an interval"),
    "inbound": ("inbound", "take in bounces and mail to unsubscribe, over SMTP and LMTP"),
    "inbox": ("inbox", "a local inbox for trying things out"),
    "render": ("render", "issue file → HTML, text, message and proof, as files"),
    "check": ("check", "issue file → what stands against sending it"),
    "layout": ("layout", "what is wrong with a layout: `layout check NAME`"),
    "import": ("import_", "CSV → subscribers of a list, or suppressions"),
    "export": ("export", "subscribers of a list → CSV"),
    "test": ("test", "an issue → a few addresses, marked as a test, never in the books"),
    "rehearse": ("rehearse", "every reader's message made and looked at, none sent"),
    "send": ("send", "issue file → send"),
    "sends": ("sends", "list the sends"),
    "status": ("status", "the books of a send"),
    "pause": ("pause", "stop a send for now"),
    "resume": ("resume", "let a paused or held send go on"),
    "cancel": ("cancel", "end a send; what is handed over stays handed over"),
    "audit": ("audit", "check a send's books against the invariants"),
    "ledger": ("ledger", "every recipient of a send, as CSV"),
    "who": ("who", "one person's story"),
    "alert": ("alert", "tell people what waits to be told; --test asks whether it arrives"),
    "classify": ("classify", "raw messages → what they are and what they mean"),
    "feedback": ("feedback", "take in one returned message from stdin"),
    "mailbox": (
        "mailbox",
        "mailboxes that bounces go to: `mailbox list`, `mailbox set NAME --create …`, `mailbox look`",
    ),
    "storm": ("storm", "many dead addresses at one provider: `storm list`, `storm apply`, `storm discard`"),
    "doctor": ("doctor", "what is right and what is not with this installation"),
    "webhook": (
        "webhook",
        "where providers tell of bounces and complaints: `webhook list`, `webhook set NAME --create …`",
    ),
    "transport": (
        "transport",
        "relays: `transport list`, `transport set NAME --per-day N`, `transport order SLUG NAME …`",
    ),
    "dkim": ("dkim", "keys that sign mail: `dkim new DOMAIN`, `dkim rotate DOMAIN` …"),
    "user": ("user", "staff users: `user add NAME`"),
}


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; `only` names the one command whose module is loaded, so that --help stays quick."""
    top = argparse.ArgumentParser(
        prog="pressrun",
        description="Newsletters with closed books: every recipient in exactly one state, with a reason.",
        epilog="Exit status: 0 ok, 1 the work failed, 2 wrong usage.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        sub.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        if name == only:
            loaded = importlib.import_module(f"pipeline.commands.{module}")
            loaded.add_arguments(sub)
            sub.set_defaults(run=loaded.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    only = next((word for word in words if not word.startswith("-")), None)
    args = parser(only).parse_args(words)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return _fail(args, "Interrupted.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; nothing to say to it
        return OK
    except Exception as error:
        if not is_for_people(error):
            raise
        return _fail(args, str(error), FAILED)


def is_for_people(error: Exception) -> bool:
    """Whether the error's own text tells a person what happened and what to do. Anything else is a defect."""
    origin = type(error).__module__
    return origin.startswith(("pipeline.", "subscribers.")) or type(error).__name__ == "ImproperlyConfigured"


def _fail(args: argparse.Namespace, message: str, status: int) -> int:
    if args.json:
        print(json.dumps({"error": message}, ensure_ascii=False))  # noqa: T201
    print(f"pressrun {args.command}: {message}", file=sys.stderr)  # noqa: T201
    return status
