"""A test of an issue: to a few addresses, marked, never in the books."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands import environment
from pipeline.errors import PressrunError

if TYPE_CHECKING:
    from pipeline.models import Issue
    from subscribers.models import Subscriber


class NotFoundError(PressrunError):
    """Something that was named does not exist."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "issue", metavar="FILE|ISSUE", help="an issue file, or NEWSLETTER/NUMBER/LANGUAGE, or the number in its page"
    )
    parser.add_argument("--to", nargs="+", default=[], metavar="ADDRESS", help="who gets it")
    parser.add_argument("--group", action="append", default=[], metavar="NAME", help="a test group; may be repeated")
    parser.add_argument("--as", dest="reader", metavar="EMAIL", help="with the name of this subscriber")
    parser.add_argument("--update", action="store_true", help="take over the file's description of the newsletter")


def run(args: argparse.Namespace) -> int:
    environment.prepare()
    from pipeline.commands import check, output
    from pipeline.delivery.testsend import send_test
    from pipeline.sending import make_draft_proof

    addresses = [*args.to, *_members(args.group)]
    reader = _reader(args.reader) if args.reader else None
    proof = make_draft_proof(_issue(args.issue, update=args.update))
    answers = send_test(proof, addresses, actor=output.actor(), reader=reader)
    if args.json:
        results = [{"to": each.email, "verdict": each.verdict, "reply": each.reply} for each in answers]
        output.emit({"proof": proof.hash, "results": results, "findings": proof.findings})
    else:
        for each in answers:
            print(f"{each.email}: {each.verdict}. {each.reply}")
        print(check.told(proof.said))
    return 0 if all(each.verdict == "accepted" for each in answers) else 1


def _issue(named: str, *, update: bool) -> "Issue":
    """A file is filed as `pressrun send` files it; anything else names an issue that is here."""
    from pipeline.models import Issue
    from pipeline.sending import file_issue

    if Path(named).is_file():
        return file_issue(Path(named), update=update)
    issues = Issue.objects.select_related("newsletter")
    edition = re.fullmatch(r"([^/]+)/([0-9]{1,9})/([^/]+)", named)
    if edition:
        slug, number, language = edition.groups()
        found = issues.filter(newsletter__slug=slug, number=number, language=language).first()
    else:
        found = issues.filter(pk=named).first() if re.fullmatch("[0-9]{1,18}", named) else None
    if found is None:
        raise NotFoundError(
            f"{named!r} is neither a file nor an issue here. Nothing was sent. Name an issue by its newsletter, number "
            "and language, such as city/20/en."
        )
    return found


def _members(groups: Sequence[str]) -> list[str]:
    from pipeline.models import TestGroup

    known = {group.name: group.emails for group in TestGroup.objects.all()}
    for name in groups:
        if name not in known:
            raise NotFoundError(
                f"There is no test group {name!r}. Nothing was sent. Groups: {', '.join(known) or 'none yet'}."
            )
    return [email for name in groups for email in known[name]]


def _reader(email: str) -> "Subscriber":
    from subscribers.queries import find

    found = find(email)
    if found is None:
        raise NotFoundError(
            f"{email} is not among the subscribers. Nothing was sent. Leave --as out for a sample name."
        )
    return found
