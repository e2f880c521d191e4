"""Bring the database to this version."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare(migrate=True)
    print(json.dumps({"migrated": True}) if args.json else "The database is at this version.")
    return 0
