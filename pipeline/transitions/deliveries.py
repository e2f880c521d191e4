"""A delivery's way from pending to the relay's answer. Bulk statements, each guarded by state, fence and lease."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pipeline.queries.audience import BEST_STANDING
from pipeline.queries.sql import execute, numbers, prepared, prepared_together, texts
from pipeline.queries.work import DESTINATIONS_THERE, DUE_FOR
from pipeline.replies import Meaning
from pipeline.transitions.facts import spare_second_copies


class Claimed(NamedTuple):
    """A delivery in this batch's hands, with what its message needs of the person."""

    id: int
    fence: int
    subscriber_id: int
    email: str
    address_key: str
    proof_hash: str
    attempts: int
    retried: bool
    first_name: str
    last_name: str
    language: str
    deaths: int | None = None
    """Workers that died while they made its message; 0: one died that had it among others."""


class Marked(NamedTuple):
    """What one handed-over delivery came to, ready for the books."""

    id: int
    fence: int
    state: str
    reason: str
    reply: str
    counts: bool
    due_at: datetime | None
    meaning: Meaning | None = None
    """What a refusal says of the address; it is ruled on once this is written."""


# Rows are taken in order of their due time, which the partial index holds, past those that other batches have locked.
# The lock on the lease waits for whoever takes it away, and keeps it until the claim stands: a row that is claimed
# for a lease that is gone would be nobody's to give back.
# Here and below the rows that are changed are found by (send, id) as another part of the statement gives them. With the
# send as a constant, the planner reads all its rows where it believes them few, as in a table that is not analysed yet.
_CLAIM: Final = """
  WITH RECURSIVE held AS MATERIALIZED (SELECT id FROM pipeline_lease WHERE id = %(lease)s FOR KEY SHARE), {due}
  UPDATE pipeline_delivery d
  SET state = 'claimed', reason = 'working', fence = d.fence + 1, lease_id = %(lease)s, updated_at = now()
  FROM due WHERE d.send_id = due.send_id AND d.id = due.id
  RETURNING d.id, d.fence, d.subscriber_id, d.email, d.address_key, d.proof_hash, d.attempts, d.retried,
    coalesce(due.first_name, ''), coalesce(due.last_name, ''), coalesce(due.language, ''), d.deaths
"""
_DUE: Final = """
  due AS (
    SELECT d.send_id, d.id, p.first_name, p.last_name, p.language
    FROM pipeline_delivery d LEFT JOIN subscribers_subscriber p ON p.id = d.subscriber_id
    WHERE d.send_id = %(send)s AND d.state = 'pending' AND d.due_at <= now() AND EXISTS (SELECT FROM held)
    ORDER BY d.due_at LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED
  )"""
# While some destinations must wait, each is asked by itself, so that a million rows of one that is stopped cost
# nothing: one look into the index per destination that has rows (`there`), and as many as it may have.
_DUE_BY_DESTINATION: Final = f"""
  {DESTINATIONS_THERE.format(send="%(send)s")},
  cap AS (
    SELECT there.destination, coalesce(c.most, ceil(%(most)s::float8 / count(*) FILTER (WHERE c.most IS NULL) OVER ()))
      ::bigint AS most
    FROM there LEFT JOIN unnest(%(names)s::text[], %(caps)s::bigint[]) AS c(name, most) ON c.name = there.destination
    WHERE there.destination IS NOT NULL
  ),
  due AS (
    SELECT found.send_id, found.id, p.first_name, p.last_name, p.language
    FROM cap CROSS JOIN LATERAL (
      SELECT d.send_id, d.id, d.subscriber_id FROM pipeline_delivery d
      WHERE {DUE_FOR.format(send="%(send)s", destination="cap.destination")} AND EXISTS (SELECT FROM held)
      ORDER BY d.destination, d.due_at LIMIT cap.most FOR UPDATE SKIP LOCKED
    ) AS found LEFT JOIN subscribers_subscriber p ON p.id = found.subscriber_id
    WHERE cap.most > 0 LIMIT %(most)s
  )"""  # noqa: S608 (ours)

# The last look before a person is written to: still subscribed to a list of this send, the address not suppressed,
# the send still going, the lease still ours. In the same statement as the mark, so nothing can slip between. It may be
# asked twice: when the answer to the first commit was lost, the rows are in flight already, and nothing was sent.
# The states are a parameter so that no partial index is taken for these rows: they are found by their keys.
_MARK: Final = f"""
  WITH send AS MATERIALIZED (
    SELECT s.state = 'sending' AND coalesce(s.waits_until <= now(), true)
        AND EXISTS (SELECT FROM pipeline_lease WHERE id = %(lease)s) AS going,
      ARRAY['all', 'newsletter:' || s.newsletter_id] AS scopes,
      ARRAY(SELECT list_id FROM pipeline_sendlist WHERE send_id = s.id AND NOT excluded) AS lists
    FROM pipeline_send s WHERE s.id = %(send)s
  ),
  mine AS MATERIALIZED (
    SELECT %(send)s::bigint AS send_id, * FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS mine(id, fence)
  ),
  look AS (
    SELECT d.send_id, d.id, d.state AS was,
      CASE
        WHEN p.id IS NULL OR standing.rank = 4 THEN 'erased'
        WHEN coalesce(standing.rank, 3) = 3 THEN 'unsubscribed'
        WHEN standing.rank = 2 THEN 'unconfirmed'
        WHEN standing.rank = 1 THEN 'paused'
        ELSE (
          SELECT CASE WHEN bool_and(x.reason = 'unsubscribed') THEN 'unsubscribed' ELSE 'suppressed' END
          FROM subscribers_suppression x WHERE x.address_key = d.address_key AND x.lifts_id IS NULL
            AND x.scope = ANY((SELECT scopes FROM send)::text[]) AND (x.expires_at IS NULL OR x.expires_at > now())
            AND NOT EXISTS (SELECT FROM subscribers_suppression y WHERE y.lifts_id = x.id)
          HAVING count(*) > 0
        )
      END AS left_out
    FROM mine JOIN pipeline_delivery d ON d.send_id = mine.send_id AND d.id = mine.id AND d.fence = mine.fence
    LEFT JOIN subscribers_subscriber p ON p.id = d.subscriber_id
    CROSS JOIN LATERAL (
      SELECT {BEST_STANDING} AS rank FROM subscribers_subscription m
      WHERE m.subscriber_id = d.subscriber_id AND m.list_id = ANY((SELECT lists FROM send)::bigint[])
    ) AS standing
  ),
  verdict AS MATERIALIZED (
    SELECT send_id, id, left_out, CASE WHEN NOT (SELECT going FROM send) OR was = 'in_flight' AND left_out IS NOT NULL
      THEN 'pending' WHEN left_out IS NULL THEN 'in_flight' ELSE 'skipped' END AS state
    FROM look
  )
  UPDATE pipeline_delivery d SET
    state = v.state,
    reason = CASE v.state WHEN 'in_flight' THEN 'working' WHEN 'skipped' THEN v.left_out
      ELSE CASE WHEN d.retried THEN 'retry' ELSE 'not-sent' END END,
    fence = CASE v.state WHEN 'pending' THEN d.fence + 1 ELSE d.fence END,
    lease_id = CASE v.state WHEN 'in_flight' THEN d.lease_id END,
    due_at = CASE v.state WHEN 'skipped' THEN NULL ELSE coalesce(d.due_at, now()) END,
    updated_at = now()
  FROM verdict v
  WHERE d.send_id = v.send_id AND d.id = v.id AND d.state = ANY(%(working)s::text[]) AND d.lease_id = %(lease)s
  RETURNING d.id, d.state
"""  # noqa: S608 (BEST_STANDING is ours)

# A row that was declared uncertain under the same fence meanwhile (the lease seemed lost) has not been tried again yet:
# the true reply settles it. A retry raises the fence, and then this changes nothing; nor does saying the same again,
# because the answer to the first commit was lost. What was no try keeps its place in the queue, and with it the time
# since when it waits.
_RECORD: Final = """
  WITH v AS MATERIALIZED (
    SELECT %(send)s::bigint AS send_id, *
    FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(states)s::text[], %(reasons)s::text[], %(replies)s::text[],
                %(counts)s::bool[], %(due)s::timestamptz[])
      AS said(id, fence, state, reason, reply, counts, due_at)
  )
  UPDATE pipeline_delivery d SET
    state = v.state, reason = v.reason, reply = v.reply, lease_id = NULL, updated_at = now(),
    due_at = CASE WHEN v.state = 'pending' AND NOT v.counts THEN least(v.due_at, d.due_at) ELSE v.due_at END,
    attempts = d.attempts + CASE WHEN v.counts THEN 1 ELSE 0 END,
    fence = CASE v.state WHEN 'pending' THEN d.fence + 1 ELSE d.fence END
  FROM v
  WHERE d.send_id = v.send_id AND d.id = v.id AND d.state IN ('in_flight', 'uncertain') AND d.fence = v.fence
    AND NOT (d.state = 'uncertain' AND v.state = 'uncertain' AND d.reason = v.reason)
  RETURNING d.id
"""


def claim(send_id: int, *, lease_id: int, most: int, caps: Mapping[str, int] | None = None) -> list[Claimed]:
    """Take up to `most` due deliveries for this lease, in order of their due time.

    With `caps` each destination named there gets so many at most, and the others share the rest evenly. Of those that
    are to be repeated, the ones that have proved to have arrived are left out.
    """
    given: dict[str, object] = {"send": send_id, "lease": lease_id, "most": most}
    if caps:
        given |= {"names": list(caps), "caps": list(caps.values())}
    found = prepared(_CLAIM.format(due=_DUE_BY_DESTINATION if caps else _DUE), given)
    claimed = [Claimed._make(row) for row in found]
    if again := [one.id for one in claimed if one.retried]:
        spared = spare_second_copies(send_id, again)
        return [one for one in claimed if one.id not in spared]
    return claimed


def mark_in_flight(send_id: int, *, lease_id: int, claimed: Sequence[Claimed]) -> dict[int, str]:
    """Look once more and mark what may go: id → state now. An id that is missing is no longer ours."""
    return dict(prepared(_MARK, _marking(send_id, lease_id, claimed)))


def record(send_id: int, marked: Sequence[Marked]) -> set[int]:
    """Write what the relay said. The ids written; one that is missing was taken from us as uncertain meanwhile."""
    return {pk for (pk,) in prepared(_RECORD, _recording(send_id, marked))}


def record_and_mark(
    send_id: int, marked: Sequence[Marked], *, lease_id: int, claimed: Sequence[Claimed]
) -> tuple[set[int], dict[int, str]]:
    """`record` and `mark_in_flight` in one transaction and one round trip, where nothing is to be done in between."""
    recorded, states = prepared_together(
        (_RECORD, _recording(send_id, marked)), (_MARK, _marking(send_id, lease_id, claimed))
    )
    return {pk for (pk,) in recorded}, dict(states)


def _marking(send_id: int, lease_id: int, claimed: Sequence[Claimed]) -> dict[str, object]:
    return {
        "send": send_id,
        "lease": lease_id,
        "working": ["claimed", "in_flight"],
        "ids": numbers(one.id for one in claimed),
        "fences": numbers(one.fence for one in claimed),
    }


def _recording(send_id: int, marked: Sequence[Marked]) -> dict[str, object]:
    return {
        "send": send_id,
        "ids": numbers(one.id for one in marked),
        "fences": numbers(one.fence for one in marked),
        "states": texts(one.state for one in marked),
        "reasons": texts(one.reason for one in marked),
        "replies": texts(one.reply for one in marked),
        "counts": texts(one.counts for one in marked),
        "due": texts(one.due_at for one in marked),
    }


def reject_unrenderable(send_id: int, one: Claimed, *, why: str) -> None:
    """Close a delivery whose message cannot be made; the others go on."""
    execute(
        "UPDATE pipeline_delivery SET state = 'rejected', reason = 'render', reply = %s, lease_id = NULL,"
        " due_at = NULL, updated_at = now() WHERE send_id = %s AND id = %s AND fence = %s AND state = 'claimed'",
        [why, send_id, one.id, one.fence],
    )
