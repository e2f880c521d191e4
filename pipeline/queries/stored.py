"""What is kept of what came back, read from the oldest to the newest in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, Max, OuterRef, QuerySet

from pipeline.models import Feedback, Marker

PORTION: Final = 500
TOGETHER: Final = 50
GONE: Final = "messages forgotten"
"""Names the marker that counts what was deleted because its time was over."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which messages are asked for; None is all."""

    since: datetime | None = None
    """When they arrived."""
    kind: str | None = None
    """What they were taken for."""
    send_id: int | None = None

    def rows(self) -> QuerySet[Feedback]:
        """Without what was sent: that is as long as somebody made it, and is fetched one by one."""
        found = Feedback.objects.defer("raw").order_by("id")
        found = found.filter(received_at__gte=self.since) if self.since else found
        found = found.filter(kind=self.kind) if self.kind else found
        return found if self.send_id is None else found.filter(send_id=self.send_id)


def stored_until(chosen: Chosen) -> tuple[int, int]:
    """How many there are, and the number of the last: what comes meanwhile is read by today's rules anyway."""
    found = chosen.rows()
    return found.count(), found.aggregate(last=Max("id"))["last"] or 0


def gone() -> int:
    """How many messages have been deleted so far because their time was over. They cannot be read again."""
    found = Marker.objects.filter(name=GONE).values_list("text", flat=True).first()
    return int(found or 0)


def stored(chosen: Chosen, *, last: int) -> Iterator[list[Feedback]]:
    """All that are chosen, each once, in order of arrival, but for one thing: those of one delivery come together.

    What it means for an address hangs on all of them. At most TOGETHER at once: one person may send us thousands.
    """
    after = 0
    while True:
        page = _page(chosen, after=after, last=last)
        for row, came_before, has_more in page:
            if not came_before:
                yield from _portions(chosen, row, last=last) if has_more else ([row],)
        if len(page) < PORTION:
            return
        after = page[-1][0].pk


def _page(chosen: Chosen, *, after: int, last: int) -> list[tuple[Feedback, bool, bool]]:
    """The next messages, and whether an earlier and a later one is of the same delivery: two probes of an index each.

    As conditions of the query they would be joined to it, which may read all that is stored for every page.
    """
    siblings = chosen.rows().filter(send_id=OuterRef("send_id"), delivery_id=OuterRef("delivery_id"))
    found = (
        chosen.rows()
        .filter(id__gt=after, id__lte=last)
        .annotate(
            came_before=Exists(siblings.filter(id__lt=OuterRef("id"))),
            has_more=Exists(siblings.filter(id__gt=OuterRef("id"), id__lte=last)),
        )
    )
    return [(row, row.came_before, row.has_more) for row in found[:PORTION]]


def _portions(chosen: Chosen, head: Feedback, *, last: int) -> Iterator[list[Feedback]]:
    """Those of one delivery."""
    found = chosen.rows().filter(send_id=head.send_id, delivery_id=head.delivery_id, id__lte=last)
    portion, after = [head], head.pk
    while True:
        portion += found.filter(id__gt=after)[: TOGETHER - len(portion)]
        if portion:
            yield portion
        if len(portion) < TOGETHER:
            return
        portion, after = [], portion[-1].pk
