"""Send: one worker process with its children."""

import argparse
import os
import tempfile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--children", type=_positive, default=2, metavar="N", help="batches at once (default 2)")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    os.environ["PRESSRUN_CHILDREN"] = str(args.children)
    environment.prepare()
    _keep_temporary_files_at_home()
    from django.db import connections

    from pipeline import tasks
    from pipeline.celery import app
    from pipeline.commands.broker import require_safe_broker

    require_safe_broker()
    environment.keep_services()
    connections.close_all()  # no connection is open when the children are forked
    # One child more than batches, so that the sweep never waits behind them.
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={args.children + 1}",
            "--queues=sweep,deliver",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=INFO",
            f"--hostname=pressrun-{os.getpid()}@%h",
        ]
    )
    return tasks.exit_status()


def _keep_temporary_files_at_home() -> None:
    """A worker's pool shares memory through a folder that nobody removes when the worker is killed."""
    from django.conf import settings

    folder = settings.HOME / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
