"""How many complaints are known, and of how many readers one would be: the one is nothing without the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from pipeline.limits.destinations import GROUPS
from pipeline.limits.loops import heard_of
from pipeline.queries.sql import rows

LATELY: Final = timedelta(days=365)
"""A complaint that came longer ago does not say that the next one would."""


@dataclass(frozen=True, slots=True)
class Complaints:
    known: int
    covered: int
    """People whose provider would tell us of a complaint."""
    reached: int
    """People who have the mail, as far as is known."""

    @property
    def share(self) -> float:
        """In per cent."""
        return 100 * self.covered / self.reached if self.reached else 0.0


def destinations_heard() -> dict[str, Any]:
    """Destinations a complaint has come from within a year, and when the last one did."""
    return dict(
        rows(
            "SELECT destination, max(made_at) FROM pipeline_ruling"
            " WHERE reason = 'complaint' AND made_at > now() - %s GROUP BY destination",
            [LATELY],
        )
    )


def destinations_covered() -> frozenset[str]:
    """Destinations of which we would hear: the operator signed up, or a complaint has come from there."""
    return heard_of(settings.COMPLAINT_LOOPS, destinations_heard())


def domains_of(destinations: Iterable[str]) -> list[str]:
    """All domains of these destinations; one that is no group is a domain itself."""
    wanted = set(destinations)
    grouped = [domain for domain, group in GROUPS.items() if group in wanted]
    return grouped + sorted(wanted - set(GROUPS.values()))
