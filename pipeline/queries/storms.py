"""What is asked about dead addresses at each destination of a send, to see a storm and to say what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.limits.destinations import GROUPS, destination_of
from pipeline.models import RulingState, Storm, StormState
from pipeline.queries.sql import rows
from pipeline.replies import Reason

DEAD: Final = frozenset({Reason.NO_SUCH_MAILBOX, Reason.NO_SUCH_DOMAIN})
"""What says that an address is dead, as `replies.policy.counted_as` counts it."""
TRIED_FROM: Final = 50
"""Answers of a destination before its share of dead addresses means anything."""
FEW: Final = 5
"""So many dead addresses are no storm anywhere: they are at most a tenth of TRIED_FROM."""
REMEMBERED: Final = timedelta(days=180)
HISTORY_FROM: Final = 200
"""Answers in earlier sends before they say what is usual."""
_OVERLAP: Final = timedelta(minutes=2)
"""Longer than any transaction that makes rulings: one that was not committed at the last look is seen by the next."""
_LOOK_AGAIN: Final = timedelta(seconds=10)
_COUNTED: Final = (RulingState.WAITING, RulingState.FROZEN, RulingState.APPLIED)
ANSWERED: Final = "d.state IN ('accepted', 'rejected') AND d.reason <> 'render'"
"""The other side said yes or no of this one (`d`)."""

# An index gives what was ruled of late, and the rulings of each pair; nothing here reads a delivery.
_STIRRED: Final = """
  WITH stirred AS (
    SELECT DISTINCT send_id, destination FROM pipeline_ruling
    WHERE noted_at > coalesce(%(since)s, '-infinity'::timestamptz) AND reason = ANY(%(dead)s)
      AND (%(send)s::bigint IS NULL OR send_id = %(send)s)
    UNION
    SELECT w.send_id, w.destination FROM pipeline_storm w JOIN pipeline_send s ON s.id = w.send_id
    WHERE w.state IN ('calm', 'discarded') AND w.dead > %(few)s AND w.tried < %(from)s AND w.people >= %(from)s
      AND w.looked_at < now() - %(again)s AND (s.finished_at IS NULL OR s.finished_at > w.looked_at)
      AND (%(send)s::bigint IS NULL OR w.send_id = %(send)s)
  )
  SELECT r.send_id, r.destination, count(DISTINCT r.delivery_id)
  FROM stirred JOIN pipeline_ruling r ON r.send_id = stirred.send_id AND r.destination = stirred.destination
  JOIN pipeline_send s ON s.id = r.send_id AND s.brakes
  LEFT JOIN pipeline_storm w ON w.send_id = r.send_id AND w.destination = r.destination
  WHERE r.reason = ANY(%(dead)s) AND r.state = ANY(%(counted)s) AND (w.since IS NULL OR EXISTS (
    SELECT FROM pipeline_delivery d WHERE d.send_id = r.send_id AND d.id = r.delivery_id AND d.updated_at > w.since))
  GROUP BY r.send_id, r.destination HAVING count(DISTINCT r.delivery_id) > %(few)s ORDER BY 1, 2
"""
_TRIED: Final = f"""
  SELECT wanted.destination, count(*) FILTER (WHERE d.state <> 'skipped'),
    count(*) FILTER (WHERE {ANSWERED} AND (wanted.since IS NULL OR d.updated_at > wanted.since))
  FROM unnest(%(domains)s::text[], %(names)s::text[], %(sinces)s::timestamptz[]) AS wanted(domain, destination, since)
  JOIN pipeline_delivery d ON split_part(d.address_key, '@', -1) = wanted.domain
  WHERE d.send_id = %(send)s GROUP BY 1
"""  # noqa: S608 (ours)
_BEFORE: Final = """
  SELECT coalesce(sum(w.tried), 0)::int, coalesce(sum(found.dead), 0)::int
  FROM pipeline_storm w JOIN pipeline_send s ON s.id = w.send_id
  CROSS JOIN LATERAL (
    SELECT count(DISTINCT r.delivery_id) AS dead FROM pipeline_ruling r
    WHERE r.send_id = w.send_id AND r.destination = w.destination
      AND r.reason = ANY(%(dead)s) AND r.state = ANY(%(counted)s)
  ) AS found
  WHERE w.destination = %(destination)s AND w.send_id <> %(send)s AND w.state = 'calm' AND w.tried >= %(from)s
    AND s.finished_at > now() - %(remembered)s
"""
# Whoever was put on one of the send's lists by an import after the newsletter's last send went out.
_AFTER_IMPORT: Final = """
  SELECT EXISTS (
    SELECT FROM pipeline_send s JOIN pipeline_sendlist l ON l.send_id = s.id AND NOT l.excluded
    JOIN subscribers_consentrecord c ON c.list_id = l.list_id AND c.kind = 'imported'
    WHERE s.id = %(send)s AND c.at <= s.started_at AND c.at > coalesce(
      (SELECT max(before.started_at) FROM pipeline_send before
       WHERE before.newsletter_id = s.newsletter_id AND before.started_at < s.started_at), '-infinity'))
"""


_ASTIR: Final = """
  SELECT DISTINCT w.id FROM pipeline_storm w
  JOIN pipeline_ruling r ON r.send_id = w.send_id AND r.destination = w.destination
  WHERE w.state <> 'calm' AND r.noted_at > coalesce(%(since)s, '-infinity'::timestamptz) AND r.reason = ANY(%(dead)s)
    AND (%(send)s::bigint IS NULL OR w.send_id = %(send)s)
  ORDER BY 1
"""


_WAITING: Final = """
  SELECT (SELECT count(DISTINCT r.delivery_id) FROM pipeline_ruling r
          WHERE r.send_id = w.send_id AND r.destination = w.destination AND r.state = 'frozen'),
    (SELECT count(*) FROM pipeline_delivery d
     WHERE d.send_id = w.send_id AND d.destination = w.destination AND d.state = 'pending')
  FROM pipeline_storm w WHERE w.id = %(storm)s
"""
_SAID: Final = """
  SELECT left(r.words, 300), count(*) FROM pipeline_ruling r JOIN pipeline_storm w ON w.id = %(storm)s
  WHERE r.send_id = w.send_id AND r.destination = w.destination AND r.state = 'frozen' AND r.words <> ''
  GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3
"""


@dataclass(frozen=True, slots=True)
class Found:
    """More than a few dead addresses of a send at one destination."""

    send_id: int
    destination: str
    dead: int


@dataclass(frozen=True, slots=True)
class Weather:
    """A storm as a person must see it to decide."""

    storm: Storm
    frozen: int
    """Addresses that are kept from being suppressed."""
    waiting: int
    """Readers there to whom nothing goes until then."""
    words: tuple[str, ...]
    """What the servers there say, the most frequent first."""


def stirred(since: datetime | None, send_id: int | None = None) -> list[Found]:
    """Where dead addresses were found of late, or may be too many by now; of one send only, if it is named."""
    given = {"since": _earlier(since), "send": send_id, "few": FEW, "from": TRIED_FROM, "again": _LOOK_AGAIN}
    return [Found(*row) for row in rows(_STIRRED, given | _words())]


def astir(since: datetime | None, send_id: int | None = None) -> list[int]:
    """Storms that a person must decide or has decided about, where dead addresses were found of late."""
    return [pk for (pk,) in rows(_ASTIR, {"since": _earlier(since), "send": send_id} | _words())]


def tried(send_id: int, wanted: Collection[Storm]) -> dict[str, tuple[int, int]]:
    """Destination → people there, and how many of them were answered since it is counted. Reads all rows of a send."""
    domains = [(domain, each.destination, each.since) for each in wanted for domain in domains_of(each.destination)]
    given = {"send": send_id} | dict(
        zip(("domains", "names", "sinces"), map(list, zip(*domains, strict=True)), strict=True)
    )
    return {name: (people, number) for name, people, number in rows(_TRIED, given)}


def before(send_id: int, destination: str) -> tuple[int, int]:
    """How many were tried at a destination in earlier sends without a storm, and how many of them were dead."""
    given = {"send": send_id, "destination": destination, "from": TRIED_FROM, "remembered": REMEMBERED} | _words()
    [(number, dead)] = rows(_BEFORE, given)
    return number, dead


def is_after_import(send_id: int) -> bool:
    """Whether a send is the first of its newsletter to people who were imported since its last one."""
    [(found,)] = rows(_AFTER_IMPORT, {"send": send_id})
    return bool(found)


def storm_at(send_id: int, destination: str) -> Storm | None:
    """The storm at a destination, if a person must decide or has decided about it."""
    found = Storm.objects.filter(send_id=send_id, destination=destination)
    return found.exclude(state=StormState.CALM).first()


def is_forgotten(send_id: int, address_key: str, settled_at: datetime) -> bool:
    """Whether a person has said that dead addresses there, of mail settled by then, were a fault of the provider."""
    there = Storm.objects.filter(send_id=send_id, destination=destination_of(address_key))
    return there.filter(since__gte=settled_at).exists()


def frozen_at(send_id: int) -> list[str]:
    """The destinations to which nothing of a send goes until a person decides."""
    return list(Storm.objects.filter(send_id=send_id, state=StormState.FROZEN).values_list("destination", flat=True))


def frozen_storms(send_id: int | None = None) -> list[Storm]:
    """The storms about which a person must decide, of one send or of all, the oldest first."""
    found = Storm.objects.filter(state=StormState.FROZEN).order_by("frozen_at", "pk")
    return list(found.filter(send_id=send_id) if send_id else found)


def open_storms(send_id: int | None = None) -> list[Weather]:
    """Likewise, as a person must see each to decide."""
    return [weather_of(storm) for storm in frozen_storms(send_id)]


def weather_of(storm: Storm) -> Weather:
    """What a storm keeps back, and why. Reads the rows of its send at that destination."""
    [(frozen, waiting)] = rows(_WAITING, {"storm": storm.pk})
    return Weather(storm, frozen, waiting, tuple(words for words, _ in rows(_SAID, {"storm": storm.pk})))


def domains_of(destination: str) -> list[str]:
    """The domains of a group, or the domain itself."""
    return [domain for domain, group in GROUPS.items() if group == destination] or [destination]


def _earlier(since: datetime | None) -> datetime | None:
    return since - _OVERLAP if since else None


def _words() -> dict[str, list[str]]:
    return {"dead": [reason.value for reason in DEAD], "counted": [state.value for state in _COUNTED]}
