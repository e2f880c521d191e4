"""The books of a send as SQL counts them, live."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.models import Send
from pipeline.queries.complaints import Complaints, destinations_covered, domains_of
from pipeline.queries.sql import rows, stream

LATELY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Count:
    state: str
    reason: str
    n: int
    lately: int = field(default=0, compare=False)
    """How many of them came there within LATELY."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant as the audit found it."""

    invariant: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    id: int
    subscriber_id: int
    email: str
    state: str
    reason: str
    attempts: int
    retried: bool
    reply: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PersonRow:
    send_id: int
    newsletter: str
    state: str
    reason: str
    reply: str
    updated_at: datetime
    bounced_at: datetime | None
    bounce_reason: str
    delayed_at: datetime | None
    complained_at: datetime | None
    clicked_at: datetime | None
    unsubscribed_at: datetime | None
    id: int
    """Of the delivery, within its send."""


def counts(send_id: int) -> list[Count]:
    """Deliveries by state and reason. One statement, so one snapshot: it adds up at every moment."""
    return [
        Count(*row)
        for row in rows(
            "SELECT state, reason, count(*), count(*) FILTER (WHERE updated_at > now() - %s)"
            " FROM pipeline_delivery WHERE send_id = %s GROUP BY state, reason ORDER BY state, reason",
            [LATELY, send_id],
        )
    ]


def send_summary(send: Send, counted: Sequence[Count] | None = None) -> dict[str, Any]:
    """The status document of DESIGN section 7: counts by state, reasons within each, feedback beside them."""
    by_state: dict[str, int] = {}
    reasons: dict[str, dict[str, int]] = {}
    for count in counts(send.pk) if counted is None else counted:
        by_state[count.state] = by_state.get(count.state, 0) + count.n
        reasons.setdefault(count.state, {})[count.reason] = count.n
    return {
        "send": send.pk,
        "state": send.state,
        "state_reason": send.state_reason,
        "audience": send.audience,
        "counts": by_state,
        "reasons": reasons,
        "feedback": feedback_counts(send.pk),
    }


def feedback_counts(send_id: int) -> dict[str, Any]:
    """What came back about a send: bounces by reason, how many of the other facts, and of whom complaints are known."""
    bounces = rows(
        "SELECT bounce_reason, count(*) FROM pipeline_delivery WHERE send_id = %s AND bounced_at IS NOT NULL"
        " GROUP BY bounce_reason ORDER BY bounce_reason",
        [send_id],
    )
    [(delayed, complained, clicked, left, retried, reached, covered)] = rows(
        "SELECT count(delayed_at), count(complained_at), count(clicked_at), count(unsubscribed_at),"
        " count(*) FILTER (WHERE retried), count(*) FILTER (WHERE reached),"
        " count(*) FILTER (WHERE reached AND split_part(address_key, '@', 2) = ANY(%s))"
        " FROM (SELECT *, state IN ('accepted', 'uncertain', 'held') AND bounced_at IS NULL AS reached"
        "  FROM pipeline_delivery WHERE send_id = %s) d",
        [domains_of(destinations_covered()), send_id],
    )
    return {
        "bounced": dict(bounces),
        "delayed": delayed,
        "complained": complained,
        "clicked": clicked,
        "unsubscribed": left,
        "retried": retried,
        "complaint_coverage": {"people": covered, "of": reached, "share": round(covered / max(reached, 1), 4)},
    }


def complaints_in(found: Mapping[str, Any]) -> Complaints:
    """Those of `feedback_counts`, with of whom one would be known."""
    return Complaints(found["complained"], found["complaint_coverage"]["people"], found["complaint_coverage"]["of"])


def audit(send_id: int) -> list[Finding]:
    """The invariants I1 to I8 of one send, checked in the database."""
    return [
        Finding(name, bool(ok), detail)
        for name, ok, detail in rows("SELECT invariant, ok, detail FROM pressrun_audit(%s)", [send_id])
    ]


def ledger(send_id: int, *, state: str = "") -> Iterator[LedgerRow]:
    """Every delivery of a send in order of id, in constant memory; `state` narrows it."""
    for row in stream(
        "SELECT id, subscriber_id, email, state, reason, attempts, retried, coalesce(reply, ''), updated_at"
        " FROM pipeline_delivery WHERE send_id = %s AND (%s = '' OR state = %s) ORDER BY id",
        [send_id, state, state],
    ):
        yield LedgerRow(*row)


def who(address_key: str) -> list[PersonRow]:
    """One address in every send, newest first: an index probe per send, no index of its own on the bulk table."""
    return [
        PersonRow(*row)
        for row in rows(
            "SELECT s.id, n.name, d.state, d.reason, coalesce(d.reply, ''), d.updated_at, d.bounced_at,"
            "       coalesce(d.bounce_reason, ''), d.delayed_at, d.complained_at, d.clicked_at, d.unsubscribed_at, d.id"
            " FROM pipeline_send s JOIN pipeline_newsletter n ON n.id = s.newsletter_id"
            " CROSS JOIN LATERAL (SELECT * FROM pipeline_delivery d"
            "   WHERE d.send_id = s.id AND d.address_key = %s) d"
            " ORDER BY s.id DESC",
            [address_key],
        )
    ]
