"""Tell people what waits to be told, now, and say what became of it."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from pipeline.commands import environment

if TYPE_CHECKING:
    from pipeline.models import Alert


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--test", action="store_true", help="send a test to everybody who hears of alerts")
    what.add_argument(
        "--away", choices=["broker", "database"], help="tell that it is away; workers do so by themselves"
    )


def run(args: argparse.Namespace) -> int:
    if args.away == "database":
        environment.prepare(migrate=False)
    else:
        environment.prepare()
    from pipeline.commands import output

    tried = _test() if args.test else _away(args.away) if args.away else _due()
    if args.json:
        output.emit([_document(each) for each in tried])
    else:
        _tell(tried)
    if args.test and not tried:
        print(
            "Nobody hears of alerts. Set PRESSRUN_ALERT_URL or PRESSRUN_ALERT_MAIL, or give a superuser an address.",
            file=sys.stderr,
        )
    return 0 if all(each.delivered_at for each in tried) and (tried or not args.test) else 1


def _due() -> "list[Alert]":
    from pipeline import alerts

    alerts.note()
    return alerts.hand_over()


def _away(what: str) -> "list[Alert]":
    from pipeline.alerts import away

    return away.tell_no_database() if what == "database" else away.tell_no_broker()


def _test() -> "list[Alert]":
    from secrets import token_hex

    from pipeline import alerts
    from pipeline.commands import output
    from pipeline.models import AlertKind
    from pipeline.queries import Occasion

    key = f"test:{token_hex(8)}"
    alerts.tell(Occasion(key, AlertKind.TEST, facts={"by": output.actor()}))
    return alerts.hand_over(key=key)


def _document(alert: "Alert") -> dict[str, Any]:
    return {
        "event": alert.key,
        "kind": alert.kind,
        "channel": alert.channel,
        "to": alert.target,
        "delivered": alert.delivered_at is not None,
        "error": alert.error,
    }


def _tell(tried: "list[Alert]") -> None:
    for each in tried:
        fate = (
            "delivered" if each.delivered_at else "given up" if each.given_up_at else "not delivered, tried again later"
        )
        print(f"{each.kind} by {each.channel} {each.target}".strip() + f": {fate}")
        if each.error:
            print("  " + each.error.replace("\n", "\n  "))
    if not tried:
        print("Nothing waits to be told.")
