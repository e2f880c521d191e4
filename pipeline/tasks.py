"""Celery's entry points: ids in, one call, ring again. No decisions here."""

import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from billiard.process import active_children
from celery import signals
from celery.worker import state
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from pipeline import alerts, handing_on, rotation
from pipeline.alerts.away import database_is_back, tell_from_outside
from pipeline.celery import app
from pipeline.delivery import wayback
from pipeline.delivery.batch import Worker, run_batch
from pipeline.delivery.sweep import sweep as sweep_books
from pipeline.domains import lookup
from pipeline.feedback import mailbox
from pipeline.queries import ringable_sends
from pipeline.queries.rulings import ruling_is_due
from pipeline.recheck import look_into
from pipeline.rehearsing import play
from pipeline.transitions import waiting_rehearsals
from pipeline.watchdog import ENDED_ITSELF, Verdict, Watchdog, look_into_books, patience

logger = logging.getLogger(__name__)
STOPPING: Final = multiprocessing.RawValue("b", 0)
"""Made before the fork, so that the parent can tell its children; Celery itself does not. A shared byte and not an
Event: an Event has a lock, and a child killed while it holds it would hang all others."""
HOST: Final = f"{socket.gethostname()}:{os.getpid()}:"
"""Names this worker: imported by the parent before it forks."""
RING_EXPIRES: Final = 3 * settings.SWEEP.total_seconds() + 5
TOLD_AGAIN_SECONDS: Final = 300.0
"""While the queue or the database is away, what could not be told is tried so often."""
_terminated = False


def stopping() -> bool:
    """Whether this worker is ending: nothing new is started then."""
    return _terminated or bool(STOPPING.value)


def _listen_for_the_end() -> None:
    """First line of every task: SIGTERM to a child alone ends its current task in order; the next one works again."""
    global _terminated  # noqa: PLW0603 (a signal handler has nowhere else to write)
    _terminated = False

    def terminated(*_: object) -> None:
        global _terminated  # noqa: PLW0603 (a signal handler has nowhere else to write)
        _terminated = True

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminated)


@app.task(name="pipeline.sweep")
def sweep() -> None:
    """Tidy the books and ring for every send with something due."""
    _listen_for_the_end()
    for send_id in sweep_books():
        ring(send_id)
    for rehearsal_id in waiting_rehearsals():
        ring_rehearsal(rehearsal_id)
    if rotation.is_time_to_look():
        ring_keys()
    if ruling_is_due(timezone.now()):
        ring_rulings()
    if handing_on.is_any_due():
        ring_answers()
    for transport_id in wayback.relays_to_ask():
        ring_way_back(transport_id)
    if mailbox.is_any_due():
        ring_mailboxes()
    try:
        if alerts.note():
            ring_alerts()
    except Exception:
        logger.exception("what there is to tell people could not be noted; the next sweep tries again")


@app.task(name="pipeline.deliver")
def deliver(send_id: int) -> None:
    """Work on a send for a while, then ring: for the others first, so that a big send starves nobody."""
    _listen_for_the_end()
    children = int(os.environ.get("PRESSRUN_CHILDREN", "2"))
    worker = Worker(f"{HOST}{os.getpid()}", HOST, children, stopping, call=lambda: ring(send_id))
    if run_batch(send_id, worker):
        for other in ringable_sends():
            if other != send_id:
                ring(other)
        ring(send_id)


@app.task(name="pipeline.rehearse")
def rehearse(rehearsal_id: int) -> None:
    """Make everyone's message and look at it; nothing is sent."""
    _listen_for_the_end()
    play(rehearsal_id, stopping=stopping)


@app.task(name="pipeline.keys")
def keys() -> None:
    """Sign with the new DKIM keys that have been published."""
    _listen_for_the_end()
    rotation.start_published(lookup.ask)


@app.task(name="pipeline.rulings")
def rulings() -> None:
    """Look into what waits before an address is given up."""
    _listen_for_the_end()
    look_into(lookup.ask, now=timezone.now(), stopping=stopping)


@app.task(name="pipeline.way-back")
def way_back(transport_id: int) -> None:
    """Ask a relay whether it keeps our return path."""
    _listen_for_the_end()
    wayback.try_to_ask(transport_id)


@app.task(name="pipeline.answers")
def answers() -> None:
    """Hand on to editors what readers answered to the wrong address."""
    _listen_for_the_end()
    handing_on.hand_on(stopping=stopping)


@app.task(name="pipeline.mailboxes")
def mailboxes() -> None:
    """Take in what has come to mailboxes."""
    _listen_for_the_end()
    mailbox.look_round(HOST, stopping=stopping)


@app.task(name="pipeline.alert")
def alert() -> None:
    """Hand over what people should hear of."""
    _listen_for_the_end()
    alerts.hand_over(stopping=stopping)


def ring(send_id: int) -> None:
    """Ask for a worker. The broker may be away: the next sweep rings again."""
    _ring(lambda: deliver.apply_async([send_id], expires=RING_EXPIRES, retry=False))


def ring_rehearsal(rehearsal_id: int) -> None:
    """Ask for a worker, likewise."""
    _ring(lambda: rehearse.apply_async([rehearsal_id], expires=RING_EXPIRES, retry=False))


def ring_mailboxes() -> None:
    """Ask for a worker, likewise."""
    _ring(lambda: mailboxes.apply_async(expires=RING_EXPIRES, retry=False))


def ring_alerts() -> None:
    """Ask for a worker, likewise."""
    _ring(lambda: alert.apply_async(expires=RING_EXPIRES, retry=False))


def ring_answers() -> None:
    """Ask for a worker, likewise."""
    _ring(lambda: answers.apply_async(expires=RING_EXPIRES, retry=False))


def ring_keys() -> None:
    """Ask for a worker, likewise; the next turn is in ten minutes."""
    _ring(lambda: keys.apply_async(expires=RING_EXPIRES, retry=False))


def ring_rulings() -> None:
    """Ask for a worker, likewise."""
    _ring(lambda: rulings.apply_async(expires=RING_EXPIRES, retry=False))


def ring_way_back(transport_id: int) -> None:
    """Ask for a worker, likewise; what is not heard is asked again in a week, or by a person."""
    _ring(lambda: way_back.apply_async([transport_id], retry=False))


def ring_sweep() -> bool:
    """Ask for a sweep, now rather than within seconds; False when the queue did not take it."""
    return _ring(lambda: sweep.apply_async(expires=RING_EXPIRES, retry=False))


def queue_answers() -> bool:
    """Whether the broker can be reached now."""
    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1)
    except (OperationalError, OSError):
        return False
    return True


def _ring(send: Callable[[], Any]) -> bool:
    try:
        send()
    except (OperationalError, OSError) as error:
        logger.warning("the queue is away (%s); work is found by the next sweep", error)
        return False
    return True


# The worker's parent process

_WHY_IT_ENDS: Final = {
    Verdict.DEAF: "This worker hears nothing, although the queue takes what it rings and the database answers; "
    "due work ages.",
    Verdict.STUCK: "This worker does not get on: a batch of it never ends, or due work ages although the database "
    "answers.",
}
_ended = threading.Event()
_watchdog: Watchdog | None = None
_gave_up = threading.Event()


@signals.worker_ready.connect
def _start_bell(**_: Any) -> None:
    """Ring the sweep from each worker's parent, so that a worker alone is enough. It touches no database."""
    global _watchdog  # noqa: PLW0603 (Celery's signals have nowhere else to keep it)
    _watchdog = Watchdog(patience(), partial(look_into_books, HOST), busy=lambda: bool(state.reserved_requests))
    threading.Thread(target=_bell, args=(_watchdog,), name="bell", daemon=True).start()


@signals.task_received.connect
def _hear(**_: Any) -> None:
    if _watchdog:
        _watchdog.heard()


def _bell(watchdog: Watchdog) -> None:
    watchdog.rang(well=ring_sweep())
    away, told, teller = Verdict.FINE, 0.0, None
    while not _ended.wait(settings.SWEEP.total_seconds()):
        try:
            watchdog.rang(well=ring_sweep())
            verdict = watchdog.look()
            if verdict in _WHY_IT_ENDS:
                _end_ourselves(_WHY_IT_ENDS[verdict], grace=watchdog.patience)
            if away is Verdict.NO_DATABASE and verdict is not away:
                database_is_back()
            silent = teller is None or teller.poll() is not None
            if silent and (verdict is not away or time.monotonic() - told > TOLD_AGAIN_SECONDS):
                away, told, teller = verdict, time.monotonic(), _tell(verdict)
        except Exception:
            logger.exception("the bell met trouble; it rings on")


def _tell(verdict: Verdict) -> subprocess.Popen[bytes] | None:
    """Have people told what no task could tell them."""
    if verdict not in {Verdict.NO_BROKER, Verdict.NO_DATABASE}:
        return None
    logger.error("the %s is away; people are told", verdict.value)
    return tell_from_outside(verdict.value)


def _end_ourselves(why: str, *, grace: float) -> None:
    """Stop in order; and if even that does not come about, at once, with whatever is stuck."""
    logger.critical("%s It ends now with status %s, to be started again. Nothing is lost.", why, ENDED_ITSELF)
    _gave_up.set()
    STOPPING.value = 1
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    for child in active_children():  # a batch that never ends would keep its lease without us
        os.kill(child.pid, signal.SIGKILL)
    os._exit(ENDED_ITSELF)


def exit_status() -> int:
    """Of a worker that has ended: whether it wants to be started again."""
    return ENDED_ITSELF if _gave_up.is_set() else 0


@signals.worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    _ended.set()
    STOPPING.value = 1
