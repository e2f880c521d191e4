"""The guard in the table itself: which moves of a delivery PostgreSQL lets through, whoever asks."""

import pytest
from django.db import IntegrityError, transaction
from scene import a_row

from pipeline.models import AuditEvent, Delivery, DeliveryState
from pipeline.models.delivery import LEGAL_REASONS
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db

MOVES = {
    "pending": {"claimed", "skipped", "cancelled", "expired"},
    "claimed": {"pending", "in_flight", "skipped", "rejected"},
    "in_flight": {"accepted", "rejected", "pending", "expired", "uncertain"},
    "uncertain": {"pending", "accepted", "held", "rejected", "expired"},
    "held": {"accepted"},
}
"""As docs/design.md has it; the relay's true reply may still settle what was taken for uncertain."""


def moves(row: Delivery, to: str, *, fence: int) -> bool:
    try:
        with transaction.atomic():
            Delivery.objects.filter(send_id=1, id=row.id).update(
                state=to, reason=LEGAL_REASONS[DeliveryState(to)][0], fence=fence
            )
            transaction.set_rollback(True)
    except IntegrityError:
        return False
    return True


def test_every_pair_of_states_is_legal_or_refused_as_designed():
    legal = {(old, new) for old, targets in MOVES.items() for new in targets}
    found = set()
    for number, old in enumerate(DeliveryState.values):
        row = a_row(old, number)
        found |= {(old, new) for new in DeliveryState.values if new != old and moves(row, new, fence=6)}
    assert found == legal


def test_what_waits_to_be_repeated_may_also_be_settled_as_arrived_or_held():
    first = a_row("pending", 1)
    again = a_row("pending", 2)
    Delivery.objects.filter(send_id=1, id=again.id).update(retried=True)

    assert [moves(first, to, fence=5) for to in ("accepted", "held")] == [False, False]
    assert [moves(again, to, fence=5) for to in ("accepted", "held")] == [True, True]


def test_a_move_back_needs_a_new_fence_and_no_fence_ever_falls():
    for number, old in enumerate(DeliveryState.values):
        row = a_row(old, number)
        assert not moves(row, "pending", fence=5) or old == "pending"
        for new in {*MOVES.get(old, ()), old}:
            assert not moves(row, new, fence=4), f"{old} to {new} with an older fence"


@pytest.mark.parametrize("state", DeliveryState)
def test_each_state_has_reasons_of_its_own(state):
    for number, reason in enumerate({each for reasons in LEGAL_REASONS.values() for each in reasons}):
        row = {"send_id": 1, "id": number, "subscriber_id": number, "email": "", "address_key": str(number)}
        try:
            with transaction.atomic():
                Delivery.objects.create(**row, state=state, reason=reason)
            taken = True
        except IntegrityError:
            taken = False
        assert taken is (reason in LEGAL_REASONS[state]), f"{state}/{reason}"


def test_nobody_is_in_a_send_twice():
    a_row("pending", 1)
    with pytest.raises(IntegrityError, match="delivery_once_per_address"):
        Delivery.objects.create(send_id=1, id=2, subscriber_id=2, email="", address_key="p1@example.com")


def test_the_audit_trail_can_only_grow():
    event = AuditEvent.objects.create(actor="ada", action="send.paused", subject="send:1")
    for change in ("UPDATE pipeline_auditevent SET actor = 'bo'", "DELETE FROM pipeline_auditevent"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            execute(change)
    event.refresh_from_db()
    assert event.actor == "ada"
