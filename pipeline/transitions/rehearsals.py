"""A rehearsal's life: asked for, taken by a worker, kept up to date, ended."""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings

from pipeline.models import Rehearsal, RehearsalState
from pipeline.queries.sql import execute, rows

_FREE: Final = "state = 'waiting' OR state = 'playing' AND renewed_at < now() - %s"


def waiting_rehearsals() -> list[int]:
    """Those that nobody plays: asked for, or left lying by a worker that ended."""
    return [pk for (pk,) in rows(f"SELECT id FROM pipeline_rehearsal WHERE {_FREE}", [settings.LEASE])]  # noqa: S608 (ours)


def take_rehearsal(rehearsal_id: int) -> Rehearsal | None:
    """Begin to play it, from the start; None when someone else does, or has."""
    taken = execute(
        "UPDATE pipeline_rehearsal SET state = 'playing', renewed_at = now(), played = 0"  # noqa: S608 (ours)
        f" WHERE id = %s AND ({_FREE})",
        [rehearsal_id, settings.LEASE],
    )
    return Rehearsal.objects.select_related("parent").get(pk=rehearsal_id) if taken else None


def keep_rehearsal(row: Rehearsal, *, people: int, played: int, troubles: Sequence[Any]) -> None:
    """Write down how far it is, which also says that it is still being played."""
    row.people, row.played, row.troubles = people, played, list(troubles)
    row.save(update_fields=["people", "played", "troubles"])
    execute("UPDATE pipeline_rehearsal SET renewed_at = now() WHERE id = %s", [row.pk])


def end_rehearsal(row: Rehearsal, *, why: str = "") -> None:
    """Close it: as failed for a reason, as done when everyone was played, else it waits for the next worker."""
    if why:
        row.state, row.why = RehearsalState.FAILED, why
    else:
        row.state = RehearsalState.DONE if row.played >= row.people else RehearsalState.WAITING
    row.save(update_fields=["state", "why"])
