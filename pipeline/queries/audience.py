"""Who a send reaches with which edition, and who not: one SQL expression, to count beforehand and to freeze with.

The edition of a person is the one in their language (`pt-BR`, else `pt`). For want of one: the first that the order of
fallback languages reaches; without an order the main edition, which is the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from pipeline.models import Send, SendList, SendProof, UnknownLanguage
from pipeline.queries.sql import rows

NO_EDITION: Final = "no-edition"
SUPPRESSED: Final = "suppressed"
FAILED: Final = "failed"
HELD: Final = "held"
ACCEPTED: Final = "accepted"
# Somebody else's delivery in this family: it has reached the person, or still may.
_REACHED: Final = """EXISTS (
        SELECT FROM pipeline_delivery f WHERE f.send_id = ANY(%(family)s) AND f.subscriber_id = d.subscriber_id
          AND f.state NOT IN ('skipped', 'cancelled', 'rejected', 'expired') AND f.bounced_at IS NULL
          AND (f.send_id, f.id) <> (d.send_id, d.id))"""
# Nobody in this send's family has written to the person since.
_PASSED_OVER: Final = """NOT EXISTS (
        SELECT FROM pipeline_delivery f WHERE f.send_id = ANY(%(family)s) AND f.subscriber_id = d.subscriber_id
          AND f.state NOT IN ('skipped', 'cancelled'))"""
FOLLOWINGS: Final[Mapping[str, str]] = {
    # Left out for lack of an edition.
    NO_EDITION: f"d.state = 'skipped' AND d.reason = 'no-edition' AND {_PASSED_OVER}",
    # Left out because the address was suppressed, which a person may have taken back since.
    SUPPRESSED: f"d.state = 'skipped' AND d.reason = 'suppressed' AND {_PASSED_OVER}",
    # Refused, given up, cancelled or returned, and nobody in the family has reached them since.
    FAILED: f"""(d.state IN ('rejected', 'expired', 'cancelled') OR d.state = 'accepted' AND d.bounced_at IS NOT NULL)
        AND NOT {_REACHED}""",
    # May have arrived. Who chooses these accepts that some get it twice; it is chosen once.
    HELD: f"d.state = 'held' AND NOT {_REACHED}",
    # Handed over and not returned: for a correction.
    ACCEPTED: "d.state = 'accepted' AND d.bounced_at IS NULL",
}
"""Whom of an earlier send's deliveries (`d`) a following send is for, by the name that `Send.follows` keeps."""

# Someone on several lists counts once, in the best of their states.
BEST_STANDING: Final = """min(CASE state WHEN 'subscribed' THEN 0 WHEN 'paused' THEN 1 WHEN 'unconfirmed' THEN 2
                     WHEN 'unsubscribed' THEN 3 ELSE 4 END)"""
_STANDING: Final = f"""(
    SELECT subscriber_id, bool_or(list_id = ANY(%(excluded)s)) AS excluded,
      {BEST_STANDING} FILTER (WHERE list_id = ANY(%(lists)s)) AS rank
    FROM subscribers_subscription
    WHERE list_id = ANY(%(lists)s) OR list_id = ANY(%(excluded)s) AND state = 'subscribed'
    GROUP BY subscriber_id
  ) AS standing"""  # noqa: S608 (ours)
_LISTED: Final = f"(SELECT * FROM {_STANDING} WHERE rank IS NOT NULL) AS standing"  # noqa: S608
# Who is on none of the lists any more has left them, and is in the books as such.
_FOLLOWED: Final = f"""(
    SELECT d.subscriber_id FROM pipeline_delivery d WHERE d.send_id = %(parent)s AND {{which}}
  ) AS chosen LEFT JOIN {_STANDING} USING (subscriber_id)"""  # noqa: S608
_SERVES: Final = "starts_with(lower({wanted}) || '-', lower(edition.language) || '-')"
_AUDIENCE: Final = f"""
  WITH edition AS (
    SELECT * FROM unnest(%(languages)s::text[], %(proofs)s::text[]) WITH ORDINALITY AS e(language, hash, position)
  ), elsewise AS (
    SELECT CASE WHEN cardinality(%(fallback)s::text[]) = 0 THEN 1 ELSE (
      SELECT edition.position FROM unnest(%(fallback)s::text[]) WITH ORDINALITY AS f(language, rank)
      JOIN edition ON {_SERVES.format(wanted="f.language")}
      ORDER BY f.rank, length(edition.language) DESC, edition.position LIMIT 1) END AS position
  ), person AS (
    SELECT p.id, p.email, p.address_key, p.language, standing.rank, standing.excluded,
      CASE WHEN p.language = '' THEN 'unknown' WHEN own.position IS NULL THEN 'fallback' ELSE 'asked' END AS why,
      CASE WHEN p.language <> '' THEN coalesce(own.position, (SELECT position FROM elsewise))
           WHEN %(unknown)s = 'main' THEN 1 END AS position
    FROM {{people}}
    JOIN subscribers_subscriber p ON p.id = subscriber_id
    LEFT JOIN LATERAL (
      SELECT position FROM edition WHERE {_SERVES.format(wanted="p.language")}
      ORDER BY length(edition.language) DESC, edition.position LIMIT 1
    ) AS own ON p.language <> ''
  )
  SELECT p.id AS subscriber_id, p.email, p.address_key, p.language AS wanted, p.why,
    edition.hash AS proof_hash, edition.position, edition.language,
    CASE
      WHEN p.rank = 4 THEN 'erased'
      WHEN p.rank = 3 OR p.rank IS NULL THEN 'unsubscribed'
      WHEN p.rank = 2 THEN 'unconfirmed'
      WHEN p.rank = 1 THEN 'paused'
      WHEN p.excluded THEN 'excluded'
      WHEN EXISTS (
        SELECT FROM subscribers_suppression s WHERE s.address_key = p.address_key AND s.lifts_id IS NULL
          AND s.scope IN ('all', %(scope)s) AND (s.expires_at IS NULL OR s.expires_at > now())
          AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = s.id)
      ) THEN 'suppressed'
      WHEN edition.hash IS NULL THEN 'no-edition'
    END AS left_out
  FROM person p LEFT JOIN edition USING (position)
"""  # noqa: S608 (all of it is ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom a send is for, and what it has for them."""

    lists: Sequence[int]
    excluded: Sequence[int] = ()
    scope: str
    """Under which a suppression holds beside `all`: the newsletter's."""
    editions: Mapping[str, str]
    """Language → proof hash, the main one first. Only to count, anything may stand for the hash."""
    fallback: Sequence[str] = ()
    """Languages for those who have no edition of their own, in order."""
    unknown: str = UnknownLanguage.MAIN
    parent: int | None = None
    """An earlier send: then only those of its people whom `follows` names, as they stand on the lists now."""
    follows: str = ""

    @property
    def sql(self) -> str:
        """A SELECT of everyone: who, with which edition and why; `left_out` is null for those who are reached."""
        people = _LISTED if self.parent is None else _FOLLOWED.format(which=FOLLOWINGS[self.follows])
        return _AUDIENCE.format(people=people)

    def parameters(self) -> dict[str, Any]:
        return {
            "lists": list(self.lists),
            "excluded": list(self.excluded),
            "scope": self.scope,
            "languages": list(self.editions),
            "proofs": list(self.editions.values()),
            "fallback": list(self.fallback),
            "unknown": str(self.unknown),
            "parent": self.parent,
            "family": [] if self.parent is None else family(self.parent),
        }


@dataclass(frozen=True, slots=True)
class Edition:
    """How many people get an edition, by why they get it."""

    language: str
    asked: int
    fallback: int
    """They would rather have another language, which this send has not."""
    unknown: int
    """Their language is not known."""

    @property
    def n(self) -> int:
        return self.asked + self.fallback + self.unknown


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a send reaches now and whom it leaves out. Everyone in its audience counts once."""

    editions: tuple[Edition, ...]
    left_out: Mapping[str, int]
    """Reason → people."""
    missing: Mapping[str, int]
    """Of those left out for lack of an edition: their language (empty: not known) → people, the most first."""

    @property
    def reached(self) -> int:
        return sum(edition.n for edition in self.editions)

    @property
    def audience(self) -> int:
        return self.reached + sum(self.left_out.values())


def reach_of(audience: Audience) -> Reach:
    """Count what a freeze at this moment would write down."""
    counted = rows(
        "SELECT position, coalesce(left_out, ''), why,"  # noqa: S608 (ours)
        "  CASE left_out WHEN 'no-edition' THEN lower(wanted) ELSE '' END, count(*)"
        f" FROM ({audience.sql}) AS audience GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 5 DESC, 4",
        audience.parameters(),
    )
    reached = {(position, why): n for position, out, why, _, n in counted if not out}
    editions = (
        Edition(language, *(reached.get((position, why), 0) for why in ("asked", "fallback", "unknown")))
        for position, language in enumerate(audience.editions, 1)
    )
    out = sorted((reason, n) for _, reason, _, _, n in counted if reason)
    left_out = {reason: sum(n for _, n in group) for reason, group in groupby(out, key=lambda each: each[0])}
    return Reach(tuple(editions), left_out, {wanted: n for _, reason, _, wanted, n in counted if reason == NO_EDITION})


def audience_of(send: Send) -> Audience:
    """The audience that was approved with a send."""
    lists = SendList.objects.filter(send=send)
    return Audience(
        lists=list(lists.filter(excluded=False).values_list("list_id", flat=True)),
        excluded=list(lists.filter(excluded=True).values_list("list_id", flat=True)),
        scope=send.newsletter.scope,
        editions=dict(SendProof.objects.filter(send=send).order_by("position").values_list("language", "proof_id")),
        fallback=send.fallback_languages,
        unknown=send.unknown_language,
        parent=send.parent_id,
        follows=send.follows,
    )


def family(send_id: int) -> list[int]:
    """A send, all it follows and all that follow any of them, oldest first."""
    found = rows(
        "WITH RECURSIVE family(id, parent_id) AS ("
        " SELECT id, parent_id FROM pipeline_send WHERE id = %s UNION"
        " SELECT s.id, s.parent_id FROM pipeline_send s JOIN family f ON s.parent_id = f.id OR s.id = f.parent_id)"
        " SELECT id FROM family ORDER BY id",
        [send_id],
    )
    return [pk for (pk,) in found]
