"""What the commands about sends print: tables for people, one JSON document for programs."""

import argparse
import getpass
import json
import os
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.errors import PressrunError
from pipeline.models import DeliveryState, Send
from pipeline.queries import Reach, send_summary
from pipeline.rehearsing import Tally
from pipeline.staff.books import reason_label
from pipeline.staff.reach import chapters_of
from pipeline.staff.rehearsals import trouble_label


class NoSuchSendError(PressrunError):
    """A send number that does not exist."""


def find_send(number: int) -> Send:
    """The send, or an error that says how to list them."""
    send = Send.objects.select_related("newsletter", "transport").filter(pk=number).first()
    if send is None:
        raise NoSuchSendError(f"There is no send {number}. `pressrun sends` lists them.")
    return send


def add_send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("send", type=int, metavar="SEND", help="the number of the send")


def actor() -> str:
    """Who acts, for the audit trail."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = f"user {os.getuid()}"
    return f"command line, {user}"


def emit(document: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(document, ensure_ascii=False, default=str))


def books_table(send: Send, summary: Mapping[str, Any] | None = None) -> Table:
    """State × reason, summing to the audience, in the words of the pages."""
    summary = summary or send_summary(send)
    table = Table(title=f"Send {send.pk}: {send.get_state_display()}", title_justify="left", caption_justify="left")
    table.add_column("state")
    table.add_column("reason")
    table.add_column("people", justify="right")
    for state, reasons in summary["reasons"].items():
        label = str(DeliveryState(state).label)
        for reason, number in reasons.items():
            table.add_row(label, str(reason_label(reason)), f"{number:,}")
            label = ""
    table.add_section()
    table.add_row("together", f"audience {send.audience:,}", f"{sum(summary['counts'].values()):,}")
    return table


def reach_table(reach: Reach) -> Table:
    """Edition × why, then whom it leaves out, summing to the audience, in the words of the pages."""
    table = Table(title="Whom it would reach now", title_justify="left")
    table.add_column("edition")
    table.add_column("why")
    table.add_column("people", justify="right")
    for chapter in chapters_of(reach):
        label = str(chapter.label)
        for line in chapter.lines:
            table.add_row(label, str(line.label), f"{line.n:,}")
            label = ""
    table.add_section()
    table.add_row("together", f"reached {reach.reached:,}", f"{reach.audience:,}")
    return table


def rehearsal_table(tally: Tally) -> Table:
    """What is wrong with whose message, the most people first."""
    table = Table(title=f"Rehearsed for {tally.played:,} of {tally.people:,} people", title_justify="left")
    table.add_column("edition")
    table.add_column("what is wrong")
    table.add_column("people", justify="right")
    for (edition, trouble, detail), n in tally.by_weight():
        table.add_row(edition, str(trouble_label(trouble, detail)), f"{n:,}")
    if not tally.counts:
        table.add_row("", "nothing", "")
    return table


def printable(text: str) -> str:
    """On one line. Where strangers wrote it, nothing in it may steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def console() -> Console:
    """For a person; the width follows their terminal, or suits a file. Brackets in words are words, and no style."""
    return Console(width=None if Console().is_terminal else 100, markup=False, emoji=False)


def show(renderable: Any) -> None:
    """Print for a person."""
    console().print(renderable)
