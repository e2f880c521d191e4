"""What came back, across sends, as people look through it: newest first, narrowed, page by page."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from pipeline.queries.sql import rows

UNATTRIBUTED: Final = "unattributed"
NOT_TRUSTED: Final = "not-trusted"
UNCLASSIFIED: Final = "unclassified"
LISTS: Final = {
    UNATTRIBUTED: "f.status = 'unattributed'",
    NOT_TRUSTED: "f.status = 'quarantined'",
    UNCLASSIFIED: "f.kind = 'bounce' AND f.reason = 'unknown'",
}
"""What wants a person's eyes. Those of them at which nobody has looked have an index of their own."""
_SHOWN: Final = (
    "SELECT f.id, f.received_at, f.source, f.kind, f.status, f.reason, left(f.diagnostic, 1000), f.rule, f.detail,"
    " f.envelope_from, f.send_id, f.delivery_id, f.looked_at, f.looked_by, coalesce(d.email, ''), d.subscriber_id"
    " FROM pipeline_feedback f LEFT JOIN pipeline_delivery d ON d.send_id = f.send_id AND d.id = f.delivery_id"
)
_CONDITIONS: Final = {
    "kind": "f.kind = %(kind)s",
    "status": "f.status = %(status)s",
    "reason": "f.reason = %(reason)s",
    "source": "f.source = %(source)s",
    "send": "f.send_id = %(send)s",
    "before": "f.id < %(before)s",
    "address_key": (
        "(f.send_id, f.delivery_id) IN (SELECT s.id, d.id FROM pipeline_send s CROSS JOIN LATERAL"
        " (SELECT id FROM pipeline_delivery d WHERE d.send_id = s.id AND d.address_key = %(address_key)s) d)"
    ),
    "words": (
        "(position(lower(%(words)s) IN lower(d.address_key)) > 0"
        " OR position(lower(%(words)s) IN lower(f.envelope_from)) > 0)"
    ),
}


@dataclass(frozen=True, slots=True)
class AskedFeedback:
    """Which messages are asked for; empty or 0 is all."""

    of: str = ""
    """One of LISTS."""
    looked: bool = False
    """Those of the list too at which somebody has looked."""
    kind: str = ""
    status: str = ""
    reason: str = ""
    source: str = ""
    send: int = 0
    address_key: str = ""
    """A whole address: found through the books."""
    words: str = ""
    """Part of one: of the reader's, or of who sent the message."""


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    id: int
    received_at: datetime
    source: str
    kind: str
    status: str
    reason: str
    words: str
    rule: str
    done: str
    envelope_from: str
    send_id: int | None
    delivery_id: int | None
    looked_at: datetime | None
    looked_by: str
    email: str
    """Of the delivery it belongs to."""
    subscriber_id: int | None


def feedback_page(asked: AskedFeedback, *, before: int, most: int) -> list[FeedbackRow]:
    """Newest first: at most so many of those that came before this one (0: the newest)."""
    values = asdict(asked) | {"before": before, "most": most}
    conditions = [condition for name, condition in _CONDITIONS.items() if values[name]]
    if asked.of:
        conditions += [LISTS[asked.of], *([] if asked.looked else ["f.looked_at IS NULL"])]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return [FeedbackRow(*row) for row in rows(f"{_SHOWN}{where} ORDER BY f.id DESC LIMIT %(most)s", values)]


def to_look_at() -> dict[str, int]:
    """How many of each list nobody has looked at."""
    counted = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in LISTS.values())
    [found] = rows(
        f"SELECT {counted} FROM pipeline_feedback f WHERE f.looked_at IS NULL"  # noqa: S608 (texts of ours)
        " AND (f.status IN ('unattributed', 'quarantined') OR f.kind = 'bounce' AND f.reason = 'unknown')"
    )
    return dict(zip(LISTS, found, strict=True))


def feedback_of(deliveries: list[tuple[int, int]]) -> list[FeedbackRow]:
    """All that came back about these deliveries, (send, id) each; oldest first."""
    named = {"sends": [send for send, _ in deliveries], "ids": [pk for _, pk in deliveries]}
    theirs = "(f.send_id, f.delivery_id) IN (SELECT * FROM unnest(%(sends)s::bigint[], %(ids)s::bigint[]))"
    return [FeedbackRow(*row) for row in rows(f"{_SHOWN} WHERE {theirs} ORDER BY f.id", named)]
