"""Export: the people of a list as CSV, streamed out of the database by COPY, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from subscribers.csvfile import FORMULA_STARTS, guard
from subscribers.models import List

UTF8_MARK: Final = b"\xef\xbb\xbf"

# Name in the file, and where it comes from.
_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("email", "person.email"),
    ("status", "subscription.state"),
    ("first_name", "person.first_name"),
    ("last_name", "person.last_name"),
    ("language", "person.language"),
    ("subscribed_at", "consent.at"),
    ("changed_at", "subscription.changed_at"),
    ("suppressed", "suppression.reasons"),
)
_TIMES: Final = {"subscribed_at", "changed_at"}

# The last yes, and every reason for which the address gets nothing anywhere; keyset order keeps two exports alike.
_QUERY: Final = """
COPY (
    SELECT {columns}
    FROM subscribers_subscription AS subscription
        JOIN subscribers_subscriber AS person ON person.id = subscription.subscriber_id
        LEFT JOIN LATERAL (
            SELECT max(record.at) AS at FROM subscribers_consentrecord AS record
            WHERE record.subscriber_id = person.id AND record.list_id = subscription.list_id
                AND record.kind <> 'withdrawn'
        ) AS consent ON true
        LEFT JOIN LATERAL (
            SELECT string_agg(DISTINCT held.reason, ' ') AS reasons FROM subscribers_suppression AS held
            WHERE held.address_key = person.address_key AND held.scope = 'all' AND held.lifts_id IS NULL
                AND (held.expires_at IS NULL OR held.expires_at > now())
                AND NOT EXISTS (SELECT 1 FROM subscribers_suppression AS lifted WHERE lifted.lifts_id = held.id)
        ) AS suppression ON true
    WHERE subscription.list_id = {list}
    ORDER BY person.address_key
) TO STDOUT WITH (FORMAT csv)"""

_FIELD_NAMES: Final = """
SELECT DISTINCT jsonb_object_keys(person.fields) AS name
FROM subscribers_subscription AS subscription
    JOIN subscribers_subscriber AS person ON person.id = subscription.subscriber_id
WHERE subscription.list_id = %s
ORDER BY name"""


def export_people(of: List, to: BinaryIO, *, mark: bool = False) -> int:
    """Write everybody who is or was on a list, one row each; gives the number of rows.

    Columns: email, status (the subscription's state), first_name, last_name, language, subscribed_at (the last yes,
    UTC, ISO 8601), changed_at, suppressed (why the address gets nothing at all), and every field that anybody has.
    UTF-8, lines end in LF; `mark` puts the byte order mark in front that Excel asks for. A cell that a spreadsheet
    would run as a formula has an apostrophe before it, which `csvfile` takes off again.
    """
    with connection.cursor() as cursor:
        fields = _field_names(cursor, of)
        to.write((UTF8_MARK if mark else b"") + _header(fields))
        with cursor.copy(_statement(of, fields)) as rows:
            to.writelines(rows)
        return int(cursor.rowcount)


def _field_names(cursor: CursorWrapper, of: List) -> list[str]:
    cursor.execute(_FIELD_NAMES, [of.id])
    return [str(name) for (name,) in cursor.fetchall()]


def _header(fields: list[str]) -> bytes:
    """A field named like a column of ours is told apart by a word before it."""
    ours = [name for name, _ in _COLUMNS]
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(
        [*ours, *(guard(f"field {name}" if name in ours else name) for name in fields)]
    )
    return line.getvalue().encode()


def _statement(of: List, fields: list[str]) -> sql.Composed:
    return sql.SQL(_QUERY).format(columns=sql.SQL(", ").join(_cells(fields)), list=sql.Literal(of.id))


def _cells(fields: list[str]) -> Iterator[sql.Composable]:
    for name, expression in _COLUMNS:
        if name in _TIMES:
            yield sql.SQL("to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").format(
                sql.SQL(expression)
            )
        else:
            yield _guarded(sql.SQL(expression))
    for name in fields:
        yield _guarded(sql.SQL("person.fields ->> {}").format(sql.Literal(name)))


def _guarded(expression: sql.Composable) -> sql.Composed:
    """The SQL twin of `csvfile.guard`."""
    return sql.SQL(
        "CASE WHEN strpos({starts}, left({cell}, 1)) > 0 AND {cell} <> '' THEN '''' || {cell} ELSE {cell} END"
    ).format(starts=sql.Literal(FORMULA_STARTS), cell=sql.SQL("({})").format(expression))
