"""List the sends."""

import argparse

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many, newest first (default 50)")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from rich.table import Table

    from pipeline.commands import output
    from pipeline.models import Send

    sends = Send.objects.select_related("newsletter").order_by("-pk")[: args.limit]
    if args.json:
        output.emit(
            [
                {
                    "send": send.pk,
                    "newsletter": send.newsletter.slug,
                    "state": send.state,
                    "due_at": send.due_at.isoformat(),
                    "audience": send.audience,
                }
                for send in sends
            ]
        )
        return 0
    table = Table("send", "newsletter", "state", "due", "audience")
    for send in sends:
        table.add_row(
            str(send.pk),
            send.newsletter.slug,
            str(send.get_state_display()),
            f"{send.due_at:%Y-%m-%d %H:%M} UTC",
            f"{send.audience:,}",
        )
    output.show(table)
    return 0
