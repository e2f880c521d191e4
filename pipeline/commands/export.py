"""Subscribers of a list → CSV."""

import argparse
import json
import sys
from pathlib import Path

from pipeline.commands import environment
from pipeline.errors import PressrunError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", metavar="SLUG", required=True, help="whose people")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file instead of stdout")
    parser.add_argument("--bom", action="store_true", help="begin with the byte order mark that Excel asks for")
    parser.set_defaults(refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    if args.json and not args.out:
        args.refuse("--json needs --out FILE: without it the CSV itself goes to stdout")
    environment.prepare()
    rows = _export(args)
    if args.json:
        print(json.dumps({"list": args.list, "rows": rows, "file": str(args.out)}, ensure_ascii=False))
    elif args.out:
        print(f"{rows:,} rows written to {args.out}.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from subscribers.exporting import export_people
    from subscribers.models import List

    found = List.objects.filter(slug=args.list).first()
    if found is None:
        others = ", ".join(List.objects.order_by("slug").values_list("slug", flat=True)[:10]) or "none"
        raise PressrunError(f"There is no list {args.list!r} (there are: {others}). Nothing was written.")
    if args.out is None:
        return export_people(found, sys.stdout.buffer, mark=args.bom)
    try:
        with args.out.open("wb") as file:
            return export_people(found, file, mark=args.bom)
    except OSError as error:
        raise PressrunError(f"{args.out} cannot be written ({error.strerror}).") from error
