"""Links of sent issues: what a proof needs of them, what is counted, and where a person lets them lead instead."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from pipeline.content import links, tracking
from pipeline.content.types import ContentError, Redirect
from pipeline.errors import PressrunError
from pipeline.models import AuditEvent, TrackedLink
from pipeline.queries.sql import execute


class LinkChangedError(PressrunError):
    """Somebody else was first."""


def keep_redirects(issue_id: int, redirects: Sequence[Redirect]) -> None:
    """Store where the links of a proof lead. What is stored already keeps its target and its clicks."""
    TrackedLink.objects.bulk_create(
        [
            TrackedLink(
                issue_id=issue_id, position=position, key=each.key, url=each.url, target=each.target, text=each.text
            )
            for position, each in enumerate(redirects, 1)
        ],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["position", "text"],
    )


def count_clicks(clicks: Mapping[int, int]) -> None:
    """Add so many clicks to each link, by id. In one order, so that two that do this at once cannot lock each other."""
    execute(
        "WITH counted AS (SELECT l.id, c.n FROM pipeline_trackedlink l"
        "   JOIN unnest(%s::bigint[], %s::bigint[]) AS c(id, n) ON c.id = l.id ORDER BY l.id FOR NO KEY UPDATE OF l)"
        " UPDATE pipeline_trackedlink l SET clicks = l.clicks + counted.n FROM counted WHERE counted.id = l.id",
        [list(clicks), list(clicks.values())],
    )


@transaction.atomic
def repair_link(link_id: int, *, was: str, target: str, actor: str, why: str) -> None:
    """Let a link lead elsewhere, in every message that has it.

    Raises ContentError for an address that no redirect may lead to, LinkChangedError when it no longer leads to `was`.
    """
    if wrong := tracking.problem(target):
        raise ContentError(wrong)
    target = links.normal(target)
    changed = TrackedLink.objects.filter(pk=link_id, target=was).update(target=target)
    if not changed:
        raise LinkChangedError(
            "Somebody else changed this link while you did. Nothing of yours was changed. Look where it leads now."
        )
    AuditEvent.objects.create(
        actor=actor,
        action="link.repaired",
        subject=f"link:{link_id}",
        detail={"old": was, "new": target, "why": why},
    )
