"""What a batch comes to think of its relay, and what follows for the relay when the batch is over."""

import logging
from datetime import timedelta
from typing import Final

from pipeline import transitions
from pipeline.delivery.batch.hand import Report
from pipeline.delivery.envelope import Verdict
from pipeline.delivery.routing import relay_failed
from pipeline.delivery.smtp import RelayTrouble
from pipeline.models import Send

logger = logging.getLogger(__name__)
FRUITLESS_AT_MOST: Final = 3
"""Connections in a row that end before anything was answered, until the relay counts as away."""


class Impression:
    """Tell it every report of a hand; `judge` at the end."""

    def __init__(self) -> None:
        self.answered = False
        """It said yes or no to something."""
        self._fruitless = 0
        self._trouble: RelayTrouble | None = None

    @property
    def is_away(self) -> bool:
        """It lets us in and hangs up, again and again."""
        return self._fruitless > FRUITLESS_AT_MOST

    def heard(self, report: Report, *, taught: bool, stopped: bool) -> None:
        """A hand reported. `taught`: a destination has had enough. `stopped`: it is we who end connections."""
        self._trouble = report.trouble or self._trouble
        if not report.results:
            return
        unsent = all(result.verdict is Verdict.UNSENT for result in report.results)
        if not report.broken or taught or not unsent:
            self.answered, self._fruitless = True, 0
        elif not stopped:
            self._fruitless += 1

    def judge(self, send: Send, transport_id: int, *, busy: bool) -> None:
        """Let a relay rest that gave no answer at all, or pause for a person; what one connection met is no reason.

        `busy`: it asks to be given less.
        """
        first_wait = timedelta(seconds=send.retry[0])
        if busy:
            why = "It asks to be given less, whoever the mail is for."
            relay_failed(send, transport_id, why=why, first_wait=first_wait, for_good=False)
        elif self.answered:
            transitions.clear_backoff(transport_id)
            if self._trouble:
                logger.info("a connection of send %s ended: %s", send.pk, self._trouble)
        elif self._trouble or self._fruitless:
            why = str(self._trouble or "It closes every connection before it takes a message.")
            for_good = bool(self._trouble and not self._trouble.temporary)
            relay_failed(send, transport_id, why=why, first_wait=first_wait, for_good=for_good)
