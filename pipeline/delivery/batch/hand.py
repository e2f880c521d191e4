"""One relay connection in a thread. It speaks SMTP and nothing else: no database, no decisions."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

from django.conf import settings

from pipeline.delivery.envelope import Envelope, Result
from pipeline.delivery.relay import Relay
from pipeline.delivery.smtp import Connection, RelayTrouble, Timeouts

GROUP_SECONDS: Final = 0.05
"""A group is one less than what a connection hands over in this time, so that a relay that takes 20 ms gets messages
one by one and a death of ours leaves one per connection in doubt, while a fast one does not wait for a commit each."""
GROUP_AT_MOST: Final = 64


def greet(relay: Relay, *, helo: str) -> None:
    """Open a connection and close it: raises RelayTrouble if mail could not be handed over now."""
    Connection.open(relay, helo=helo).close()


@dataclass(frozen=True, slots=True)
class Report:
    """What a hand has to say. `ready`: it wants the next group. `trouble` or `defect`: its thread has ended."""

    hand: "Hand"
    results: Sequence[Result] = ()
    ready: bool = False
    trouble: RelayTrouble | None = None
    defect: Exception | None = None
    lost: Sequence[Hashable] = ()
    """Keys of those of whom nothing will be said because of the defect."""


class Hand:
    """Give it a group when it reports ready; it reports results. `end()` when there is nothing more."""

    def __init__(
        self, relay: Relay, *, helo: str, reports: "SimpleQueue[Report]", may_start: Callable[[], bool]
    ) -> None:
        self._relay, self._helo, self._reports, self._may_start = relay, helo, reports, may_start
        self._groups: SimpleQueue[Sequence[Envelope] | None] = SimpleQueue()
        self._holds: Sequence[Envelope] = ()
        """The group that nothing was said of yet."""
        self.group = 1
        """How many messages it should get next."""
        self._thread = threading.Thread(target=self._live, name="hand", daemon=True)
        self._thread.start()

    def give(self, group: Sequence[Envelope]) -> None:
        """Hand over this group next."""
        self._groups.put(group)

    def end(self) -> None:
        """Close the connection after the current group and wait for it."""
        self._groups.put(None)
        self._thread.join()

    def _live(self) -> None:
        try:
            self._run()
        except Exception as defect:  # noqa: BLE001 (whatever it is, the batch must hear of it and end)
            self._reports.put(Report(self, defect=defect, lost=[envelope.key for envelope in self._holds]))

    def _run(self) -> None:
        while self._may_start() and (wire := self._open()) is not None:
            with wire:
                if self._hand_over(wire):
                    return

    def _hand_over(self, wire: Connection) -> bool:
        """Group after group; True when there are no more, False when another connection is needed."""
        self._reports.put(Report(self, ready=True))
        while wire.usable:
            group = self._groups.get()
            if group is None:
                return True
            self._holds = group
            began = time.monotonic()
            results = wire.send(group, may_start=self._may_start)
            self._learn(len(group), time.monotonic() - began)
            self._holds = ()
            self._reports.put(Report(self, results, ready=wire.usable))
        return False

    def _open(self) -> Connection | None:
        try:
            timeouts = Timeouts().scaled(settings.TIME_SCALE)
            return Connection.open(self._relay, helo=self._helo, timeouts=timeouts)
        except RelayTrouble as trouble:
            self._reports.put(Report(self, trouble=trouble))
            return None

    def _learn(self, handed: int, seconds: float) -> None:
        fits = int(handed / max(seconds, 1e-6) * GROUP_SECONDS) - 1
        self.group = max(1, min(fits, 2 * self.group, GROUP_AT_MOST))
