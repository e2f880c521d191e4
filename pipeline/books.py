"""The ledger of a send as people take it away: CSV, one line per person."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from pipeline.delivery.batch.wires import message_id
from pipeline.models import Send
from pipeline.queries import ledger

LEDGER_COLUMNS: Final = ("email", "state", "reason", "attempts", "retried", "message_id", "reply", "updated_at")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def ledger_rows(send: Send, state: str = "") -> Iterator[tuple[str, ...]]:
    """One row of text per delivery, in LEDGER_COLUMNS; `state` narrows it."""
    for row in ledger(send.pk, state=state):
        yield (
            row.email,
            row.state,
            row.reason,
            str(row.attempts),
            "true" if row.retried else "false",
            "" if row.state == "skipped" else message_id(send.newsletter, send.pk, row.id),
            row.reply,
            row.updated_at.isoformat(),
        )


def ledger_csv(send: Send, state: str = "") -> Iterator[str]:
    """The CSV line by line, the header first."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(LEDGER_COLUMNS)
    for row in ledger_rows(send, state):
        yield line.getvalue()
        line.seek(0)
        line.truncate()
        writer.writerow([_harmless(cell) for cell in row])
    yield line.getvalue()


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
