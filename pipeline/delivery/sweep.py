"""Finds what is due and what was left lying: the one clock of the system, safe to run anywhere, any number of times."""

import logging

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from pipeline import transitions
from pipeline.delivery.relay import RelayUrlError
from pipeline.models import Send, SendState
from pipeline.queries import ringable_sends
from pipeline.queries.sql import execute, rows
from pipeline.readiness import NotReadyError, require_ready

logger = logging.getLogger(__name__)
SWEEP_LOCK = 0x5052_4553_5302


def sweep() -> list[int]:
    """Start due sends, take back from the dead, settle the uncertain, close the books; the sends to ring for.

    A database lock lets one in at a time; whoever comes second rings for what is there and leaves.
    """
    [(ours,)] = rows("SELECT pg_try_advisory_lock(%s)", [SWEEP_LOCK])
    if ours:
        try:
            _tidy()
        finally:
            if connection.connection and not connection.connection.closed:
                rows("SELECT pg_advisory_unlock(%s)", [SWEEP_LOCK])
    return ringable_sends()


def _tidy() -> None:
    transitions.settle_dead_leases(settings.LEASE)
    for send_id in transitions.hold_late_sends():
        logger.warning("send %s was due too long ago and waits for a person", send_id)
    for send in _due():
        _start(send)
    for send_id in transitions.settle_uncertain():
        logger.warning("send %s was paused: too much may have arrived without an answer", send_id)
    transitions.expire_overdue()
    transitions.cancel_leftovers()
    transitions.finish_sends()
    execute(
        "INSERT INTO pipeline_marker (name, text, at) VALUES ('sweep', '', now())"
        " ON CONFLICT (name) DO UPDATE SET at = now()"
    )


def _due() -> list[Send]:
    due = Send.objects.filter(state__in=[SendState.SCHEDULED, SendState.STARTING], due_at__lte=Now())
    return list(due.select_related("newsletter", "transport").order_by("due_at", "pk"))


def _start(send: Send) -> None:
    """Start a send, unless the relay has become one that this installation must not use since it was approved."""
    try:
        require_ready(send.newsletter, send.transport, allow_unsafe=bool(send.limits.get("allow_unsafe")))
    except (NotReadyError, RelayUrlError) as error:
        transitions.hold_send(send.pk, why=str(error))
        logger.warning("send %s waits for a person: %s", send.pk, error)
    else:
        transitions.start_send(send.pk)


def last_sweep_seconds() -> float | None:
    """How long ago a worker last swept; None if never."""
    found = rows("SELECT extract(epoch FROM now() - at) FROM pipeline_marker WHERE name = 'sweep'")
    return float(found[0][0]) if found else None
