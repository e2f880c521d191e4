"""What a batch asks before it starts a message, and tells after it."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import InterfaceError, OperationalError, connection

from pipeline import transitions
from pipeline.delivery.envelope import Result
from pipeline.delivery.pacing.bucket import UNLIMITED, Bucket
from pipeline.delivery.pacing.manners import LOOK_SECONDS, Manners
from pipeline.limits.destinations import destination_of
from pipeline.queries import gives_way, may_go_slowly
from pipeline.transitions import Claimed

__all__ = ["UNLIMITED", "Pacing"]
logger = logging.getLogger(__name__)


class Pacing:
    """The relay's grants and its destinations' manners, as one batch keeps them.

    `teaches`: the relay answers with the words of the recipient's side, as far as is known.
    """

    def __init__(
        self,
        send_id: int,
        transport_id: int,
        *,
        rate: float | None,
        teaches: bool = True,
        scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send_id, self._transport_id, self._clock = send_id, transport_id, clock
        self._relay = Bucket(partial(transitions.draw, transport_id, rate=rate), clock=clock)
        self._manners = Manners(transport_id, send_id, teaches=teaches, scale=scale, clock=clock)
        self._gives_way = False
        self._parked: dict[tuple[str, timedelta], list[int]] = defaultdict(list)
        self._claim_at = clock()
        self.waiting = False
        """Nothing could be claimed although something is due: its destination goes slowly."""

    @property
    def over(self) -> bool:
        """Nothing can be started for longer than it is worth waiting, or an urgent send goes first."""
        return self._relay.over or self._gives_way

    @property
    def relay_is_busy(self) -> bool:
        """Everybody says that we are too fast, so it is the relay that says it."""
        return self._manners.all_complain

    def allowed(self) -> int:
        """How many may be started now."""
        try:
            self._look()
            return self._relay.allowed()
        except (OperationalError, InterfaceError) as error:
            logger.warning("no grant could be drawn, once more in a second: %s", error)
            connection.close()
            self._relay.starve()
            return 0

    def spend(self, number: int) -> None:
        """Say that so many were started."""
        self._relay.spend(number)

    def wait(self) -> float:
        """Seconds until asking again is worth it; a second at most."""
        return max(self._relay.wait(), self._claim_at - self._clock() if self.waiting else 0.0)

    def claim(self, *, lease_id: int, most: int) -> list[Claimed]:
        """Take deliveries of this send that may go now, as far as their destinations are concerned."""
        if self.waiting and self._clock() < self._claim_at:
            return []
        self._put_back(lease_id)
        self._look()
        if self._gives_way:
            return []
        caps = self._manners.caps()
        found = transitions.claim(self._send_id, lease_id=lease_id, most=most, caps=caps)
        self.waiting = not found and bool(caps) and may_go_slowly(self._send_id, self._manners.going_slowly())
        if self.waiting:
            self._claim_at = self._clock() + min(max(self._manners.wait(), 0.01), LOOK_SECONDS)
        return found

    def parks(self, one: Claimed) -> bool:
        """Whether this one must wait after all; it is put back then."""
        if not self._manners.any or (wait := self._manners.parked_for(one)) is None:
            return False
        self._parked[destination_of(one.address_key), wait].append(one.id)
        return True

    def heard(self, one: Claimed, result: Result) -> bool:
        """Learn from a reply; True if it is the destination that has had enough, and not the relay."""
        return self._manners.heard(one, result) and not self.relay_is_busy

    def close(self, *, lease_id: int) -> None:
        """Put back what is parked, give back what is left of the hour and the day, write down what was learned."""
        self._put_back(lease_id)
        self._manners.close()
        if (unused := self._relay.unused()) is not None:
            transitions.give_back_unused(self._transport_id, unused)

    def _look(self) -> None:
        """Once a second, and at once after a destination's trouble: who must wait, and whether this send must."""
        if self._manners.look():
            self._gives_way = gives_way(self._send_id, self._transport_id)

    def _put_back(self, lease_id: int) -> None:
        while self._parked:
            (destination, wait), ids = self._parked.popitem()
            transitions.park(self._send_id, lease_id=lease_id, ids=ids, destination=destination, wait=wait)
