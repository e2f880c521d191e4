"""Clicks in memory, written to the books together, so that following a link costs its reader no write.

What a process that is killed, or whose database is away, had not written is lost: counts and the time of a click,
never a link or a mail. There is no thread but the short one that writes, and it starts after any fork.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import Error, connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Click:
    """A link was followed; by the reader of this delivery, where the link said so."""

    link_id: int
    at: datetime
    reader: tuple[int, int] | None = None
    """send, delivery."""


class Tally:
    """Hands what it was given to `write` after `seconds`, or as soon as there are `most`. Safe in threads."""

    def __init__(self, write: Callable[[Sequence[Click]], None], *, seconds: float = 1.0, most: int = 1_000) -> None:
        self._write, self._seconds, self._most = write, seconds, most
        self.forget()

    def forget(self) -> None:
        """Begin anew, in the child of a fork: what was waiting is its parent's to write."""
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._waiting: list[Click] = []
        self._timer: threading.Timer | None = None

    def add(self, click: Click) -> None:
        with self._lock:
            self._waiting.append(click)
            full = len(self._waiting) >= self._most
            if self._timer is None and not full:
                self._timer = threading.Timer(self._seconds, self._in_a_while)
                self._timer.daemon = True
                self._timer.start()
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, and wait for whoever is writing already: after this, all that came before is there."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
                timer, self._timer = self._timer, None
            if timer:
                timer.cancel()
            if waiting:
                self._try(waiting)

    def _try(self, clicks: Sequence[Click]) -> None:
        try:
            self._write(clicks)
        except Error:
            log.exception("%d clicks could not be counted and are lost; the links themselves work", len(clicks))

    def _in_a_while(self) -> None:
        try:
            self.flush()
        finally:
            connection.close()  # the thread's own


def by_link(clicks: Sequence[Click]) -> Counter[int]:
    return Counter(click.link_id for click in clicks)


def by_reader(clicks: Sequence[Click]) -> dict[tuple[int, int], datetime]:
    """When each reader clicked first."""
    first: dict[tuple[int, int], datetime] = {}
    for click in clicks:
        if click.reader is not None:
            first.setdefault(click.reader, click.at)
    return first
