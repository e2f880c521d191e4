"""What the brakes of a send have counted: one row for each owner, added up by whoever checks."""

from dataclasses import dataclass
from typing import Final

from pipeline.queries.sql import execute, rows

ALARM_FADES: Final = 1000
"""Outcomes without a reply that says that we are the problem, that make one such reply forgotten."""
RESUMED: Final = "resumed"
"""Owner of the row that says that a person has looked, and since when is counted."""
# The alarm fades with what went well since it last rose, wherever that was counted.
_ADD: Final = """
  INSERT INTO pipeline_brakecount AS c (send_id, owner, outcomes, dead, refused, complaints, alarm, seen, since)
  SELECT s.id, %(owner)s, %(outcomes)s, %(dead)s, %(refused)s, %(complaints)s, %(refused)s,
    %(outcomes)s + (SELECT coalesce(sum(outcomes), 0) FROM pipeline_brakecount WHERE send_id = s.id), now()
  FROM pipeline_send s WHERE s.id = %(send)s AND s.brakes
  ON CONFLICT (send_id, owner) DO UPDATE SET
    outcomes = c.outcomes + excluded.outcomes, dead = c.dead + excluded.dead,
    refused = c.refused + excluded.refused, complaints = c.complaints + excluded.complaints,
    alarm = CASE WHEN excluded.refused > 0
      THEN greatest(0, c.alarm - (excluded.seen - c.seen) / %(fades)s) + excluded.refused ELSE c.alarm END,
    seen = CASE WHEN excluded.refused > 0 THEN excluded.seen ELSE c.seen END
"""
# A storm's row takes out what other rows may still have to tell.
_SUM: Final = """
  SELECT greatest(0, sum(outcomes))::int, greatest(0, sum(dead))::int, coalesce(sum(refused), 0)::int,
    coalesce(sum(complaints), 0)::int,
    coalesce(sum(greatest(0, alarm - greatest(0, (SELECT sum(outcomes) FROM pipeline_brakecount
                                                  WHERE send_id = %(send)s) - seen) / %(fades)s)), 0)::int,
    coalesce(bool_or(owner = %(resumed)s), false)
  FROM pipeline_brakecount WHERE send_id = %(send)s
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What to add to the counts of a send."""

    outcomes: int = 0
    """The relay said yes or no."""
    dead: int = 0
    refused: int = 0
    complaints: int = 0
    words: str = ""
    """The last reply that says that we are the problem."""
    reason: str = ""
    """What it means."""


@dataclass(frozen=True, slots=True)
class Counts:
    """All that was counted of a send since it began, or since a person let it go on."""

    outcomes: int
    dead: int
    refused: int
    complaints: int
    alarm: int
    looked_at: bool = False
    """A person has seen such replies and let the send go on: from then on their share counts as well."""


def add_counts(send_id: int, owner: str, told: Told) -> bool:
    """Add to one owner's row; False if the send has no brakes."""
    return bool(
        execute(
            _ADD,
            {
                "send": send_id,
                "owner": owner,
                "outcomes": told.outcomes,
                "dead": told.dead,
                "refused": told.refused,
                "complaints": told.complaints,
                "fades": ALARM_FADES,
            },
        )
    )


def release_brakes(send_id: int) -> None:
    """A person lets the send go on: count anew from here."""
    execute("DELETE FROM pipeline_brakecount WHERE send_id = %s", [send_id])
    add_counts(send_id, RESUMED, Told())


def read_counts(send_id: int) -> Counts:
    """What stands in the rows of a send, added up."""
    [found] = rows(_SUM, {"send": send_id, "fades": ALARM_FADES, "resumed": RESUMED})
    return Counts(*found)
