"""Watches over a worker from its parent process: whether it is deaf or stuck, or the queue or the database away.

A consumer can go deaf without a word: its connection is half open, and it waits for ever (celery#10502, #8030, #8091).
Nothing is lost by that, but due work ages. So a worker that has rung for sweeps, has heard none of them, and sees in
the database that nobody else has swept either, ends itself; whoever supervises it starts it again. So does one of
whose children a batch never ends, or that leaves due work alone although it hears.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import inf
from typing import Final

import psycopg
from django.conf import settings
from django.db import connection

from pipeline.queries.work import AGED_WORK

logger = logging.getLogger(__name__)
ENDED_ITSELF: Final = 75
"""Exit status for: start me again (EX_TEMPFAIL of sysexits.h)."""
BUSY_AT_MOST: Final = 900.0
"""Seconds after which being at work is no excuse any more; no task takes so long."""
PROBE_SECONDS: Final = 5
CONSUMER_LOOKS_AGAIN: Final = 30.0
"""Seconds at most until a consumer looks for a queue that was away (kombu's `ensure_connection`). Not ours to set."""
AGED_AT: Final = timedelta(minutes=30)
"""No batch lasts so long, however slow its relay; and nothing that may go is due for so long."""


class Verdict(StrEnum):
    FINE = "fine"
    DEAF = "deaf"
    STUCK = "stuck"
    NO_BROKER = "broker"
    NO_DATABASE = "database"


def patience() -> float:
    """Seconds of silence that say something: many sweeps, and long enough for a dead worker's leases to lapse."""
    return max(12 * settings.SWEEP, 2 * settings.LEASE).total_seconds()


@dataclass(frozen=True, slots=True)
class Books:
    """What the database shows of the work."""

    swept: float
    """Seconds since anybody swept, by its clock."""
    aged: bool = False
    """Work of this worker's, or everybody's, stands still."""


def look_into_books(host: str) -> Books | None:
    """None when the database does not answer. `host` is how the names of this worker's leases begin.

    Over a connection of its own that ends here: the parent of a worker must hold none when it forks a child.
    """
    limits = {"connect_timeout": PROBE_SECONDS, "options": f"-c statement_timeout={PROBE_SECONDS}s"}
    try:
        with psycopg.connect(**{**connection.get_connection_params(), **limits}, autocommit=True) as probe:
            found = probe.execute(
                "SELECT (SELECT extract(epoch FROM now() - at)::float FROM pipeline_marker WHERE name = 'sweep'),"  # noqa: S608 (ours)
                f" {AGED_WORK}",
                {"host": host, "age": AGED_AT * settings.TIME_SCALE},
            ).fetchone()
    except psycopg.Error as error:
        logger.warning("the database does not answer: %s", error)
        return None
    swept, aged = found or (None, False)
    return Books(inf if swept is None else swept, aged)


@dataclass(slots=True)
class Watchdog:
    """Is told what the worker hears and rings, and judges. All times are seconds of `clock`."""

    patience: float
    books: Callable[[], Books | None]
    busy: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    _heard: float = field(init=False)
    _rung: float = field(init=False)
    _unrung: float = field(init=False, default=-inf)
    _answered: float = field(init=False)
    _looked: float = field(init=False)
    _moved: float = field(init=False)
    """When no work was seen to stand still."""

    def __post_init__(self) -> None:
        self._begin(self.clock())

    def heard(self) -> None:
        """A message came."""
        self._heard = self.clock()

    def rang(self, *, well: bool) -> None:
        """A sweep was asked for; not `well`: the queue did not take it."""
        if well:
            self._rung = self.clock()
        else:
            self._unrung = self.clock()

    def look(self) -> Verdict:
        """What is to be thought of this worker now."""
        now = self.clock()
        if now - self._looked > self.patience / 2:  # we were stopped meanwhile: what we missed says nothing
            self._begin(now)
        self._looked = now
        books = self.books()
        if books is not None:
            self._answered = now
        if books is None or not books.aged:
            self._moved = now
        if now - self._answered > self.patience:
            return Verdict.NO_DATABASE
        if now - self._rung > self.patience:
            return Verdict.NO_BROKER
        if books is not None and self._is_deaf(now, books.swept):
            return Verdict.DEAF
        return Verdict.STUCK if now - self._moved > self.patience else Verdict.FINE

    def _is_deaf(self, now: float, swept: float) -> bool:
        silent = now - self._heard
        back = now - self._unrung - CONSUMER_LOOKS_AGAIN
        if min(swept, silent, back) <= self.patience:
            return False
        return silent > BUSY_AT_MOST or not self.busy()

    def _begin(self, now: float) -> None:
        self._heard = self._rung = self._answered = self._looked = self._moved = now
