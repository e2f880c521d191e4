"""What became of each mail to a person: what came back of it, in whose words, and what was decided by it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pipeline.models import COMPLAINT, DeliveryState, Ruling
from pipeline.queries import PersonRow
from pipeline.queries.feedback import feedback_of
from pipeline.queries.rulings import cleared, fates, policies
from pipeline.replies import Action
from pipeline.replies.history import tally
from pipeline.staff.books import reason_label
from pipeline.staff.feedback import Shown, shown

_FACTS: Final[Mapping[str, Promise]] = {
    "delayed_at": _("warned that it takes longer"),
    "bounced_at": _("came back"),
    "complained_at": _("complained"),
    "clicked_at": _("followed a link"),
    "unsubscribed_at": _("left"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    label: Promise
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """A ruling in words."""

    ruling: Ruling
    reason: str | Promise


@dataclass(frozen=True, slots=True)
class Counted:
    """Issues in a row that did not arrive for a reason, beside what its policy asks for."""

    reason: str | Promise
    issues: int
    enough: int
    days: int
    enough_days: int


@dataclass(frozen=True, slots=True)
class Mail:
    row: PersonRow
    state: str | Promise
    reason: str | Promise
    bounce: str | Promise
    facts: Sequence[Fact]
    heard: Sequence[Shown]
    decisions: Sequence[Decision]


def mails(rows: Sequence[PersonRow]) -> Iterator[Mail]:
    """Each of them with all that is kept about it. Three reads, however many there are."""
    names = [(row.send_id, row.id) for row in rows]
    heard, decided = defaultdict(list), decisions(names)
    for found in feedback_of(names):
        heard[found.send_id, found.delivery_id].append(shown(found))
    for row in rows:
        name = (row.send_id, row.id)
        state, reason, bounce = (
            DeliveryState(row.state).label,
            reason_label(row.reason),
            reason_label(row.bounce_reason),
        )
        yield Mail(row, state, reason, bounce, list(_facts(row)), heard[name], decided.get(name, []))


def decisions(names: Iterable[tuple[int, int]]) -> dict[tuple[int, int], list[Decision]]:
    """The rulings about these deliveries, (send, id) each."""
    wanted = set(names)
    about = Ruling.objects.filter(
        send_id__in={send for send, _ in wanted}, delivery_id__in={pk for _, pk in wanted}
    ).order_by("pk")
    found: dict[tuple[int, int], list[Decision]] = {}
    for ruling in about:
        reason = _("complained") if ruling.reason == COMPLAINT else reason_label(ruling.reason)
        found.setdefault((ruling.send_id, ruling.delivery_id), []).append(Decision(ruling, reason))
    return found


def counted(address_key: str) -> Iterator[Counted]:
    """How near an address is to being given up, for each reason that is counted and has been heard."""
    now = timezone.now()
    known, spoken = fates(address_key, now=now), cleared(address_key)
    for reason, policy in policies().items():
        row = tally(reason, known, now=now, cleared=spoken)
        if policy.action is Action.COUNT and row.issues:
            yield Counted(reason_label(reason), row.issues, policy.issues, row.span.days, policy.days)


def _facts(row: PersonRow) -> Iterator[Fact]:
    for name, label in _FACTS.items():
        if at := getattr(row, name):
            yield Fact(label, at)
