"""Whether the work gets done: numbers for probes and monitoring, none of them about a person."""

from dataclasses import dataclass
from typing import Final

from pipeline.queries.alerts import stalled_sends
from pipeline.queries.sql import rows

DOMAINS_NAMED: Final = 20
DEFERRALS_TELLING: Final = 10
"""A domain is named from so many deferrals on: one with fewer may be a single person's own."""
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Vitals:
    sweep_seconds: float | None
    """Since a worker last swept; None: never."""
    due_seconds: float
    """How long ago the oldest thing that waits was due. A send at a slow pace has old ones and is well."""
    open_sends: int
    stalled_sends: int
    """That ought to get on and do not."""


def vitals() -> Vitals:
    """A few index probes per open send, however large it is."""
    [(swept, due, open_sends)] = rows(
        "SELECT (SELECT greatest(extract(epoch FROM now() - at), 0)::float FROM pipeline_marker WHERE name = 'sweep'),"
        " (SELECT coalesce(extract(epoch FROM now() - min(coalesce(waiting.at, s.due_at))), 0)::float"
        "  FROM pipeline_send s LEFT JOIN LATERAL (SELECT min(d.due_at) AS at FROM pipeline_delivery d"
        "    WHERE d.send_id = s.id AND d.state = 'pending') AS waiting ON s.state = 'sending'"
        "  WHERE s.state IN ('scheduled', 'starting') AND s.due_at <= now() OR waiting.at <= now()),"
        " (SELECT count(*) FROM pipeline_send WHERE state IN ('starting', 'sending')"
        "  OR state = 'scheduled' AND due_at <= now())"
    )
    return Vitals(swept, due, open_sends, len(stalled_sends()))


def sends_by_state() -> dict[str, int]:
    return dict(rows("SELECT state, count(*) FROM pipeline_send GROUP BY state"))


def open_deliveries() -> dict[str, int]:
    """What is not closed yet, by state, of the sends that are not over."""
    return dict(
        rows(
            "SELECT d.state, count(*) FROM pipeline_delivery d JOIN pipeline_send s ON s.id = d.send_id"
            " WHERE s.state IN ('sending', 'paused') AND d.state IN ('pending', 'claimed', 'in_flight', 'uncertain')"
            " GROUP BY d.state"
        )
    )


def closed_last_minute() -> dict[str, int]:
    """Deliveries closed within the last minute, by state: the rates. Sends that ended earlier are not read."""
    return dict(
        rows(
            "SELECT d.state, count(*) FROM pipeline_delivery d JOIN pipeline_send s ON s.id = d.send_id"
            " WHERE (s.state IN ('sending', 'paused') OR s.finished_at > now() - interval '1 minute')"
            " AND d.updated_at > now() - interval '1 minute'"
            " AND d.state IN ('accepted', 'rejected', 'expired', 'held') GROUP BY d.state"
        )
    )


def deferrals_by_domain() -> dict[str, int]:
    """How many wait because they were told to try later, for the domains with most; all others are one."""
    return dict(
        rows(
            "WITH counted AS ("
            "  SELECT split_part(d.address_key, '@', 2) AS domain, count(*) AS n FROM pipeline_delivery d"
            "  JOIN pipeline_send s ON s.id = d.send_id"
            "  WHERE s.state IN ('sending', 'paused') AND d.state = 'pending' AND d.reason = 'deferred' GROUP BY 1"
            "), ranked AS (SELECT *, row_number() OVER (ORDER BY n DESC, domain) AS rank FROM counted)"
            " SELECT CASE WHEN rank <= %s AND n >= %s THEN domain ELSE %s END, sum(n)::bigint FROM ranked GROUP BY 1",
            [DOMAINS_NAMED, DEFERRALS_TELLING, OTHER],
        )
    )


def returned_last_day() -> dict[tuple[str, str], int]:
    """What came back within a day, by kind and reason. Each status is a range of one index."""
    found = rows(
        "SELECT kind, reason, count(*) FROM pipeline_feedback"
        " WHERE status IN ('applied', 'ignored', 'quarantined', 'unattributed')"
        " AND received_at > now() - interval '1 day' GROUP BY kind, reason"
    )
    return {(kind, reason): n for kind, reason, n in found}
