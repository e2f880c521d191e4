"""Running SQL by hand where the ORM has no words for it: rows come back as tuples or dictionaries."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction

Parameters = Sequence[Any] | Mapping[str, Any]
PAGE = 2_000


def rows(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def execute(statement: str, parameters: Parameters = ()) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def stream(statement: str, parameters: Parameters = (), *, hold: bool = False) -> Iterator[tuple[Any, ...]]:
    """Rows of a large answer in constant memory, from one snapshot, through a server-side cursor.

    With `hold` PostgreSQL writes the answer down first, and whoever reads may commit meanwhile.
    """
    with nullcontext() if hold else transaction.atomic():
        connection.ensure_connection()
        with connection.connection.cursor(name="pressrun_stream", withhold=hold) as cursor:
            cursor.itersize = PAGE
            cursor.execute(statement, parameters)
            yield from cursor
