"""The relays: their limits, what is known of them, how they do, and in which order a newsletter uses them."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from pipeline.commands.acts import add_act, print_all

if TYPE_CHECKING:
    from pipeline.models import Transport

NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add_act(acts, "list", "all relays, their limits, what is known of them, how they do now")
    change = add_act(acts, "set", "change a relay; `none` takes a limit away")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--create", action="store_true", help="make it")
    change.add_argument("--url", metavar="URL", help="smtp://user:password@host:port; never shown again")
    change.add_argument("--rate", type=_or_none(float), metavar="N", help="messages per second")
    for option, what in (("connections", "connections"), ("per-hour", "per hour"), ("per-day", "per UTC day")):
        change.add_argument(f"--{option}", type=_or_none(int), metavar="N", help=what)
    change.add_argument("--reserved", type=int, metavar="PERCENT", help="kept for our own mails, of hour and day")
    change.add_argument("--ramp", type=_ramp, metavar="N,N,…", help="warm-up: messages on the first day, the second …")
    change.add_argument("--ramp-from", type=_or_none(_day), metavar="DATE", help="the first day of the warm-up")
    for option, what in (
        ("keeps-return-path", "bounces come back to our own address"),
        ("sees-recipient-replies", "it answers with the words of the recipient's side"),
    ):
        change.add_argument(f"--{option}", type=_known, metavar="yes|no|unknown", help=what)
    change.add_argument("--egress-ip", action="append", metavar="IP", help="it sends from there; may be repeated")
    change.add_argument(
        "--destination", action="append", default=[], type=_destination, metavar="NAME=N", help="daum=5: per second"
    )
    order = add_act(acts, "order", "the relays of a newsletter, in the order in which they are tried")
    order.add_argument("newsletter", metavar="SLUG")
    order.add_argument("names", nargs="*", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    return {"list": _list, "set": _set, "order": _order}[args.act](args)


def _list(args: argparse.Namespace) -> int:
    from pipeline.models import Transport

    return print_all(map(_as_json, Transport.objects.order_by("name")), as_json=args.json)


def _set(args: argparse.Namespace) -> int:
    from django.db import transaction

    from pipeline import relays
    from pipeline.commands import output

    given = {"egress_ips": args.egress_ip} | {name: getattr(args, name, None) for name in relays.CHANGEABLE[:-1]}
    changes = {name: None if value == NONE else value for name, value in given.items() if value is not None}
    with transaction.atomic():
        relay = relays.change_relay(args.name, changes, create=args.create, actor=output.actor())
        for name, rate in args.destination:
            relays.limit_destination(relay, name, None if rate == NONE else rate, actor=output.actor())
    return _shown(relay, as_json=args.json)


def _order(args: argparse.Namespace) -> int:
    from pipeline import relays
    from pipeline.commands import output
    from pipeline.models import Newsletter

    newsletter = Newsletter.objects.filter(slug=args.newsletter).first()
    if newsletter is None:
        raise relays.RelayError(f"There is no newsletter {args.newsletter!r}. Nothing was changed.")
    relays.order_relays(newsletter, [relays.find_relay(name) for name in args.names], actor=output.actor())
    if args.json:
        output.emit({"newsletter": newsletter.slug, "relays": args.names})
    else:
        print(f"{newsletter.slug}: {', '.join(args.names) or 'the relay of PRESSRUN_SMTP_URL'}")
    return 0


def _shown(relay: "Transport", *, as_json: bool) -> int:
    from pipeline.commands import output

    if as_json:
        output.emit(_as_json(relay))
    else:
        print(f"Relay {relay.name} is set. `pressrun transport list` shows it. It holds within a second.")
    return 0


def _as_json(relay: "Transport") -> dict[str, Any]:
    """Everything but the address, which may hold a password."""
    from django.utils import timezone

    from pipeline.relays import CHANGEABLE, place_of

    now = timezone.now()
    relay.refresh_from_db()
    meter = getattr(relay, "meter", None)
    waits = relay.backoff_until and relay.backoff_until > now
    rests_until = meter.rests_until if meter and meter.rests_until and meter.rests_until > now else None
    state = "left alone" if waits else "being tried" if relay.backoff_count else "resting" if rests_until else "works"
    slow = relay.destinations.exclude(step=0, rate=None).order_by("name")
    return {
        "name": relay.name,
        "state": state,
        "place": place_of(relay),
        "why": relay.backoff_reason,
        "needs_person": relay.needs_person,
        "until": relay.backoff_until if waits else rests_until,
        **{name: getattr(relay, name) for name in CHANGEABLE if name != "url"},
        "destinations": {
            each.name: {"rate": each.rate, "step": each.step, "until": each.blocked_until, "why": each.reason}
            for each in slow
        },
        "newsletters": list(relay.routes.values_list("newsletter__slug", flat=True)),
    }


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        return NONE if text == NONE else kind(text)

    read.__name__ = kind.__name__.strip("_")
    return read


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _ramp(text: str) -> list[int]:
    if text == NONE:
        return []
    steps = [int(part) for part in text.split(",")]
    if min(steps) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: each day takes at least one message")
    return steps


def _known(text: str) -> bool | str:
    answers: dict[str, bool | str] = {"yes": True, "no": False, "unknown": NONE}
    if text not in answers:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of yes, no, unknown")
    return answers[text]


def _destination(text: str) -> tuple[str, Any]:
    name, sign, rate = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"{text!r} is not like daum=5")
    return name, _or_none(float)(rate)
