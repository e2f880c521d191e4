"""Finds what is due and what was left lying: the one clock of the system, safe to run anywhere, any number of times."""

import logging
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import OperationalError, connection
from django.db.models.functions import Now

from pipeline import transitions
from pipeline.delivery import epoch
from pipeline.delivery.relay import RelayUrlError
from pipeline.delivery.schedule import Window
from pipeline.models import Send, SendState
from pipeline.queries import ringable_sends
from pipeline.queries.sql import execute, rows
from pipeline.readiness import NotKnownError, NotReadyError, require_ready
from pipeline.transitions.waiting import keep_windows

logger = logging.getLogger(__name__)
SWEEP_LOCK = 0x5052_4553_5302


def sweep() -> list[int]:
    """Start due sends, take back from the dead, settle the uncertain, close the books; the sends to ring for.

    A database lock lets one in at a time; whoever comes second rings for what is there and leaves. Before all else
    it is made sure that the books are those of the last sweep, and not of a backup.
    """
    [(ours,)] = rows("SELECT pg_try_advisory_lock(%s)", [SWEEP_LOCK])
    if ours:
        try:
            _impatient()
            epoch.guard()
            for step in (_take_back, _hold_late, _keep_windows, _start_due, _settle, _see_storms, _close, _forget):
                _guarded(step)
        finally:
            _let_go()
    return ringable_sends()


def _guarded(step: Callable[[], None]) -> None:
    """One step's trouble must not keep the others, or the next sweep, from their work."""
    try:
        step()
    except OperationalError as error:  # a lock that is not to be had, as while the tables change; a server that ends
        logger.warning("the sweep could not %s; the next one tries again: %s", _name(step), error)
        if not connection.is_usable():
            raise
    except Exception:
        logger.exception("the sweep could not %s; the next one tries again", _name(step))
        if not connection.is_usable():
            raise


def _name(step: Callable[[], None]) -> str:
    """`take back`, `start due` …, for people who read the log."""
    return getattr(step, "__name__", "start a send").strip("_").replace("_", " ")


def _impatient() -> None:
    """A sweep that is stopped, or waits for a lock of somebody who is, gives the lock of all sweeps back by itself."""
    execute(
        "SELECT set_config('idle_session_timeout', %(lease)s, false), set_config('lock_timeout', %(lease)s, false),"
        " set_config('idle_in_transaction_session_timeout', %(lease)s, false)",
        {"lease": f"{settings.LEASE.total_seconds():.0f}s"},
    )


def _let_go() -> None:
    if connection.is_usable():
        execute("SELECT set_config('idle_session_timeout', '0', false), set_config('lock_timeout', '0', false)")
        rows("SELECT pg_advisory_unlock(%s)", [SWEEP_LOCK])


def _take_back() -> None:
    transitions.settle_dead_leases(settings.LEASE)


def _hold_late() -> None:
    for send_id in transitions.hold_late_sends():
        logger.warning("send %s was due too long ago and waits for a person", send_id)


def _keep_windows() -> None:
    keep_windows(lambda send, now: Window.parse(send.window).opens(now, send.zone))
    for send_id in transitions.push_waves():
        logger.warning("the first wave of send %s is not out yet, so the others wait on", send_id)


def _start_due() -> None:
    for send in _due():
        _guarded(partial(_start, send))


def _settle() -> None:
    for send_id in transitions.settle_uncertain():
        logger.warning("send %s was paused: too much may have arrived without an answer", send_id)


def _see_storms() -> None:
    for storm in transitions.look_for_storms():
        logger.warning(
            "too many addresses of send %s are dead at %s; a person decides", storm.send_id, storm.destination
        )


def _close() -> None:
    transitions.expire_overdue()
    transitions.cancel_leftovers()
    for send_id in transitions.finish_sends():
        transitions.keep_tried(send_id)
    execute(
        "INSERT INTO pipeline_marker (name, text, at) VALUES ('sweep', '', now())"
        " ON CONFLICT (name) DO UPDATE SET at = now()"
    )


def _forget() -> None:
    if gone := transitions.forget_expired():
        logger.info("%s returned messages were kept long enough and are deleted", gone)


def _due() -> list[Send]:
    due = Send.objects.filter(state__in=[SendState.SCHEDULED, SendState.STARTING], due_at__lte=Now())
    due = due.exclude(waits_until__gt=Now())
    return list(due.select_related("newsletter", "transport").order_by("due_at", "pk"))


def _start(send: Send) -> None:
    """Start a send, unless the relay has become one that this installation must not use since it was approved."""
    try:
        require_ready(send.newsletter, send.transport, allow_unsafe=bool(send.limits.get("allow_unsafe")))
    except NotKnownError as error:
        logger.warning("send %s is not started yet: %s", send.pk, error)
    except (NotReadyError, RelayUrlError) as error:
        transitions.hold_send(send.pk, why=str(error))
        logger.warning("send %s waits for a person: %s", send.pk, error)
    else:
        transitions.start_send(send.pk)


def last_sweep_seconds() -> float | None:
    """How long ago a worker last swept; None if never."""
    found = rows("SELECT extract(epoch FROM now() - at) FROM pipeline_marker WHERE name = 'sweep'")
    return float(found[0][0]) if found else None
