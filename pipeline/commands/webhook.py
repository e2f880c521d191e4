"""Webhooks: where providers tell what became of mail."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.acts import add_act, print_all

if TYPE_CHECKING:
    from pipeline.models import Hook

NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add_act(acts, "list", "all webhooks, their addresses, what is missing, how they do")
    change = add_act(acts, "set", "change a webhook, or with --create add one; its address is printed")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--create", action="store_true", help="add it")
    change.add_argument("--provider", metavar="PROVIDER", help="amazon-ses, mailgun, postmark …")
    change.add_argument("--relay", metavar="NAME", help="the relay whose mail it tells of (`transport list`)")
    change.add_argument("--secret-from", metavar="FILE", help="what the provider signs with; - is stdin")
    change.add_argument("--topic", action="append", metavar="ARN", help="Amazon's SNS topic; may be repeated")
    change.add_argument(
        "--network",
        action="append",
        metavar="CIDR",
        help="requests may come from there; may be repeated; none: anywhere",
    )
    change.add_argument("--enabled", choices=["yes", "no"])
    change.add_argument("--renew", action="store_true", help="a new address; the old one ends at once")
    remove = add_act(acts, "remove", "take it away; what it has told stays")
    remove.add_argument("name", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    return {"list": _list, "set": _set, "remove": _remove}[args.act](args)


def _list(args: argparse.Namespace) -> int:
    from pipeline.models import Hook

    return print_all(map(_as_json, Hook.objects.select_related("transport")), as_json=args.json)


def _set(args: argparse.Namespace) -> int:
    from pipeline import hooks
    from pipeline.commands import output
    from pipeline.relays import find_relay

    given = {
        "provider": args.provider,
        "transport": find_relay(args.relay) if args.relay else None,
        "secret": _content(args.secret_from) if args.secret_from else None,
        "topics": args.topic,
        "networks": [] if args.network == [NONE] else args.network,
        "enabled": args.enabled == "yes" if args.enabled else None,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    hook = hooks.change_hook(args.name, changes, create=args.create, renew=args.renew, actor=output.actor())
    told = _as_json(hook)
    if args.json:
        output.emit(told)
        return 0
    print(f"Webhook {hook} is set. At {told['provider']} ({told['where']}) paste this address, which is a secret:")
    print(f"  {told['address']}")
    print(f"and switch on: {told['switch_on']}.")
    if told["missing"]:
        print(f"Nothing is believed before it has what {told['provider']} calls: {told['missing']}.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pipeline import hooks
    from pipeline.commands import output

    hooks.remove_hook(args.name, actor=output.actor())
    if args.json:
        output.emit({"removed": args.name})
    else:
        print(f"Webhook {args.name} is gone. What it has told stays.")
    return 0


def _content(file: str) -> str:
    """Raises HookError for a file that cannot be read."""
    from pipeline.hooks import HookError

    try:
        return (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HookError(f"{file} cannot be read: {error}. Nothing was changed.") from error


def _as_json(hook: "Hook") -> dict[str, Any]:
    """Everything but what the provider signs with."""
    from pipeline import hooks
    from pipeline.providers import PROVIDERS

    hook.refresh_from_db()
    known, missing = PROVIDERS[hook.provider], hooks.missing(hook)
    return {
        "name": hook.name,
        "state": "off" if not hook.enabled else f"waits for: {missing}" if missing else "listens",
        "provider": known.title,
        "relay": hook.transport.name,
        "address": hooks.address_of(hook),
        "where": known.where,
        "switch_on": known.switch_on,
        "missing": missing,
        "topics": hook.topics,
        "networks": hook.networks,
        "events": hook.events,
        "last_event": hook.event_at,
        "refused": hook.refusals,
        "last_refused": hook.refused_at,
        "why": hook.refusal,
    }
