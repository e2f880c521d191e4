"""One relay connection in a thread. It speaks SMTP and nothing else: no database, no decisions."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from django.conf import settings

from pipeline.delivery.envelope import Envelope, Result
from pipeline.delivery.relay import Relay
from pipeline.delivery.smtp import Connection, RelayTrouble, Timeouts, never_begun

GROUP_SECONDS: Final = 0.05
"""A group is one less than what a connection hands over in this time, so that a relay that takes 20 ms gets messages
one by one and a death of ours leaves one per connection in doubt, while a fast one does not wait for a commit each."""
GROUP_AT_MOST: Final = 64
HALVED_FROM: Final = 4
"""Groups from this size on are given in halves."""


def greet(relay: Relay, *, helo: str) -> None:
    """Open a connection and close it: raises RelayTrouble if mail could not be handed over now."""
    Connection.open(relay, helo=helo).close()


@dataclass(frozen=True, slots=True)
class Report:
    """What a hand has to say."""

    hand: "Hand"
    results: Sequence[Result] = ()
    asks: int = 0
    """How many portions more it wants."""
    broken: bool = False
    """Its connection is of no more use. It opens another one, and its next report says that it has it."""
    ended: bool = False
    """Its thread has, and this is its last report; nothing that it is given is handed over any more."""
    trouble: RelayTrouble | None = None
    """Why there is no connection, if that is why it ended."""
    defect: Exception | None = None
    lost: Sequence[Hashable] = ()
    """Keys of those of whom nothing will be said because of the defect."""


class Hand:
    """Give it as many portions as it asks for; it reports results. `end()` when there is nothing more.

    When its connection is lost, take back what it has not begun: another may open late, or never.

    A portion is a whole group while groups are small, and else half of one: then it asks for the other half when it
    begins with the first, so that it does not stand still while the books are written.
    """

    def __init__(
        self, relay: Relay, *, helo: str, reports: "SimpleQueue[Report]", may_start: Callable[[], bool]
    ) -> None:
        self._relay, self._helo, self._reports, self._may_start = relay, helo, reports, may_start
        self._portions: SimpleQueue[Sequence[Envelope] | None] = SimpleQueue()
        self._awaits = 0
        """How many portions it has asked for and not yet begun."""
        self._holds: Sequence[Envelope] = ()
        """The portion that nothing was said of yet."""
        self._group = 1
        """How many messages it should have at a time."""
        self._thread = threading.Thread(target=self._live, name="hand", daemon=True)
        self._thread.start()

    @property
    def portion(self) -> int:
        """How many messages it should get next."""
        group = self._group  # read once: the thread may learn a smaller one in between, and a portion be a whole one
        return group // _portions_of(group)

    def give(self, portion: Sequence[Envelope]) -> None:
        """Hand over these next."""
        self._portions.put(portion)

    def end(self) -> None:
        """Close the connection after what it was given and wait for it."""
        self._portions.put(None)
        self._thread.join()

    def take_back(self) -> list[list[Result]]:
        """What it was given and has not begun: for each portion, which it still asks for, a result for each person."""
        taken = list[list[Result]]()
        with suppress(Empty):
            while True:
                portion = self._portions.get_nowait()  # or its thread has it, if it is connected again already
                taken.append([never_begun(envelope, "the connection was lost before") for envelope in portion or ()])
        return taken

    def _live(self) -> None:
        try:
            self._run()
            last = Report(self, ended=True)
        except RelayTrouble as trouble:
            last = Report(self, ended=True, trouble=trouble)
        except Exception as defect:  # noqa: BLE001 (whatever it is, the batch must hear of it and end)
            last = Report(self, ended=True, defect=defect, lost=[envelope.key for envelope in self._holds])
        self._reports.put(last)

    def _run(self) -> None:
        timeouts = Timeouts().scaled(settings.TIME_SCALE)
        while self._may_start():
            with Connection.open(self._relay, helo=self._helo, timeouts=timeouts) as wire:
                if self._hand_over(wire):
                    return

    def _hand_over(self, wire: Connection) -> bool:
        """Portion after portion; True when there are no more, False when another connection is needed."""
        self._reports.put(Report(self, asks=self._ask()))
        while wire.usable:
            portion = self._portions.get()
            if portion is None:
                return True
            self._awaits -= 1
            self._holds = portion
            if asks := self._ask():
                self._reports.put(Report(self, asks=asks))
            began = time.monotonic()
            results = wire.send(portion, may_start=self._may_start)
            self._learn(len(portion), time.monotonic() - began)
            self._holds = ()
            self._reports.put(Report(self, results, self._ask() if wire.usable else 0, broken=not wire.usable))
        return False

    def _ask(self) -> int:
        """How many portions more it wants; they are asked for by this."""
        asks = max(0, _portions_of(self._group) - self._awaits - bool(self._holds))
        self._awaits += asks
        return asks

    def _learn(self, handed: int, seconds: float) -> None:
        fits = int(handed / max(seconds, 1e-6) * GROUP_SECONDS) - 1
        self._group = max(1, min(fits, 2 * self._group, GROUP_AT_MOST))


def _portions_of(group: int) -> int:
    """In how many portions a group is given."""
    return 2 if group >= HALVED_FROM else 1
