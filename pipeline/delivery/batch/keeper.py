"""Keeps a lease alive beside the work, over a connection of its own, and knows when it no longer is."""

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, LiteralString, Self

import psycopg
from django.conf import settings
from django.db import connection

from pipeline.transitions.leases import LOCK_SPACE

logger = logging.getLogger(__name__)
BEATS_PER_LEASE: Final = 4.5
"""A lease of 45 s is renewed every 10 s."""
SAFE_SHARE: Final = 0.7
"""Beyond this share of the lease without a renewal nothing new is started: others may think us dead soon."""


class LeaseKeeper:
    """Use as a context manager; `alive()` may be asked from any thread.

    Its session holds the lease's advisory lock, which the kernel's end of the socket frees the moment we die. The
    age of the last renewal is taken from a clock that goes on while we are stopped (SIGSTOP, a suspended laptop), so
    that we find ourselves dead before we write another message.
    """

    def __init__(self, lease_id: int) -> None:
        self._lease_id = lease_id
        self._length = settings.LEASE.total_seconds()
        self._ended = threading.Event()
        self._renewed = _now()
        self._lost = False
        self._session = psycopg.connect(**connection.get_connection_params(), autocommit=True)
        self._thread = threading.Thread(target=self._beat, name=f"lease-{lease_id}", daemon=True)

    def __enter__(self) -> Self:
        # What this session writes is worth nothing after a crash of the server, which ends all leases.
        self._session.execute("SET synchronous_commit = off")
        self._session.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, self._lease_id])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._session.close()

    def alive(self) -> bool:
        """Whether new messages may be started under this lease."""
        return not self._lost and _now() - self._renewed < SAFE_SHARE * self._length

    def note(self, making: int | None) -> bool:
        """Write down which suspect is being made, for whoever finds us dead; False if it could not be written."""
        return self._write("UPDATE pipeline_lease SET making = %s WHERE id = %s", [making, self._lease_id])

    def _beat(self) -> None:
        while not self._ended.wait(self._length / BEATS_PER_LEASE):
            before = _now()
            if not self._write("UPDATE pipeline_lease SET renewed_at = now() WHERE id = %s", [self._lease_id]):
                return
            self._renewed = before

    def _write(self, statement: LiteralString, values: Sequence[int | None]) -> bool:
        try:
            written = self._session.execute(statement, values).rowcount
        except psycopg.Error as error:
            logger.warning("lease %s cannot be renewed, its batch ends: %s", self._lease_id, error)
        else:
            if written:
                return True
            logger.warning("lease %s was taken away, its batch ends", self._lease_id)
        self._lost = True
        return False


def _now() -> float:
    """Seconds that count a suspended machine's sleep too, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
