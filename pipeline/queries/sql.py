"""Running SQL by hand where the ORM has no words for it: rows come back as tuples or dictionaries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import psycopg
from django.db import DatabaseError, connection, transaction

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


@contextmanager
def alone(space: int, number: int) -> Iterator[bool]:
    """Whether nobody else does the same at this moment, and while it lasts nobody does. PostgreSQL frees the dead's."""
    [(ours,)] = rows("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
    try:
        yield ours
    finally:
        if ours:
            with suppress(DatabaseError):  # the session is gone, and the lock with it
                rows("SELECT pg_advisory_unlock(%s, %s)", [space, number])


def look_up_only() -> None:
    """Have this session plan every `prepared` statement once, for finding rows by their keys and nothing else.

    The hot statements of a batch touch some dozens of a million rows. A plan made for one table size would be kept
    for all: read through a table that was small then, it costs a thousand times as much later.
    """
    execute(
        "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),"
        " set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),"
        " set_config('enable_bitmapscan', 'off', false), set_config('jit', 'off', false)"
    )


def prepared(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows and that this session will run many times: it is planned once.

    Planning one of a batch's statements takes longer than running it. Django binds on the client's side, where nothing
    can be prepared, so this is psycopg's own cursor.
    """
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0  # None, as Django leaves it, forbids what `prepare` asks for
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchall()


def prepared_together(*statements: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """Run several in one transaction and one round trip: PostgreSQL does all of them, or none.

    Outside of a transaction what comes before the end of a pipeline is one (PostgreSQL's manual, "Pipelining").
    """
    connection.ensure_connection()
    if connection.in_atomic_block:
        return [prepared(statement, parameters) for statement, parameters in statements]
    raw = connection.connection
    raw.prepare_threshold = 0
    with connection.wrap_database_errors:
        with raw.pipeline():
            asked = [psycopg.Cursor(raw).execute(each, values, prepare=True) for each, values in statements]
        return [each.fetchall() for each in asked]


def numbers(given: Iterable[int]) -> str:
    """Whole numbers as the text of an array, for `%(name)s::bigint[]`: psycopg looks at each one to find its type."""
    return f"{{{','.join(map(str, given))}}}"


def texts(given: Iterable[object]) -> str:
    """The same for `%(name)s::text[]`, and for moments and truth values; None is NULL.

    Every element is quoted, and within quotes only `"` and a backslash mean something (PostgreSQL's manual, "Array
    Input and Output Syntax").
    """
    quoted = (
        "NULL" if each is None else '"' + str(each).replace("\\", "\\\\").replace('"', '\\"') + '"' for each in given
    )
    return f"{{{','.join(quoted)}}}"


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
