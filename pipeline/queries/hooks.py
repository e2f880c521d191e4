"""What the webhooks of a relay ask of its mail, and what of theirs is in the books already."""

from collections.abc import Sequence

from pipeline.models import Feedback, Hook
from pipeline.providers import PROVIDERS


def id_fields(transport_id: int) -> list[str]:
    """The header fields by which its providers give our signed id back; most relays have none."""
    found = Hook.objects.filter(transport_id=transport_id, enabled=True).values_list("provider", flat=True).distinct()
    return [field for provider in sorted(found) if (field := PROVIDERS[provider].id_header)]


def known_feedback(digests: Sequence[bytes]) -> set[bytes]:
    """Which of these were taken in before. One read for a whole request, which may bring a thousand."""
    found = Feedback.objects.filter(sha256__in=digests).values_list("sha256", flat=True)
    return {bytes(each) for each in found}
