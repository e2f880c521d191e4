"""Who a send reaches and who not: one SQL expression, used to count beforehand and to freeze at the start."""

from collections.abc import Sequence
from typing import Final

from pipeline.queries.books import Count
from pipeline.queries.sql import rows

# Someone on several lists counts once, in the best of their states.
BEST_STANDING: Final = """min(CASE state WHEN 'subscribed' THEN 0 WHEN 'paused' THEN 1 WHEN 'unconfirmed' THEN 2
                     WHEN 'unsubscribed' THEN 3 ELSE 4 END)"""

# `%(proofs)s` pairs languages with proof hashes in fallback order; an exact language wins over its base
# (`ko-KR` → `ko`), and the first edition serves the rest.
AUDIENCE: Final = f"""
  SELECT p.id AS subscriber_id, p.email, p.address_key, edition.hash AS proof_hash,
    CASE
      WHEN standing.rank = 4 THEN 'erased'
      WHEN standing.rank = 3 THEN 'unsubscribed'
      WHEN standing.rank = 2 THEN 'unconfirmed'
      WHEN standing.rank = 1 THEN 'paused'
      WHEN standing.excluded THEN 'excluded'
      WHEN EXISTS (
        SELECT FROM subscribers_suppression s WHERE s.address_key = p.address_key AND s.lifts_id IS NULL
          AND s.scope IN ('all', %(scope)s) AND (s.expires_at IS NULL OR s.expires_at > now())
          AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = s.id)
      ) THEN 'suppressed'
      WHEN edition.hash IS NULL THEN 'no-edition'
    END AS left_out
  FROM (
    SELECT subscriber_id, bool_or(list_id = ANY(%(excluded)s)) AS excluded,
      {BEST_STANDING} FILTER (WHERE list_id = ANY(%(lists)s)) AS rank
    FROM subscribers_subscription
    WHERE list_id = ANY(%(lists)s) OR list_id = ANY(%(excluded)s) AND state = 'subscribed'
    GROUP BY subscriber_id
  ) AS standing
  JOIN subscribers_subscriber p ON p.id = standing.subscriber_id
  LEFT JOIN LATERAL (
    SELECT e.hash FROM unnest(%(languages)s::text[], %(proofs)s::text[]) WITH ORDINALITY AS e(language, hash, position)
    ORDER BY lower(e.language) = lower(p.language) DESC,
             lower(e.language) = lower(split_part(p.language, '-', 1)) DESC, e.position
    LIMIT 1
  ) AS edition ON true
  WHERE standing.rank IS NOT NULL
"""  # noqa: S608 (both are ours)


def audience_counts(
    *, lists: Sequence[int], excluded: Sequence[int], scope: str, languages: Sequence[str]
) -> list[Count]:
    """How many people a send now would reach (`pending`) and leave out (`skipped`, by reason)."""
    return [
        Count(*row)
        for row in rows(
            "SELECT CASE WHEN left_out IS NULL THEN 'pending' ELSE 'skipped' END, coalesce(left_out, 'new'), count(*)"  # noqa: S608 (AUDIENCE is ours)
            f" FROM ({AUDIENCE}) AS audience GROUP BY 1, 2 ORDER BY 1, 2",
            {
                "lists": list(lists),
                "excluded": list(excluded),
                "scope": scope,
                "languages": list(languages),
                "proofs": list(languages),
            },
        )
    ]
