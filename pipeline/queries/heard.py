"""What the kept messages about a delivery say together, whatever the order they came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.models import FeedbackKind
from pipeline.queries.sql import rows
from pipeline.replies.policy import strength

_HEARD: Final = (
    "SELECT kind, reason, hard, min(received_at), max(received_at) FROM pipeline_feedback"
    " WHERE send_id = %s AND delivery_id = %s AND (status = 'applied' OR status = 'ignored' AND kind LIKE '%%reply')"
    " GROUP BY kind, reason, hard"
)
_ANSWERS: Final = (FeedbackKind.REPLY, FeedbackKind.AUTO_REPLY)


class Bounce(NamedTuple):
    """Since when, and as what of several."""

    at: datetime
    reason: str
    hard: bool

    @property
    def strength(self) -> tuple[bool, int, int]:
        return strength(self.reason, hard=self.hard)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said of one delivery."""

    bounces: Mapping[tuple[str, bool], datetime]
    """Reason and whether it is dead → when it was first said."""
    delayed_at: datetime | None = None
    complained_at: datetime | None = None
    alive_at: datetime | None = None
    """The last answer."""

    @property
    def bounce(self) -> Bounce | None:
        if not self.bounces:
            return None
        reason, hard = max(self.bounces, key=lambda said: strength(said[0], hard=said[1]))
        return Bounce(min(self.bounces.values()), reason, hard)

    def reasons_until(self, latest: datetime) -> set[tuple[str, bool]]:
        """What was said by then."""
        return {said for said, at in self.bounces.items() if at <= latest}


def heard(send_id: int, delivery_id: int) -> Heard:
    """Read it from all that is kept and was believed. A few rows, however many messages there were."""
    found = rows(_HEARD, [send_id, delivery_id])
    done = [row for row in found if row[0] in {FeedbackKind.BOUNCE, FeedbackKind.DELAY, FeedbackKind.COMPLAINT}]
    firsts = {kind: min(at for each, _, _, at, _ in done if each == kind) for kind in {row[0] for row in done}}
    return Heard(
        bounces={(reason, hard): at for kind, reason, hard, at, _ in done if kind == FeedbackKind.BOUNCE},
        delayed_at=firsts.get(FeedbackKind.DELAY),
        complained_at=firsts.get(FeedbackKind.COMPLAINT),
        alive_at=max((last for kind, *_, last in found if kind in _ANSWERS), default=None),
    )
