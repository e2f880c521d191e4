"""What a batch enters in the books: what the relay said, and what goes onto a connection next, in one commit."""

import logging
import random
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from pipeline import transitions
from pipeline.delivery.brake import Brake
from pipeline.delivery.envelope import Result
from pipeline.delivery.outcome import outcome
from pipeline.delivery.retry import next_attempt
from pipeline.models import Send
from pipeline.queries.clock import Clock
from pipeline.replies import classify
from pipeline.transitions import Claimed, Marked

logger = logging.getLogger(__name__)
COMMIT_AGAIN_SECONDS: Final = 0.05
COMMIT_AGAIN_AT_MOST: Final = 2.0


class Entries:
    """Add what was heard; commit it together with the marks of those who are next. True while some are not written."""

    def __init__(self, send: Send, lease_id: int, brake: Brake) -> None:
        self._send, self._lease_id, self._brake = send, lease_id, brake
        self._waits = [timedelta(seconds=seconds) for seconds in send.retry]
        self._clock = Clock()
        self._marked: list[Marked] = []

    def __len__(self) -> int:
        return len(self._marked)

    def add(self, one: Claimed, result: Result) -> None:
        """Say of one delivery what the books shall hold, and when it is due again if it is."""
        found = outcome(result)
        now = self._clock.now()
        state: str = found.state
        reason, meaning, due_at = found.reason, found.meaning, None
        if state == "uncertain":
            due_at = now + settings.UNCERTAIN_WAIT
        elif state == "pending":
            due_at = now
            if found.counts:
                due_at = next_attempt(self._waits, one.attempts + 1, now, random.random())  # noqa: S311 (spreads load)
            # What may have arrived is not given up: the sweep holds it when its time is over.
            if self._send.valid_until and due_at > self._send.valid_until and not one.retried:
                state, reason, due_at = "expired", "too-late", None
                meaning = classify(found.reply)
        self._marked.append(
            Marked(one.id, one.fence, state, reason, found.reply, counts=found.counts, due_at=due_at, meaning=meaning)
        )

    def commit(self, chosen: Sequence[Claimed]) -> dict[int, str]:
        """Write the replies and mark the chosen, together: id → state now. An id that is missing is no longer ours.

        What a relay said is worth waiting for: while the database is away it is tried for as long as a lease lasts.
        """
        patience = time.monotonic() + settings.LEASE.total_seconds()
        for attempt in count():
            try:
                return self._commit_once(chosen)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() > patience:
                    raise
                logger.warning("the books of send %s could not be written, once more: %s", self._send.pk, error)
                connection.close()
                time.sleep(min(COMMIT_AGAIN_SECONDS * 2**attempt, COMMIT_AGAIN_AT_MOST))
        raise AssertionError  # count() does not end

    def _commit_once(self, chosen: Sequence[Claimed]) -> dict[int, str]:
        if not self._marked:
            return transitions.mark_in_flight(self._send.pk, lease_id=self._lease_id, claimed=chosen)
        goes_well = all(one.state == "accepted" for one in self._marked)
        if goes_well and not self._brake.tells(len(self._marked)):
            written, states = transitions.record_and_mark(
                self._send.pk, self._marked, lease_id=self._lease_id, claimed=chosen
            )
            self._brake.note(self._marked, written)
            self._marked = []
            return states
        with self._brake.unless_it_fails(), transaction.atomic():
            self._write_replies()
            states = transitions.mark_in_flight(self._send.pk, lease_id=self._lease_id, claimed=chosen)
        self._marked = []
        return states

    def _write_replies(self) -> None:
        if not self._marked:
            return
        written = transitions.record(self._send.pk, self._marked)
        for one in self._marked:  # before the brakes are asked, which see by the rulings where it is that many are dead
            if one.meaning and one.id in written:
                transitions.rule_on(
                    self._send.pk, one.id, one.meaning, words=one.reply, source="smtp", at=self._clock.now()
                )
        self._brake.note(self._marked, written)
