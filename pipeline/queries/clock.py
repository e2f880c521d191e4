"""What time it is. The database's clock counts: it is one for all machines, however theirs are set."""

import time
from datetime import datetime, timedelta

from pipeline.queries.sql import rows


def now() -> datetime:
    """By the database's clock."""
    return rows("SELECT clock_timestamp()")[0][0]  # type: ignore[no-any-return]


class Clock:
    """The database's time without asking for it again: read once, then as many seconds later as have passed.

    A step of this machine's own clock (NTP, a hand, a change of its zone) does not touch it.
    """

    def __init__(self) -> None:
        self._at, self._began = now(), time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._began)
