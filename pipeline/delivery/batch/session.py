"""How the session is set in which a batch keeps its books, and each that takes its place when the database was away."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created

from pipeline.queries.sql import execute, look_up_only


@contextmanager
def bookkeeping() -> Iterator[None]:
    """While this lasts."""
    connection_created.connect(_prepare)
    try:
        if connection.connection is None:
            connection.ensure_connection()
        else:
            _prepare()
        yield
    finally:
        connection_created.disconnect(_prepare)


def _prepare(**_: object) -> None:
    # A process that is stopped in mid-transaction must not keep its locks from everybody else.
    lease = f"{settings.LEASE.total_seconds():.0f}s"
    execute("SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [lease])
    look_up_only()
