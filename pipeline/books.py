"""The books of a send as people take them away: CSV, one line per person."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from pipeline.delivery.batch.wires import message_id
from pipeline.models import Send
from pipeline.queries import Narrowed, ReturnedRow, all_returned, ledger
from pipeline.replies import classify, enhanced_in
from subscribers.csvfile.formulas import guard

LEDGER_COLUMNS: Final = ("email", "state", "reason", "attempts", "retried", "message_id", "reply", "updated_at")
RETURNED_COLUMNS: Final = ("email", "way", "reason", "code", "words", "rule", "done", "at")


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
    return _csv(LEDGER_COLUMNS, ledger_rows(send, state))


def returned_csv(send: Send, asked: Narrowed) -> Iterator[str]:
    """Whom the send did not reach, in the words of the servers, line by line in RETURNED_COLUMNS."""
    rows = all_returned(send.pk, asked)
    return _csv(RETURNED_COLUMNS, (_returned_cells(row) for row in rows))


def rule_of(row: ReturnedRow) -> str:
    """Which rule decided. That of a reply is not kept: it is today's, while that comes to the same reason."""
    if row.rule or not row.words:
        return row.rule
    meaning = classify(row.words)
    return meaning.rule if meaning.reason == row.reason else ""


def _returned_cells(row: ReturnedRow) -> tuple[str, ...]:
    code, at = enhanced_in(row.words), row.at.isoformat()
    return row.email, row.way, row.reason, code, row.words, rule_of(row), row.done, at


def _csv(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Line by line; no cell is one that a spreadsheet would run."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        yield line.getvalue()
        line.seek(0)
        line.truncate()
        writer.writerow([guard(cell) for cell in row])
    yield line.getvalue()
