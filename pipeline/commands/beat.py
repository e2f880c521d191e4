"""Ring the sweep at an interval."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 (every command has the same signature)
    from pipeline.commands import environment

    environment.prepare()
    from pipeline.celery import app
    from pipeline.commands.broker import require_safe_broker

    require_safe_broker()
    environment.keep_services()
    app.start(["beat", "--loglevel=INFO", "--pidfile="])
    return 0
