"""Links of sent issues, with what became of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.models import AuditEvent, Issue, TrackedLink
from pipeline.queries.sql import rows


@dataclass(frozen=True, slots=True)
class EditionLinks:
    """The links of one edition, in its reading order, with the last repair of each."""

    issue: Issue
    links: Sequence[tuple[TrackedLink, AuditEvent | None]]

    @property
    def clicks(self) -> int:
        return sum(link.clicks for link, _ in self.links)


def personal_sends(send_ids: Collection[int]) -> frozenset[int]:
    """Those of newsletters whose links are personal now: who turns that off is noted nowhere from then on."""
    found = rows(
        "SELECT s.id FROM pipeline_send s JOIN pipeline_newsletter n ON n.id = s.newsletter_id"
        " WHERE s.id = ANY(%s) AND n.links = 'personal'",
        [list(send_ids)],
    )
    return frozenset(send_id for (send_id,) in found)


def links_of(issues: Sequence[Issue]) -> list[EditionLinks]:
    """All links of these editions: two statements, however many there are."""
    found = list(TrackedLink.objects.filter(issue__in=issues))
    repairs = _last_repairs([link.pk for link in found])
    return [
        EditionLinks(issue, [(link, repairs.get(link.pk)) for link in found if link.issue_id == issue.pk])
        for issue in issues
    ]


def _last_repairs(link_ids: Sequence[int]) -> Mapping[int, AuditEvent]:
    subjects = {f"link:{pk}": pk for pk in link_ids}
    events = AuditEvent.objects.filter(subject__in=subjects, action="link.repaired").order_by("at", "pk")
    return {subjects[event.subject]: event for event in events}
