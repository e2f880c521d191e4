"""Staff users."""

import argparse
import getpass
import json
import secrets
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import PressrunError


class UserError(PressrunError):
    """The user cannot be made as asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    add = acts.add_parser("add", help="make a staff user")
    add.add_argument("name", metavar="NAME", help="what they sign in with")
    add.add_argument("--email", default="", help="where Pressrun may write to them")
    role = add.add_mutually_exclusive_group()
    role.add_argument("--superuser", action="store_true", help="may do everything")
    role.add_argument("--editor", action="store_true", help="may write issues (not send them)")
    password = add.add_mutually_exclusive_group()
    password.add_argument("--password-file", metavar="FILE", help="read the password from FILE (- is stdin)")
    password.add_argument("--generate", action="store_true", help="make a one-time password and print it")
    add.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    from pipeline.commands import environment

    given = _given_password(args)
    environment.prepare()
    password = given or one_time_password()
    add_user(args.name, password, email=args.email, superuser=args.superuser, editor=args.editor, once=not given)
    _tell(args, password if not given else "")
    return 0


def add_user(name: str, password: str, *, email: str, superuser: bool, editor: bool, once: bool) -> Any:
    """Make the user. Raises UserError when the name is taken or the password too weak; then nothing was made."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from pipeline.staff.roles import EDITORS, ensure_roles, remember_one_time_password

    users = get_user_model()
    user = users(username=name, email=email, is_superuser=superuser, is_staff=superuser)
    try:
        user.set_password(password)
        user.full_clean()
        validate_password(password, user)
    except ValidationError as error:
        raise UserError(f"The user {name!r} was not made: {' '.join(error.messages)}") from error
    with transaction.atomic():
        user.save()
        ensure_roles()
        if editor:
            user.groups.add(Group.objects.get(name=EDITORS))
        if once:
            remember_one_time_password(user)
    return user


def one_time_password() -> str:
    """About 95 bits, in letters and digits that cannot be taken for each other."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def _given_password(args: argparse.Namespace) -> str:
    """From the file or from a person at the terminal; empty: make one."""
    if args.password_file:
        return _from_file(args.password_file)
    if args.generate or not sys.stdin.isatty():
        return ""
    password = getpass.getpass(f"Password for {args.name} (empty: make one): ")
    if password and password != getpass.getpass("Once more: "):
        raise UserError("The two passwords differ. No user was made.")
    return password


def _from_file(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--password-file: {name} cannot be read ({error}). No user was made.") from error
    password = text.rstrip("\r\n")
    if not password:
        raise UserError(f"--password-file: {name} is empty. No user was made.")
    return password


def _tell(args: argparse.Namespace, once: str) -> None:
    if args.json:
        print(json.dumps({"user": args.name, "superuser": args.superuser} | ({"password": once} if once else {})))
        return
    print(f"The user {args.name} is made.")
    if once:
        print(f"Password for the first sign-in, shown only now: {once}")
