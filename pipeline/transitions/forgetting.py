"""What is kept for a time only, deleted when that is over."""

from datetime import timedelta
from typing import Final

from django.db import transaction

from pipeline.queries.sql import execute, rows
from pipeline.queries.stored import GONE

EVERY: Final = timedelta(days=1)
AT_ONCE: Final = 1_000
BATCHES: Final = 20
_MARKER: Final = "forgotten"


def forget_expired() -> int:
    """Once a day, delete returned messages whose time is over; how many. What they meant stays with the deliveries.

    In small steps, so that no long transaction stands in anybody's way; what is left over is the next sweep's.
    """
    if rows("SELECT 1 FROM pipeline_marker WHERE name = %s AND at > now() - %s", [_MARKER, EVERY]):
        return 0
    gone = 0
    for _ in range(BATCHES):
        step = _step()
        gone += step
        if step < AT_ONCE:
            execute(
                "INSERT INTO pipeline_marker (name, text, at) VALUES (%s, '', now())"
                " ON CONFLICT (name) DO UPDATE SET at = now()",
                [_MARKER],
            )
            break
    return gone


@transaction.atomic
def _step() -> int:
    """Delete some, and note how many have gone: whoever reads what is stored again should know what is missing."""
    step = execute(
        "DELETE FROM pipeline_feedback WHERE id IN"
        " (SELECT id FROM pipeline_feedback WHERE expires_at < now() LIMIT %s)",
        [AT_ONCE],
    )
    if step:
        execute(
            "INSERT INTO pipeline_marker AS m (name, text, at) VALUES (%s, %s, now()) ON CONFLICT (name)"
            " DO UPDATE SET text = (m.text::bigint + excluded.text::bigint)::text, at = now()",
            [GONE, str(step)],
        )
    return step
