"""A relay's circuit breaker: open after it failed, half open for one connection's trial, closed when that worked.

While it is open nothing goes through it, longer each time in a row; the deliveries lose nothing by it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction

from pipeline.models import AuditEvent
from pipeline.queries.sql import execute, rows

FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=5)


def back_off(transport_id: int, *, why: str, first_wait: timedelta = FIRST_WAIT, needs_person: bool = False) -> None:
    """Leave the relay alone, twice as long each time in a row; the first time is on record.

    With `needs_person`, what is wrong will not mend itself (a certificate, a password), so it is the longest wait.
    """
    with transaction.atomic():
        opened = rows(
            "UPDATE pipeline_transport SET backoff_count = least(backoff_count + 1, 30), backoff_reason = %(why)s,"
            " needs_person = %(person)s, backoff_until = now() + CASE WHEN %(person)s THEN %(longest)s"
            "   ELSE least(%(first)s * power(2, least(backoff_count, 20)), %(longest)s) END"
            " WHERE id = %(id)s AND (backoff_until IS NULL OR backoff_until <= now()) RETURNING backoff_count",
            {"id": transport_id, "why": why, "person": needs_person, "first": first_wait, "longest": LONGEST_WAIT},
        )
        if opened == [(1,)] or (opened and needs_person):
            _note(transport_id, "transport.opened", why=why, needs_person=needs_person)


def clear_backoff(transport_id: int) -> None:
    """The relay works."""
    with transaction.atomic():
        if execute(
            "UPDATE pipeline_transport SET backoff_count = 0, backoff_reason = '', backoff_until = NULL,"
            " needs_person = false WHERE id = %s AND backoff_count > 0",
            [transport_id],
        ):
            _note(transport_id, "transport.closed")


def try_again(transport_ids: Sequence[int]) -> None:
    """Let the next batch try these relays: a person has been asked to mend them, and will say when."""
    execute(
        "UPDATE pipeline_transport SET backoff_until = now() WHERE id = ANY(%s) AND backoff_until > now()",
        [list(transport_ids)],
    )


def note_relay_change(transport_id: int, changes: Mapping[str, object], *, actor: str) -> None:
    """What a person set holds at once: an hour or day that was used up is looked at again. The address stays unsaid."""
    execute(
        "UPDATE pipeline_transportmeter SET rests_until = NULL, rests_for = '', turn = turn + 1"
        " WHERE transport_id = %s",
        [transport_id],
    )
    shown = {name: "changed" if name == "url" else value for name, value in changes.items()}
    detail = json.loads(json.dumps(shown, default=str))
    AuditEvent.objects.create(actor=actor, action="transport.set", subject=f"transport:{transport_id}", detail=detail)


def note_way_back(transport_id: int, *, kept: bool, arrived_with: str) -> None:
    """A mail to ourselves has told whether the relay keeps our return path. What changes is on record."""
    with transaction.atomic():
        changed = execute(
            "UPDATE pipeline_transport SET keeps_return_path = %(kept)s"
            " WHERE id = %(id)s AND keeps_return_path IS DISTINCT FROM %(kept)s",
            {"id": transport_id, "kept": kept},
        )
        if changed:
            _note(transport_id, "transport.way-back", kept=kept, arrived_with=arrived_with[:320])


def note_routes(newsletter_id: int, names: Sequence[str], *, actor: str) -> None:
    """The relays of a newsletter have an order now."""
    AuditEvent.objects.create(
        actor=actor, action="newsletter.routes", subject=f"newsletter:{newsletter_id}", detail={"relays": list(names)}
    )


def _note(transport_id: int, action: str, **detail: object) -> None:
    AuditEvent.objects.create(actor="delivery", action=action, subject=f"transport:{transport_id}", detail=detail)
