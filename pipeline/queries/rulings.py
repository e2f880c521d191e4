"""What is asked before feedback is held against an address."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count
from django.utils import timezone

from pipeline.models import COMPLAINT, Ruling, RulingState
from pipeline.models import Policy as PolicyRow
from pipeline.queries.sql import rows
from pipeline.queries.storms import DEAD
from pipeline.replies import DEFAULTS, Action, Policy, Reason
from pipeline.replies.history import Fate, life_of

LOOK_BACK: Final = timedelta(days=365)
SENDS_AT_MOST: Final = 500
"""The newest; each costs one probe of an index."""


def policies() -> dict[Reason, Policy]:
    """The policy of each reason as it stands now: an admin may have changed it a moment ago, in another process.

    A reason or an action of a newer version, which runs beside this one during an update, is that one's matter.
    """
    found = PolicyRow.objects.filter(reason__in=Reason, action__in=Action)
    numbered = found.values_list("reason", "action", "issues", "days")
    return {**DEFAULTS, **{Reason(name): Policy(Action(action), *numbers) for name, action, *numbers in numbered}}


# Sends are thousands, deliveries are millions: each send is asked for this one address through its unique index. Of a
# following send the issue is the same; one whose proof is of no issue any more stands for itself. What was merely taken
# says nothing, unless its relay is known to speak for the recipient's side or to let us know what comes back.
_FATES: Final = """
  SELECT s.id, coalesce(i.translation_key::text, 'send ' || s.id), d.state, d.reason, d.updated_at,
    coalesce(d.reply, ''), d.attempts, d.bounced_at, coalesce(d.bounce_reason, ''), coalesce(d.bounce_hard, false),
    array_remove(ARRAY[d.clicked_at, d.alive_at, d.unsubscribed_at], NULL),
    coalesce(t.sees_recipient_replies, false), coalesce(t.keeps_return_path, false),
    d.state = 'expired' AND (s."window" <> '' OR EXISTS (
      SELECT FROM pipeline_auditevent e
      WHERE e.subject = 'send:' || s.id AND e.action IN ('send.paused', 'send.held', 'send.braked', 'send.storm')))
  FROM (SELECT * FROM pipeline_send WHERE started_at > %(since)s ORDER BY started_at DESC LIMIT %(most)s) s
  JOIN pipeline_transport t ON t.id = s.transport_id
  CROSS JOIN LATERAL (
    SELECT * FROM pipeline_delivery d WHERE d.send_id = s.id AND d.address_key = %(address)s OFFSET 0) d
  LEFT JOIN pipeline_proof p ON p.hash = d.proof_hash
  LEFT JOIN pipeline_issue i ON i.id = p.issue_id
  WHERE d.bounced_at IS NOT NULL OR d.state IN ('rejected', 'expired')
    OR coalesce(d.clicked_at, d.alive_at, d.unsubscribed_at) IS NOT NULL
    OR t.sees_recipient_replies OR t.keeps_return_path
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What feedback of a send did to addresses and a person could take back."""

    destinations: Sequence[tuple[str, int]]
    """Without complaints, the most first."""
    complaints: int

    @property
    def total(self) -> int:
        return sum(n for _, n in self.destinations)


def standing_of(send_id: int) -> Standing:
    """Rulings of a send that suppress, or may yet."""
    stand = Ruling.objects.filter(send_id=send_id, state__in=(RulingState.APPLIED, RulingState.WAITING))
    others = stand.exclude(reason=COMPLAINT).values_list("destination").annotate(n=Count("pk"))
    return Standing(list(others.order_by("-n", "destination")), stand.filter(reason=COMPLAINT).count())


def ruling_is_due(now: datetime) -> bool:
    """Whether a ruling waits to be looked into: asked at every sweep, of a small index."""
    return Ruling.objects.filter(state=RulingState.WAITING, due_at__lte=now).exists()


def fates(address_key: str, *, now: datetime) -> list[Fate]:
    """What became of the deliveries to an address within a year: those that failed, and those that show life."""
    given = {"address": address_key, "since": now - LOOK_BACK, "most": SENDS_AT_MOST}
    return [_fate(row) for row in rows(_FATES, given)]


def _fate(row: tuple[Any, ...]) -> Fate:
    columns: list[Any] = [tuple(each) if isinstance(each, list) else each for each in row]
    return Fate(*columns)


def cleared(address_key: str) -> list[datetime]:
    """When somebody spoke for an address: a suppression was lifted, or a ruling taken back or not upheld.

    What replaying took back says nothing for the address, only nothing against it.
    """
    found = rows(
        "SELECT created_at FROM subscribers_suppression"
        " WHERE address_key = %(address)s AND lifts_id IS NOT NULL AND by <> %(replay)s"
        " UNION ALL SELECT settled_at FROM pipeline_ruling"
        " WHERE address_key = %(address)s AND state = ANY(%(states)s) AND settled_at IS NOT NULL AND by <> %(replay)s",
        {"address": address_key, "replay": "replay", "states": [RulingState.DISCARDED, RulingState.UNDONE]},
    )
    return [at for (at,) in found]


def showed_life_since(address_key: str, at: datetime) -> bool:
    """Whether an address has shown since a moment that it lives, or somebody has spoken for it."""
    now = timezone.now()
    signs = [life for fate in fates(address_key, now=now) for life in (*fate.lives, life_of(fate, now)) if life]
    return any(sign > at for sign in (*signs, *cleared(address_key)))


def failed_alone(send_ids: Collection[int], domain: str, reason: str) -> set[int]:
    """Those of the sends in which only one address of a domain failed for a reason. Reads these sends' rows.

    "Nobody of that name" for now only is a failure that may pass, as `replies.policy.counted_as` has it.
    """
    found = rows(
        "SELECT send_id FROM unnest(%(sends)s::bigint[]) AS wanted(send_id) WHERE 2 > ("
        "  SELECT count(*) FROM (SELECT FROM pipeline_delivery d WHERE d.send_id = wanted.send_id"
        "   AND (d.bounce_reason = %(reason)s OR d.state = 'rejected' AND d.reason = %(reason)s"
        "     OR %(reason)s = 'temporary' AND (d.state = 'expired'"
        "       OR d.bounce_reason = ANY(%(dead)s) AND NOT d.bounce_hard))"
        "   AND right(d.address_key, %(length)s) = %(end)s LIMIT 2) AS others)",
        {
            "sends": list(send_ids),
            "reason": reason,
            "dead": [each.value for each in DEAD],
            "end": f"@{domain}",
            "length": len(domain) + 1,
        },
    )
    return {send_id for (send_id,) in found}
