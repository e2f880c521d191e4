"""That a person has looked at returned messages. It changes nothing but the lists of what is to be looked at."""

from collections.abc import Sequence

from pipeline.queries.sql import execute


def look_at(ids: Sequence[int], *, by: str) -> int:
    """Note who looked at these and when; how many are new. Whoever was first stays."""
    return execute(
        "UPDATE pipeline_feedback SET looked_at = now(), looked_by = %s WHERE id = ANY(%s) AND looked_at IS NULL",
        [by[:200], list(ids)],
    )
