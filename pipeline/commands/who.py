"""One person's story."""

import argparse
from dataclasses import asdict

from pipeline.commands import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL", help="the person's address, in any spelling")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.commands import output
    from pipeline.queries import who
    from subscribers.addresses import parse_address
    from subscribers.models import Subscriber, Suppression

    key = parse_address(args.email).key
    person = Subscriber.objects.filter(address_key=key).first()
    suppressions = Suppression.objects.filter(address_key=key).order_by("created_at")
    mails = who(key)
    story = {
        "email": person.email if person else args.email,
        "known": person is not None,
        "subscriptions": [
            {"list": each.list.slug, "state": each.state, "changed_at": each.changed_at, "changed_by": each.changed_by}
            for each in (person.subscriptions.select_related("list") if person else ())
        ],
        "suppressions": [
            {
                "reason": each.reason,
                "scope": each.scope,
                "source": each.source,
                "by": each.by,
                "at": each.created_at,
                "lifts": each.lifts_id is not None,
            }
            for each in suppressions
        ],
        "mails": [asdict(mail) for mail in mails],
    }
    if args.json:
        output.emit(story)
    else:
        _tell(story)
    return 0 if person or mails or suppressions else 1


def _tell(story: dict[str, object]) -> None:
    from rich.table import Table

    from pipeline.commands import output

    print(f"{story['email']}: {'known' if story['known'] else 'not among the subscribers'}")
    for name in ("subscriptions", "suppressions", "mails"):
        rows = story[name]
        if not isinstance(rows, list) or not rows:
            print(f"  no {name}")
            continue
        table = Table(*rows[0].keys(), title=name, title_justify="left")
        for row in rows:
            table.add_row(*(output.printable(str(value)) if value is not None else "" for value in row.values()))
        output.show(table)
