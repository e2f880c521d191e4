"""The freeze: who is in a send's audience becomes one row each, and of many a few go first."""

from datetime import timedelta
from typing import Final

from pipeline.models import Send, TestGroup
from pipeline.queries.audience import audience_of, family
from pipeline.queries.sql import execute, rows
from pipeline.transitions.destinations import known_domains
from subscribers.addresses import parse_address

WAVE_FROM: Final = 5_000
"""A send that reaches fewer people has no first wave."""
WAVE_SHARE: Final = 0.01
WAVE_AT_LEAST: Final = 200
WAVE_AT_MOST: Final = 2_000
WAVE_LASTS: Final = timedelta(minutes=15)
"""So long after the first wave the others follow by themselves, unless a brake or a person stops the send."""
_PUSH_AHEAD: Final = timedelta(seconds=15)
"""A wave that is not out yet is looked at so long before the others are due."""

_FREEZE: Final = """
  INSERT INTO pipeline_delivery (send_id, id, subscriber_id, proof_hash, email, address_key, state, reason,
    fence, attempts, retried, due_at, destination)
  SELECT %(send)s, id, subscriber_id, proof_hash, email, address_key,
    CASE WHEN left_out IS NULL THEN 'pending' ELSE 'skipped' END, coalesce(left_out, 'new'), 0, 0, false,
    CASE WHEN left_out IS NULL THEN now() + {later} END, coalesce(known.destination, '')
  FROM ({ordered}) AS audience
  LEFT JOIN unnest(%(domains)s::text[], %(destinations)s::text[]) AS known(domain, destination)
    ON known.domain = split_part(address_key, '@', -1)
"""
_PLAIN: Final = "SELECT *, row_number() OVER () AS id FROM ({audience}) AS audience"
# A relay that is being warmed up meets those first who came last, and remember it.
_RECENT_FIRST: Final = """
  SELECT *, row_number() OVER (ORDER BY (
    SELECT max(m.changed_at) FROM subscribers_subscription m
    WHERE m.subscriber_id = audience.subscriber_id AND m.list_id = ANY(%(lists)s) AND m.state = 'subscribed'
  ) DESC NULLS LAST) AS id FROM ({audience}) AS audience"""
# The desk's own addresses first. Then the people of each domain, drawn by a hash, in turn: of a domain with four times
# the readers twice as many, so that the big ones weigh more and the small ones are there.
_WAVE_FIRST: Final = """
  SELECT *, row_number() OVER (ORDER BY place, address_key) AS id,
    count(*) FILTER (WHERE left_out IS NULL) OVER () AS reached
  FROM (
    SELECT *, CASE WHEN left_out IS NOT NULL THEN 'infinity' WHEN address_key = ANY(%(seeds)s) THEN 0
      ELSE row_number() OVER domain / sqrt(count(*) OVER (PARTITION BY split_part(address_key, '@', -1), left_out))
      END::float8 AS place
    FROM ({audience}) AS audience
    WINDOW domain AS (PARTITION BY split_part(address_key, '@', -1), left_out ORDER BY md5(address_key || %(send)s))
  ) AS placed
"""
_LATER: Final = """CASE WHEN reached >= %(wave_from)s
    AND id > least(%(at_most)s, greatest(%(at_least)s, ceil(reached * %(share)s))) THEN %(lasts)s
    ELSE interval '0' END"""


def freeze(send: Send) -> tuple[int, int]:
    """Write a row for everybody in the audience. How many, and how many of them are the first wave (0: there is none).

    One statement; each reachable person is pending, each other one skipped with the reason. Rows 1 to n are the first
    wave, and the rest is due when it is over, so that going on takes no further act.
    """
    if send.parent_id:  # one at a time of those that follow each other, so that each sees whom the others have taken
        Send.objects.select_for_update(no_key=True).only("pk").get(pk=family(send.parent_id)[0])
    audience = audience_of(send)
    waving = send.first_wave and not send.urgent
    plain = _RECENT_FIRST if send.transport.ramp else _PLAIN
    ordered = (_WAVE_FIRST if waving else plain).format(audience=audience.sql)
    statement = _FREEZE.format(later=_LATER if waving else "interval '0'", ordered=ordered)
    number = execute(statement, audience.parameters() | _parameters(send))
    return number, _wave(send.pk) if waving else 0


def push_waves() -> list[int]:
    """Let the others wait on where the first wave is not half out when its time is nearly over. The sends.

    The relay was away, or the window closed: what has not been seen cannot be judged.
    """
    found = rows(
        "SELECT s.id, s.wave, s.wave_until FROM pipeline_send s WHERE s.state = 'sending' AND s.wave > 0"
        " AND s.wave_until < now() + %s AND 2 * (SELECT count(*) FROM pipeline_delivery d WHERE d.send_id = s.id"
        "   AND d.id <= s.wave AND d.state IN ('pending', 'claimed', 'in_flight') AND d.attempts = 0"
        "   AND NOT EXISTS (SELECT FROM pipeline_storm w WHERE w.send_id = s.id AND w.state = 'frozen'"
        "                   AND w.destination = d.destination)) > s.wave",
        [_PUSH_AHEAD],
    )
    for send_id, wave, _until in found:
        execute("UPDATE pipeline_send SET wave_until = now() + %s WHERE id = %s", [WAVE_LASTS, send_id])
        execute(
            "UPDATE pipeline_delivery SET due_at = now() + %s WHERE send_id = %s AND id > %s AND state = 'pending'"
            " AND attempts = 0",
            [WAVE_LASTS, send_id, wave],
        )
    return [int(send_id) for send_id, _, _ in found]


def _wave(send_id: int) -> int:
    """How many are due at once, if others are due later."""
    [(now, later)] = rows(
        "SELECT count(*) FILTER (WHERE due_at = now()), count(*) FILTER (WHERE due_at > now())"
        " FROM pipeline_delivery WHERE send_id = %s AND state = 'pending'",
        [send_id],
    )
    return int(now) if later else 0


def _parameters(send: Send) -> dict[str, object]:
    known = known_domains()
    return {
        "send": send.pk,
        "domains": list(known),
        "destinations": list(known.values()),
        "seeds": [parse_address(email).key for group in TestGroup.objects.all() for email in group.emails],
        "wave_from": WAVE_FROM,
        "share": WAVE_SHARE,
        "at_least": WAVE_AT_LEAST,
        "at_most": WAVE_AT_MOST,
        "lasts": WAVE_LASTS,
    }
