"""What came back of a send: who was refused at once or returned by mail, counted, and one by one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pipeline.limits.destinations import GROUPS
from pipeline.queries.sql import rows, stream

REFUSED: Final = "refused"
"""By SMTP, while it was handed over."""
BOUNCED: Final = "bounced"
"""By mail, after it had been taken."""

_TOLD: Final = (
    "SELECT d.*, split_part(d.address_key, '@', 2) AS domain,"
    " CASE WHEN d.state = 'rejected' THEN 'refused' WHEN d.bounced_at IS NOT NULL THEN 'bounced' ELSE '' END AS way,"
    " CASE WHEN d.state = 'rejected' THEN d.reason ELSE coalesce(d.bounce_reason, 'unknown') END AS what"
    " FROM pipeline_delivery d WHERE d.send_id = %(send)s AND d.reason <> 'render'"
)
_COUNTED: Final = (
    f"WITH told AS ({_TOLD} AND d.state IN ('accepted', 'rejected', 'uncertain', 'held')), named AS"  # noqa: S608
    " (SELECT way, what, domain, coalesce(g.name, domain) AS provider"
    "  FROM told LEFT JOIN unnest(%(domains)s::text[], %(groups)s::text[]) AS g(of, name) ON g.of = domain)"
    " SELECT grouping(way, provider, domain), coalesce(what, provider, domain), way, count(*),"
    "  count(*) FILTER (WHERE way = 'refused'), count(*) FILTER (WHERE way = 'bounced')"
    " FROM named GROUP BY GROUPING SETS ((way, what), (provider), (domain))"
    " HAVING grouping(way) = 0 OR bool_or(way <> '')"
)
_BY_WAY, _BY_PROVIDER, _BY_DOMAIN = 0b011, 0b101, 0b110
"""What PostgreSQL's `grouping` gives: a bit for each column that a row is not grouped by."""
_ONE_BY_ONE: Final = (
    "SELECT t.id, t.subscriber_id, t.email, t.way, t.what, coalesce(t.bounced_at, t.updated_at),"  # noqa: S608
    " coalesce(CASE WHEN t.way = 'refused' THEN t.reply ELSE f.diagnostic END, ''), coalesce(f.rule, ''),"
    " coalesce(f.detail, ''), f.id"
    f" FROM ({_TOLD} AND (d.state = 'rejected' OR d.bounced_at IS NOT NULL) AND d.id > %(after)s) t"
    " LEFT JOIN LATERAL (SELECT * FROM pipeline_feedback f WHERE t.way = 'bounced' AND f.send_id = t.send_id"
    "  AND f.delivery_id = t.id AND f.kind = 'bounce'"
    "  ORDER BY f.reason = t.bounce_reason AND f.hard = t.bounce_hard DESC, f.id LIMIT 1) f ON true"
    " WHERE (%(way)s = '' OR t.way = %(way)s) AND (%(reason)s = '' OR t.what = %(reason)s)"
    " AND (%(everywhere)s OR t.domain = ANY(%(domains)s)) ORDER BY t.id"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A reason, a provider or a domain, and how many of its people have not got the mail."""

    name: str
    tried: int
    """Of whom the relay has answered, or may have the mail. Of a reason: the send's."""
    refused: int
    bounced: int

    @property
    def n(self) -> int:
        return self.refused + self.bounced

    @property
    def share(self) -> float:
        """Of those tried, in per cent."""
        return 100 * self.n / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True)
class Returns:
    """The largest first. All from one snapshot, so the reasons add up to the providers and to the domains."""

    all: Part
    reasons: tuple[Part, ...]
    providers: tuple[Part, ...]
    """Destinations as limits know them (`limits.destinations`): a group of domains, or a domain by itself."""
    domains: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ReturnedRow:
    """One person whom the mail has not reached, in the words of the server that said so."""

    id: int
    subscriber_id: int
    email: str
    way: str
    reason: str
    at: datetime
    words: str
    rule: str
    """What decided the reason, where it is kept: of a bounce. That of a reply follows from its words."""
    done: str
    feedback_id: int | None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which of them are asked for; empty is all. `provider` is a destination's name."""

    reason: str = ""
    way: str = ""
    provider: str = ""
    domain: str = ""

    @property
    def domains(self) -> list[str]:
        if self.domain:
            return [self.domain]
        return [domain for domain, group in GROUPS.items() if group == self.provider] or [self.provider]


def returns_of(send_id: int) -> Returns:
    """Count the refused and the returned of one send by reason, provider and domain, in one reading of its rows."""
    told = rows(_COUNTED, {"send": send_id, "domains": list(GROUPS), "groups": list(GROUPS.values())})
    by_way = [row for row in told if row[0] == _BY_WAY]
    tried = sum(row[3] for row in by_way)
    by_reason: dict[str, Part] = {}
    for _, reason, way, _, refused, bounced in by_way:
        if way:
            was = by_reason.get(reason, Part(reason, tried, 0, 0))
            by_reason[reason] = Part(reason, tried, was.refused + refused, was.bounced + bounced)
    refused, bounced = sum(row[4] for row in by_way), sum(row[5] for row in by_way)
    return Returns(
        all=Part("", tried, refused, bounced),
        reasons=_largest_first(by_reason.values()),
        providers=_largest_first(Part(name, *numbers) for by, name, _, *numbers in told if by == _BY_PROVIDER),
        domains=_largest_first(Part(name, *numbers) for by, name, _, *numbers in told if by == _BY_DOMAIN),
    )


def returned(send_id: int, asked: Narrowed, *, after: int, most: int) -> list[ReturnedRow]:
    """Those who are asked for, in order of id, at most so many of them after this one."""
    parameters = _parameters(send_id, asked) | {"after": after, "most": most}
    return [ReturnedRow(*row) for row in rows(f"{_ONE_BY_ONE} LIMIT %(most)s", parameters)]


def all_returned(send_id: int, asked: Narrowed) -> Iterator[ReturnedRow]:
    """All who are asked for, in constant memory."""
    for row in stream(_ONE_BY_ONE, _parameters(send_id, asked) | {"after": 0}):
        yield ReturnedRow(*row)


def _parameters(send_id: int, asked: Narrowed) -> dict[str, Any]:
    everywhere = not (asked.provider or asked.domain)
    named = {"send": send_id, "way": asked.way, "reason": asked.reason}
    return named | {"everywhere": everywhere, "domains": asked.domains}


def _largest_first(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (-part.n, part.name)))
