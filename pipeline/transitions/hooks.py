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


def note_refusal(hook_id: int, why: str) -> None:
    """A request was refused. Once a second at most, and nobody waits for it: strangers must not keep us busy."""
    execute(
        "UPDATE pipeline_hook SET refusals = refusals + 1, refused_at = now(), refusal = %s WHERE id ="
        " (SELECT id FROM pipeline_hook WHERE id = %s AND (refused_at IS NULL OR refused_at < now() - interval '1 s')"
        " FOR UPDATE SKIP LOCKED)",
        [why[:REFUSAL_AT_MOST], hook_id],
    )


def note_hook_change(hook_id: int, changes: Mapping[str, object], *, actor: str) -> None:
    """A person has changed it. What the provider signs with stays unsaid."""
    shown = {name: "changed" if name == "secret" else str(value) for name, value in changes.items()}
    AuditEvent.objects.create(actor=actor, action="hook.set", subject=f"hook:{hook_id}", detail=shown)
