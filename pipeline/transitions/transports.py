"""A relay that does not answer is left alone for a while; its deliveries lose nothing by it."""

from datetime import timedelta
from typing import Final

from pipeline.queries.sql import execute

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=5)


def back_off(transport_id: int, *, why: str, first_wait: timedelta = FIRST_WAIT) -> None:
    """Leave the relay alone, twice as long each time in a row."""
    execute(
        "UPDATE pipeline_transport SET backoff_count = least(backoff_count + 1, 30), backoff_reason = %s,"
        " backoff_until = now() + least(%s * power(2, least(backoff_count, 20)), %s) WHERE id = %s"
        " AND (backoff_until IS NULL OR backoff_until <= now())",
        [why, first_wait, LONGEST_WAIT, transport_id],
    )


def clear_backoff(transport_id: int) -> None:
    """The relay works."""
    execute(
        "UPDATE pipeline_transport SET backoff_count = 0, backoff_reason = '', backoff_until = NULL"
        " WHERE id = %s AND backoff_count > 0",
        [transport_id],
    )
