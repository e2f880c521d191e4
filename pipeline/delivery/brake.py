"""A batch's foot on the brakes: what its relay says is counted for the send, with the replies that matter."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from pipeline.models import Send
from pipeline.transitions import Marked
from pipeline.transitions.brakes import ALARM_AT, DEAD, OURS, count_outcomes
from pipeline.transitions.counts import Told

TELL_AFTER: Final = 200
"""Outcomes without any refusal that are told together, so that a send that goes well pays for no counting."""
CAREFUL_FOR: Final = 200
"""Outcomes after a reply that says that we are the problem, during which few messages at once are in the air."""
NO_LIMIT: Final = 1_000_000


class Brake:
    """Tell it what was written; ask it how many messages may be started."""

    def __init__(self, send: Send, owner: str) -> None:
        self._send_id, self._owner, self._on = send.pk, owner, send.brakes
        self._untold = 0
        self._alarm = 0
        self._careful = 0

    def note(self, marked: Sequence[Marked], written: AbstractSet[int]) -> None:
        """Count replies; it may pause the send. Call it in the transaction that wrote them."""
        if not self._on:
            return
        settled = [one for one in marked if one.id in written and one.state in {"accepted", "rejected"}]
        ours = [
            one for one in settled if one.reason in OURS and one.reply[:1].isdigit()
        ]  # not what we refused ourselves
        dead = sum(one.state == "rejected" and one.reason in DEAD for one in settled)
        self._untold += len(settled)
        self._careful = CAREFUL_FOR if ours else max(0, self._careful - len(settled))
        if ours or dead or self._untold >= TELL_AFTER:
            last = ours[-1] if ours else None
            self._tell(
                Told(
                    outcomes=self._untold,
                    dead=dead,
                    refused=len(ours),
                    words=last.reply if last else "",
                    reason=last.reason if last else "",
                )
            )

    def allowed(self, flying: int) -> int:
        """How many may be started beside those in the air: few while it looks as if we were the problem."""
        return max(1, ALARM_AT - self._alarm - flying) if self._careful else NO_LIMIT

    def end(self) -> None:
        """Tell what was not told yet."""
        if self._on and self._untold:
            self._tell(Told(outcomes=self._untold))

    def _tell(self, told: Told) -> None:
        self._alarm = count_outcomes(self._send_id, self._owner, told)
        self._untold = 0
