"""How a webhook does, and what people change of it."""

from collections.abc import Mapping
from datetime import datetime

from pipeline.models import AuditEvent
from pipeline.queries.sql import execute

REFUSAL_AT_MOST = 500


def note_events(hook_id: int, number: int, *, at: datetime) -> None:
    """So many events have been taken in."""
    execute(
        "UPDATE pipeline_hook SET events = events + %s, event_at = greatest(event_at, %s) WHERE id = %s",
        [number, at, hook_id],
    )


def note_refusal(hook_id: int, why: str, *, stranger: bool = False) -> None:
    """A request was refused. Once a second at most, and nobody waits for it: strangers must not keep us busy.

    Nor may a stranger, who does not know the address, hide what was said of one who does.
    """
    said = {"id": hook_id, "why": why[:REFUSAL_AT_MOST], "stranger": stranger}
    execute(
        "UPDATE pipeline_hook SET refusals = refusals + 1, refused_at = now(),"
        " refusal = CASE WHEN %(stranger)s AND refusal <> '' THEN refusal ELSE %(why)s END WHERE id ="
        " (SELECT id FROM pipeline_hook WHERE id = %(id)s AND (refused_at IS NULL"
        " OR refused_at < now() - interval '1 s' OR (NOT %(stranger)s AND refusal <> %(why)s)) FOR UPDATE SKIP LOCKED)",
        said,
    )


def note_hook_change(hook_id: int, changes: Mapping[str, object], *, actor: str) -> None:
    """A person has changed it. What the provider signs with stays unsaid."""
    shown = {name: "changed" if name == "secret" else str(value) for name, value in changes.items()}
    AuditEvent.objects.create(actor=actor, action="hook.set", subject=f"hook:{hook_id}", detail=shown)
