"""Grants drawn from the books: what this worker may start next through a relay, and to one of its destinations.

No lock is held while something is reckoned: a meter is written over the turn that was read, and whoever comes second
reads again. So a worker that is stopped in the middle keeps nobody else waiting.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

from pipeline.limits.metering import Grant, Limits, Meter, Unused, daily_limit, take, take_ahead
from pipeline.queries.sql import execute, rows

_ONCE_MORE: Final = 10
"""How often a meter is read again when somebody else has written it; after that nothing is granted this time."""
_METER: Final = "m.turn, m.free_at, m.hour_at, m.hour_count, m.day_at, m.day_count"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A grant, and the database's clock when it was made."""

    grant: Grant
    at: datetime
    limited: bool
    """False: the relay has no limit, and as many as were wanted may be started again and again."""


def draw(
    transport_id: int,
    *,
    wanted: int,
    rate: float | None = None,
    unused: Unused | None = None,
    at: datetime | None = None,
) -> Drawn:
    """Draw for issues. `rate` stands in the relay's address; `at` is the time, else the database's."""
    for _ in range(_ONCE_MORE):
        now, share, whole, reserved, turn, meter = _look(transport_id, rate, at)
        limits = whole.less(reserved)
        if not limits.counted:
            return Drawn(Grant(wanted, now, now), now, limited=False)
        fair = wanted if limits.rate is None else min(wanted, max(1, round(limits.rate / share)))
        after, grant = take(meter, limits, now=now, wanted=fair, unused=unused)
        if _write(transport_id, turn, after, grant):
            return Drawn(grant, now, limited=True)
    return Drawn(Grant(0, now, now), now, limited=True)


def draw_for_own_mail(transport_id: int, *, rate: float | None = None, at: datetime | None = None) -> Drawn:
    """Draw for one of our own mails: also out of the share that issues leave, and before them."""
    for _ in range(_ONCE_MORE):
        now, _share, limits, _reserved, turn, meter = _look(transport_id, rate, at)
        if not limits.counted:
            return Drawn(Grant(1, now, now), now, limited=False)
        after, grant = take_ahead(meter, limits, now=now)
        if not grant.number or _write(transport_id, turn, after, None):
            return Drawn(grant, now, limited=True)
    return Drawn(Grant(0, now, now), now, limited=True)


def draw_for_destination(
    transport_id: int, name: str, *, wanted: int, rate: float, at: datetime | None = None
) -> Drawn:
    """Draw for one destination of a relay, likewise, at its rate of this moment."""
    for _ in range(_ONCE_MORE):
        found = rows(
            "SELECT coalesce(%(at)s::timestamptz, clock_timestamp()), m.id,"  # noqa: S608 (ours)
            f" (SELECT count(*) FROM pipeline_lease l WHERE l.transport_id = m.transport_id), {_METER}"
            " FROM pipeline_destination m WHERE m.transport_id = %(transport)s AND m.name = %(name)s",
            {"transport": transport_id, "name": name, "at": at},
        )
        [(now, pk, share, turn, *meter)] = found
        fair = min(wanted, max(1, round(rate / max(1, share))))
        after, grant = take(_meter(meter), Limits(rate=rate), now=now, wanted=fair)
        if execute(
            "UPDATE pipeline_destination SET turn = turn + 1, free_at = %s WHERE id = %s AND turn = %s",
            [after.free_at, pk, turn],
        ):
            return Drawn(grant, now, limited=True)
    return Drawn(Grant(0, now, now), now, limited=True)


def give_back_unused(transport_id: int, unused: Unused) -> None:
    """Count down what a batch that ends has left over of its hour and day. What a dead one had simply lapses."""
    execute(
        "UPDATE pipeline_transportmeter SET turn = turn + 1, rests_until = NULL, rests_for = '',"
        " hour_count = CASE WHEN hour_at = date_trunc('hour', %(at)s::timestamptz, 'UTC')"
        "              THEN greatest(hour_count - %(number)s, 0) ELSE hour_count END,"
        " day_count = CASE WHEN day_at = date_trunc('day', %(at)s::timestamptz, 'UTC')"
        "              THEN greatest(day_count - %(number)s, 0) ELSE day_count END"
        " WHERE transport_id = %(transport)s",
        {"transport": transport_id, "number": unused.number, "at": unused.granted_at},
    )


def _look(
    transport_id: int, rate: float | None, at: datetime | None
) -> tuple[datetime, int, Limits, int, int | None, Meter]:
    """The time, how many batches share the relay, its limits of today, per cent that issues leave, turn and meter."""
    [(now, share, own_rate, per_hour, per_day, ramp, ramp_from, reserved, *meter)] = rows(
        "SELECT coalesce(%(at)s::timestamptz, clock_timestamp()),"  # noqa: S608 (ours)
        " (SELECT count(*) FROM pipeline_lease l WHERE l.transport_id = t.id),"
        f" t.rate, t.per_hour, t.per_day, t.ramp, t.ramp_from, t.reserved, {_METER}"
        " FROM pipeline_transport t LEFT JOIN pipeline_transportmeter m ON m.transport_id = t.id"
        " WHERE t.id = %(transport)s",
        {"transport": transport_id, "at": at},
    )
    today = daily_limit(per_day, ramp, ramp_from, now.date())
    return now, max(1, share), Limits(own_rate or rate, per_hour, today), reserved, meter[0], _meter(meter[1:])


def _meter(columns: Sequence[object]) -> Meter:
    free_at, hour_at, hour_count, day_at, day_count = columns
    return Meter(free_at, hour_at, hour_count or 0, day_at, day_count or 0)  # type: ignore[arg-type]


def _write(transport_id: int, turn: int | None, meter: Meter, grant: Grant | None) -> bool:
    """Write a meter over the turn that was read; False if somebody else has.

    Whether the relay rests is what a grant for issues says; without one that stays as it is.
    """
    rests = (grant.ends, grant.rests_for) if grant and grant.rests_for else (None, "")
    if turn is None:
        return bool(
            execute(
                "INSERT INTO pipeline_transportmeter"
                " (transport_id, free_at, hour_at, hour_count, day_at, day_count, rests_until, rests_for)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [transport_id, *astuple(meter), *rests],
            )
        )
    also, said = (", rests_until = %s, rests_for = %s", rests) if grant else ("", ())
    return bool(
        execute(
            "UPDATE pipeline_transportmeter SET turn = turn + 1, free_at = %s, hour_at = %s,"  # noqa: S608 (ours)
            f" hour_count = %s, day_at = %s, day_count = %s{also} WHERE transport_id = %s AND turn = %s",
            [*astuple(meter), *said, transport_id, turn],
        )
    )
