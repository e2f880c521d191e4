"""Mailboxes that bounces go to: how to get in, whether that works, and a look into them now."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.acts import add_act, print_all

if TYPE_CHECKING:
    from pipeline.models import Mailbox

SECRETS = ("password", "client-secret", "refresh-token")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add_act(acts, "list", "all mailboxes, how the last look went, what was left in them")
    _add_changes(_named(acts, "set", "change a mailbox, or with --create add one"))
    _named(acts, "test", "sign in, open the folder, take nothing")
    look = add_act(acts, "look", "take in what is new now; without a name from all")
    look.add_argument("name", metavar="NAME", nargs="?", default="")
    _named(acts, "retry", "try again what was left in it")
    _named(acts, "remove", "read it no more; what was taken in stays")


def _add_changes(change: argparse.ArgumentParser) -> None:
    change.add_argument("--create", action="store_true", help="add it")
    change.add_argument("--protocol", choices=["imap", "pop"], help="imap unless said otherwise")
    change.add_argument("--host", metavar="HOST", help="the server, by the name in its certificate")
    change.add_argument("--port", type=int, metavar="N", help="else the protocol's own")
    change.add_argument("--security", choices=["tls", "starttls", "plain"], help="plain: on this machine alone")
    change.add_argument("--user", metavar="USER", help="as whom to sign in")
    for secret in SECRETS:
        change.add_argument(f"--{secret}-from", metavar="FILE", help=f"the {secret.replace('-', ' ')}; - is stdin")
    change.add_argument("--auth", choices=["password", "oauth2"], help="password unless said otherwise")
    change.add_argument("--client-id", metavar="ID", help="of the application that you registered")
    change.add_argument("--token-url", metavar="URL", help="https address that gives out access tokens")
    change.add_argument("--scope", metavar="SCOPE", help="for the tokens, where the provider wants it")
    change.add_argument("--folder", metavar="FOLDER", help="the one that is read, INBOX unless said otherwise")
    change.add_argument("--afterwards", choices=["leave", "move", "delete"], help="mail that was taken in")
    change.add_argument("--move-to", metavar="FOLDER", help="it is made where it is missing")
    change.add_argument("--enabled", choices=["yes", "no"], help="whether workers read it")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    environment.prepare()
    acts = {"list": _list, "set": _set, "test": _test, "look": _look, "retry": _retry, "remove": _remove}
    return acts[args.act](args)


def _named(acts: Any, name: str, summary: str) -> argparse.ArgumentParser:
    act = add_act(acts, name, summary)
    act.add_argument("name", metavar="NAME")
    return act


def _list(args: argparse.Namespace) -> int:
    from pipeline.models import Mailbox

    return print_all(map(_as_json, Mailbox.objects.order_by("name")), as_json=args.json)


def _set(args: argparse.Namespace) -> int:
    from pipeline import mailboxes
    from pipeline.commands import output

    given = {name: getattr(args, name, None) for name in mailboxes.CHANGEABLE} | _secrets(args)
    changes = {name: value for name, value in given.items() if value is not None}
    if "enabled" in changes:
        changes["enabled"] = changes["enabled"] == "yes"
    mailbox = mailboxes.change_mailbox(args.name, changes, create=args.create, actor=output.actor())
    if args.json:
        output.emit(_as_json(mailbox))
    else:
        print(f"Mailbox {mailbox} is set. `pressrun mailbox test {mailbox}` tries it; a worker looks every minute.")
    return 0


def _secrets(args: argparse.Namespace) -> dict[str, str | None]:
    names = (secret.replace("-", "_") for secret in SECRETS)
    return {name: _content(file) if (file := getattr(args, f"{name}_from")) else None for name in names}


def _content(file: str) -> str:
    """Raises MailboxChangeError for a file that cannot be read."""
    from pipeline.mailboxes import MailboxChangeError

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MailboxChangeError(f"{file} cannot be read: {error}. Nothing was changed.") from error
    return text.rstrip("\r\n")


def _test(args: argparse.Namespace) -> int:
    from pipeline.commands import output
    from pipeline.feedback.mailbox import try_out
    from pipeline.mailboxes import find_mailbox

    mailbox = find_mailbox(args.name)
    new = try_out(mailbox)
    if args.json:
        output.emit({"name": mailbox.name, "works": True, "new": new})
    else:
        print(f"{mailbox.place} lets {mailbox.user} in. {new:,} messages look new. Nothing was taken or changed.")
    return 0


def _look(args: argparse.Namespace) -> int:
    from pipeline.commands import output
    from pipeline.feedback.mailbox import MailboxError
    from pipeline.mailboxes import find_mailbox
    from pipeline.models import Mailbox

    chosen = [find_mailbox(args.name)] if args.name else Mailbox.objects.filter(enabled=True).order_by("name")
    found = []
    for mailbox in chosen:
        try:
            found.append({"name": mailbox.name, **_looked_into(mailbox, quiet=args.json)})
        except MailboxError as error:
            found.append({"name": mailbox.name, "error": str(error)})
    if args.json:
        output.emit(found)
    for each in () if args.json else found:
        print(_told(each), file=sys.stderr if "error" in each else sys.stdout)
    return 1 if any("error" in each for each in found) else 0


def _looked_into(mailbox: "Mailbox", *, quiet: bool) -> dict[str, Any]:
    """Look until there is no more."""
    from pipeline.feedback.mailbox import Kept, look

    counts = dict.fromkeys((kept.value for kept in Kept), 0)
    with _progress(mailbox.name, quiet=quiet) as show:
        more = True
        while more:
            looked = look(mailbox.pk, progress=partial(show, sum(counts.values())))
            if looked is None:
                return counts | {"busy": True}
            more = looked.more
            for kept, number in looked.counts.items():
                counts[kept.value] += number
    return counts


@contextmanager
def _progress(name: str, *, quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """A bar for people; told how many were dealt with before, how many now, and of how many."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pipeline.commands import environment

    columns = TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    hidden = quiet or not environment.is_terminal()
    with Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda before, done, of: bar.update(task, completed=before + done, total=before + of)


def _told(found: dict[str, Any]) -> str:
    if "error" in found:
        return f"{found['name']}: {found['error']} What is in it stays there."
    if found.get("busy"):
        return f"{found['name']}: a worker is looking into it right now, or it is switched off."
    return (
        f"{found['name']}: {found['taken']:,} taken in, {found['known']:,} known already, "
        f"{found['left']:,} left where they are."
    )


def _retry(args: argparse.Namespace) -> int:
    from pipeline import transitions
    from pipeline.commands import output
    from pipeline.mailboxes import find_mailbox

    number = transitions.retry_left_messages(find_mailbox(args.name), actor=output.actor())
    if args.json:
        output.emit({"name": args.name, "messages": number})
    else:
        print(f"{number:,} messages that were left are tried again at the next look.")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pipeline import mailboxes
    from pipeline.commands import output

    mailboxes.remove_mailbox(mailboxes.find_mailbox(args.name), actor=output.actor())
    if args.json:
        output.emit({"name": args.name, "removed": True})
    else:
        print(f"{args.name} is read no more. What was taken in stays, and the mailbox itself is as it was.")
    return 0


def _as_json(mailbox: "Mailbox") -> dict[str, Any]:
    """Everything but what is secret."""
    from pipeline.mailboxes import CHANGEABLE, SECRETS

    mailbox.refresh_from_db()
    left = mailbox.messages.exclude(left_because="").order_by("id")
    return {
        "name": mailbox.name,
        "state": "off" if not mailbox.enabled else "fails" if mailbox.error else "works",
        "place": mailbox.place,
        **{name: getattr(mailbox, name) for name in CHANGEABLE if name not in (*SECRETS, "host", "port", "enabled")},
        "why": mailbox.error,
        "needs_person": mailbox.needs_person,
        "failing_since": mailbox.failing_since,
        "looked_at": mailbox.looked_at,
        "next_look": mailbox.next_at if mailbox.enabled else None,
        "taken": mailbox.messages.exclude(feedback_id=None).count(),
        "left": [{"key": each.key, "size": each.size, "why": each.left_because} for each in left[:100]],
    }
