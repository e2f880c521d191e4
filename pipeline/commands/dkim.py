"""Keys that sign mail: made, published, started, rotated. Prints DNS records, and never anything private."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.models import DkimKey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    new = _act(acts, "new", "make the first key of a domain, and print the DNS record to publish")
    new.add_argument("--ed25519", action="store_true", help="an Ed25519 key beside the RSA key")
    rotate = _act(acts, "rotate", "make the next key; the one in use signs on until the next is started")
    for each in (new, rotate):
        each.add_argument("--selector", default="", metavar="NAME", help="instead of one named after the day")
    start = _act(acts, "activate", "sign with the new key, if DNS has its record")
    start.add_argument("--unseen", action="store_true", help="do not wait for DNS: somebody has looked elsewhere")
    _act(acts, "retire", "sign with a key no more").add_argument("selector", metavar="SELECTOR")
    body = _act(acts, "body", "how the body counts: simple, or relaxed for a relay that changes spaces")
    body.add_argument("body", choices=["simple", "relaxed"])
    _act(acts, "list", "the keys, and their records when a domain is named", needs_domain=False)


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    return _ACTS[args.act](args)


def _act(acts: Any, name: str, summary: str, *, needs_domain: bool = True) -> argparse.ArgumentParser:
    act: argparse.ArgumentParser = acts.add_parser(name, help=summary)
    if needs_domain:
        act.add_argument("domain", metavar="DOMAIN")
    else:
        act.add_argument("domain", metavar="DOMAIN", nargs="?", default="")
    act.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    return act


def _made(args: argparse.Namespace) -> int:
    from django.utils import timezone

    from pipeline import rotation
    from pipeline.commands import output

    given: dict[str, Any] = {"selector": args.selector, "today": timezone.now().date(), "actor": output.actor()}
    if args.act == "new":
        keys = rotation.new_keys(args.domain, ed25519=args.ed25519, **given)
    else:
        keys = rotation.rotate_keys(args.domain, **given)
    if args.json:
        output.emit({"keys": [_as_json(key) for key in keys]})
        return 0
    print("Publish this. Once DNS has it, workers sign with it: they look every ten minutes, `dkim activate` now.\n")
    _print_records(keys)
    return 0


def _activate(args: argparse.Namespace) -> int:
    from pipeline import rotation
    from pipeline.commands import output
    from pipeline.domains import lookup

    started = rotation.start_keys(args.domain, lookup.ask, unseen=args.unseen, actor=output.actor())
    if args.json:
        found = [{**_as_json(each.key), "signs": each.signs, "dns": each.finding.detail} for each in started]
        output.emit({"keys": found})
    for each in () if args.json else started:
        print(f"{each.key}: {'signs from now on' if each.signs else 'does not sign yet'}. DNS: {each.finding.detail}")
    if not started and not args.json:
        print("No key waits to be started.")
    return 0 if all(each.signs for each in started) else 1


def _retire(args: argparse.Namespace) -> int:
    from pipeline import rotation
    from pipeline.commands import output

    key = rotation.retire_key(args.domain, args.selector, actor=output.actor())
    if args.json:
        output.emit(_as_json(key))
    else:
        days = rotation.ON_ITS_WAY.days
        print(f"{key} signs no more. Leave its record for {days} days: mail on its way still needs it.")
    return 0


def _body(args: argparse.Namespace) -> int:
    from pipeline import rotation, transitions
    from pipeline.commands import output

    domain = rotation.find_domain(args.domain)
    transitions.set_dkim_body(domain, args.body, actor=output.actor())
    if args.json:
        output.emit({"domain": str(domain), "body": args.body})
    else:
        print(f"Mail of {domain} is signed relaxed/{args.body} within half a minute.")
    return 0


def _list(args: argparse.Namespace) -> int:
    from rich.table import Table

    from pipeline import rotation
    from pipeline.commands import output
    from pipeline.models import DkimKey

    keys = DkimKey.objects.select_related("sender_domain").order_by("sender_domain__from_domain", "-pk")
    if args.domain:
        keys = keys.filter(sender_domain=rotation.find_domain(args.domain))
    if args.json:
        output.emit({"keys": [_as_json(key) for key in keys]})
        return 0
    table = Table(title="DKIM keys", title_justify="left")
    for column in ("domain", "selector", "algorithm", "state", "since"):
        table.add_column(column)
    for key in keys:
        since = key.retired_at or key.activated_at or key.created_at
        table.add_row(str(key.sender_domain), key.selector, key.algorithm, key.state, f"{since:%Y-%m-%d %H:%M}")
    output.show(table)
    if args.domain:
        _print_records([key for key in keys if key.state != "retired"])
    return 0


def _print_records(keys: Sequence["DkimKey"]) -> None:
    """As a zone file has them. Forms of DNS providers take the text without the inner quotes."""
    for key in keys:
        document = _as_json(key)
        strings = "\n".join(f'  "{each}"' for each in document["txt"])
        print(f"{document['name']}. IN TXT (\n{strings} )\n")


def _as_json(key: "DkimKey") -> dict[str, Any]:
    from pipeline.delivery.dkim import txt_strings
    from pipeline.delivery.signing import key_of

    key.refresh_from_db()
    ready = key_of(key)
    return {
        "domain": ready.domain,
        "selector": ready.selector,
        "algorithm": ready.algorithm,
        "state": key.state,
        "name": ready.place,
        "record": ready.record(),
        "txt": txt_strings(ready.record()),
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
    }


_ACTS = {
    "new": _made,
    "rotate": _made,
    "activate": _activate,
    "retire": _retire,
    "body": _body,
    "list": _list,
}
