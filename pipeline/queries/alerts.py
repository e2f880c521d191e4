"""What has happened that people should hear of without having asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.models import AlertKind, Stop
from pipeline.models.books import TOLD
from pipeline.queries.books import counts
from pipeline.queries.returns import returns_of
from pipeline.queries.sql import rows
from pipeline.queries.storms import frozen_storms, weather_of
from pipeline.queries.work import LAST_RESUMED, next_work, ringable_sends
from pipeline.replies import Reason

REMEMBERED: Final = timedelta(days=1)
"""What happened to a send is told for so long after it happened, should nothing have been able to tell it before."""
LATE_AFTER: Final = timedelta(minutes=15)
SETTLED_AFTER: Final = timedelta(days=5)
"""After a send has finished. Relays try for four to five days before they return a mail (RFC 5321 section 4.5.4.1)."""
SILENT_AFTER: Final = timedelta(days=1)
TELLING: Final = 500
"""Of so many mails handed over, one always comes back or is answered by a program."""
_AUTHORS: Final[Mapping[str, str]] = {
    Reason.RECIPIENT_FILTER: "filtered",
    Reason.POLICY: "objected",
    Reason.TOO_BIG: "too_big",
}
"""What may be the issue's own doing, and the fact that counts it."""
_BRAKES: Final = frozenset({Stop.OUR_FAULT, Stop.DEAD_ADDRESSES, Stop.REFUSALS, Stop.COMPLAINTS})


@dataclass(frozen=True, slots=True)
class Occasion:
    """One event worth telling. The key is its name for ever, so that it is told once."""

    key: str
    kind: AlertKind
    send_id: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stalled:
    """A send with due deliveries on which nobody has worked for a while."""

    send_id: int
    moved_at: datetime
    """When one of its rows last moved, or it could first have: it started, was resumed, or its window opened."""
    seconds: float
    """Since then, or since the oldest of them was due, if that was later."""


def occasions() -> Iterator[Occasion]:
    """Everything that nobody has been told of yet."""
    yield from _acts()
    yield from _storms()
    yield from _late()
    yield from _settled()
    yield from _silent()
    yield from _unreadable()


def stalled_sends(after: timedelta = LATE_AFTER) -> list[Stalled]:
    """Sends that ought to get on and do not: something was due `after` ago, no batch runs, no row has moved since.

    What is rung for and not worked on, or waits for a relay that is away; a limit, a window or a slowed provider may
    hold it up. Only for a send that looks stalled are its rows read; one at a slow pace moves all the time.
    """
    found = [
        Stalled(*row)
        for row in rows(
            "WITH idle AS MATERIALIZED ("  # noqa: S608 (ours)
            "  SELECT s.id, due.at AS due, greatest(s.started_at, s.waits_until, resumed.at) AS since"
            "  FROM pipeline_send s"
            "  CROSS JOIN LATERAL (SELECT min(d.due_at) AS at FROM pipeline_delivery d"
            "                      WHERE d.send_id = s.id AND d.state = 'pending') AS due"
            f"  CROSS JOIN LATERAL {LAST_RESUMED.format(send='s.id')} AS resumed"
            "  WHERE s.state = 'sending' AND due.at < now() - %(after)s"
            "  AND greatest(s.started_at, s.waits_until, resumed.at) < now() - %(after)s"
            "  AND NOT EXISTS (SELECT FROM pipeline_lease l WHERE l.send_id = s.id))"
            " SELECT idle.id, moved.at, extract(epoch FROM now() - greatest(moved.at, idle.due))::float"
            " FROM idle CROSS JOIN LATERAL ("
            "   SELECT greatest(idle.since, max(d.updated_at)) AS at FROM pipeline_delivery d"
            "   WHERE d.send_id = idle.id AND d.state NOT IN ('pending', 'skipped')"
            " ) AS moved WHERE moved.at < now() - %(after)s ORDER BY idle.due",
            {"after": after},
        )
    ]
    ringable = ringable_sends() if found else []
    return [each for each in found if each.send_id in ringable or next_work(each.send_id)[0].startswith("the relay: ")]


def _acts() -> Iterator[Occasion]:
    """What was done to sends, by people and by Pressrun."""
    for pk, action, actor, subject, why, code in rows(
        "SELECT e.id, e.action, e.actor, e.subject, coalesce(e.detail ->> 'why', ''), coalesce(e.detail ->> 'code', '')"
        " FROM pipeline_auditevent e"
        " WHERE e.action = ANY(%s) AND e.at > now() - %s"
        " AND NOT EXISTS (SELECT FROM pipeline_alert a WHERE a.key = 'event:' || e.id) ORDER BY e.id",
        [list(TOLD), REMEMBERED],
    ):
        send_id = int(subject.partition(":")[2])
        kind = _kind(action, code)
        authors = _for_the_author(send_id) if kind is AlertKind.FINISHED else {}
        yield _about(f"event:{pk}", kind, send_id, why=why, by=actor, **authors)


def _kind(action: str, code: str) -> AlertKind:
    kind = AlertKind(action.partition(".")[2])
    if kind is AlertKind.PAUSED and code in _BRAKES:
        return AlertKind.BRAKED
    return AlertKind.UNCERTAIN if kind is AlertKind.PAUSED and code == Stop.UNCERTAIN else kind


def _storms() -> Iterator[Occasion]:
    """Many dead addresses at one destination, about which a person must decide."""
    for storm in frozen_storms():
        key = f"storm:{storm.pk}:{storm.frozen_at:%Y%m%dT%H%M%S}"
        if _is_new(key):
            facts = {"destination": storm.destination, "dead": storm.dead, "tried": storm.tried}
            yield _about(key, AlertKind.STORM, storm.send_id, why="\n".join(weather_of(storm).words), **facts)


def _late() -> Iterator[Occasion]:
    for found in stalled_sends():
        key = f"late:{found.send_id}:{found.moved_at.isoformat()}"
        if _is_new(key):
            why, _until = next_work(found.send_id)
            yield _about(key, AlertKind.LATE, found.send_id, why=why, minutes=int(found.seconds // 60))


def _settled() -> Iterator[Occasion]:
    for (send_id,) in rows(
        "SELECT s.id FROM pipeline_send s WHERE s.state = 'finished'"
        " AND s.finished_at BETWEEN now() - %(after)s - %(remembered)s AND now() - %(after)s"
        " AND NOT EXISTS (SELECT FROM pipeline_alert a WHERE a.key = 'settled:' || s.id)",
        {"after": SETTLED_AFTER, "remembered": REMEMBERED},
    ):
        yield _about(f"settled:{send_id}", AlertKind.SETTLED, send_id, **_for_the_author(send_id))


def _silent() -> Iterator[Occasion]:
    """Sends of which a day later nothing has come back, while of so many something always does."""
    for (send_id,) in rows(
        "SELECT s.id FROM pipeline_send s WHERE s.audience >= %(telling)s AND s.state IN ('sending', 'finished')"
        " AND s.started_at BETWEEN now() - %(after)s - %(remembered)s AND now() - %(after)s"
        " AND NOT EXISTS (SELECT FROM pipeline_alert a WHERE a.key = 'silent:' || s.id)"
        " AND NOT EXISTS (SELECT FROM pipeline_feedback f WHERE f.received_at >= s.started_at)",
        {"after": SILENT_AFTER, "remembered": REMEMBERED, "telling": TELLING},
    ):
        occasion = _about(f"silent:{send_id}", AlertKind.SILENT, send_id)
        if occasion.facts["accepted"] >= TELLING:
            yield occasion


def _unreadable() -> Iterator[Occasion]:
    """Mailboxes that somebody must mend, or that have failed for a while."""
    for pk, name, since, why in rows(
        "SELECT id, name, failing_since, error FROM pipeline_mailbox WHERE enabled AND failing_since IS NOT NULL"
        " AND (needs_person OR failing_since < now() - %s) ORDER BY id",
        [LATE_AFTER],
    ):
        key = f"mailbox:{pk}:{since.isoformat()}"
        if _is_new(key):
            yield Occasion(key, AlertKind.MAILBOX, facts={"mailbox": name, "why": why})


def _for_the_author(send_id: int) -> dict[str, int]:
    """How many have not got it for what may be the issue's own doing, where there are any."""
    return {_AUTHORS[part.name]: part.n for part in returns_of(send_id).reasons if part.name in _AUTHORS}


def _is_new(key: str) -> bool:
    return not rows("SELECT 1 FROM pipeline_alert WHERE key = %s", [key])


def _about(key: str, kind: AlertKind, send_id: int, **facts: Any) -> Occasion:
    """With what the books say at this moment."""
    [(newsletter, audience, bounced)] = rows(
        "SELECT n.name, s.audience, (SELECT count(bounced_at) FROM pipeline_delivery WHERE send_id = s.id)"
        " FROM pipeline_send s JOIN pipeline_newsletter n ON n.id = s.newsletter_id WHERE s.id = %s",
        [send_id],
    )
    by_state: dict[str, int] = {}
    for count in counts(send_id):
        by_state[count.state] = by_state.get(count.state, 0) + count.n
    told = {"send": send_id, "newsletter": newsletter, "audience": audience, "bounced": bounced, "counts": by_state}
    return Occasion(key, kind, send_id, told | {"accepted": by_state.get("accepted", 0)} | facts)
