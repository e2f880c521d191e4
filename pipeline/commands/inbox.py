"""A local inbox for trying things out."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from pipeline.errors import PressrunError


class InboxPortError(PressrunError):
    """The inbox cannot listen where it was told to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=1025, help="where it takes mail (1025)")
    parser.add_argument("--returns-port", type=int, default=8025, help="where bounces go: `pressrun inbound` (8025)")
    parser.add_argument("--folder", type=Path, help="Maildir (default PRESSRUN_HOME/inbox)")


def run(args: argparse.Namespace) -> int:
    from pipeline.inbox.server import Returns, serve

    folder = args.folder or Path(os.environ.get("PRESSRUN_HOME") or "./var").absolute() / "inbox"

    def ready(loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, loop.stop)
        print(f"inbox: listening on 127.0.0.1:{args.port}, messages are files in {folder}", flush=True)

    try:
        serve(folder, host="127.0.0.1", port=args.port, returns=Returns("127.0.0.1", args.returns_port), ready=ready)
    except OSError as error:
        raise InboxPortError(
            f"The inbox cannot work on port {args.port} with {folder} ({error.strerror}). Nothing was lost. "
            "Choose another port with --port, or another folder with --folder."
        ) from error
    return 0
