"""What the audit finds beside what is in the rows: repetitions and evidence that nobody noted, guards that are off.

Each test plants one thing that must never be, past every guard, and looks whether it is noticed. The plain ones are in
`test_queries`.
"""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone
from newsroom import a_send
from scene import Scene, accepted

from pipeline import queries, transitions
from pipeline.models import AuditEvent, Delivery, Lease
from pipeline.queries.sql import execute
from subscribers.models import Subscription

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(hours=12)


def failing(scene: Scene) -> dict[str, str]:
    return {found.invariant: found.detail for found in queries.audit(scene.send.pk) if not found.ok}


def change(scene: Scene, number: int, **columns: object) -> None:
    assert Delivery.objects.filter(send_id=scene.send.pk, id=number).update(**columns) == 1


def repeated(scene: Scene) -> int:
    """A delivery that is tried once more, as it should be."""
    [one] = scene.doubt()
    transitions.settle_uncertain()
    assert scene.row(one).retried
    return one.id


def test_a_repetition_and_its_evidence_on_record_are_in_order(scene: Scene):
    number = repeated(scene)
    transitions.record_click(scene.send.pk, number, at=timezone.now())
    assert scene.states()["accepted"] == 1
    assert failing(scene) == {}


def test_a_repetition_that_nobody_noted_is_noticed(scene: Scene):
    change(scene, 3, retried=True)
    assert set(failing(scene)) == {"I2"}
    assert "1 repeated without a word" in failing(scene)["I2"]


def test_a_repetition_that_the_books_deny_is_noticed(scene: Scene):
    change(scene, repeated(scene), retried=False)
    assert set(failing(scene)) == {"I2"}


def test_evidence_that_nobody_noted_is_noticed(scene: Scene):
    [one] = scene.doubt()
    change(scene, one.id, state="accepted", reason="evidence", due_at=None)
    assert set(failing(scene)) == {"I3"}
    AuditEvent.objects.create(actor="t", action="delivery.settled", subject=f"delivery:{scene.send.pk}-{one.id}")
    assert failing(scene) == {}


def test_a_yes_that_was_booked_as_a_no_is_noticed(scene: Scene):
    [one] = scene.fly()
    change(scene, one.id, state="rejected", reason="policy", reply="250 2.0.0 Ok", lease_id=None)
    assert set(failing(scene)) == {"I3"}


def test_proofs_that_could_be_changed_are_noticed(scene: Scene):
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE pipeline_proof DISABLE TRIGGER pressrun_append_only")
    assert failing(scene) == {"I4": "0 without a proof, proofs can be changed"}


def test_mail_after_leaving_every_list_is_noticed_and_within_a_batch_it_is_not(scene: Scene):
    [one] = scene.fly()
    Subscription.objects.filter(subscriber_id=one.subscriber_id).update(state="unsubscribed", changed_at=timezone.now())
    transitions.record(scene.send.pk, [accepted(one)])
    assert failing(scene) == {}
    change(scene, one.id, updated_at=timezone.now() + LATER)
    assert set(failing(scene)) == {"I5"}


def test_a_lease_of_another_send_is_no_excuse(scene: Scene):
    scene.fly()
    other = a_send(scene.send.proofs.get().issue, scene.list)
    Lease.objects.filter(pk=scene.lease).update(send=other)
    assert set(failing(scene)) == {"I6"}


@pytest.mark.parametrize("state", ["pending", "uncertain"])
def test_a_delivery_that_waits_for_no_time_is_noticed(scene: Scene, state):
    number = 1
    if state == "uncertain":
        [one] = scene.doubt()
        number = one.id
    change(scene, number, due_at=None)
    assert failing(scene) == {"I6": "0 in work without anybody working on them, 1 waiting for no time"}


def test_an_audit_trail_that_could_be_changed_is_noticed(scene: Scene):
    execute("ALTER TABLE pipeline_auditevent DISABLE TRIGGER pressrun_append_only")
    assert set(failing(scene)) == {"I7"}


def test_the_constraint_on_reasons_must_have_looked_at_every_row(scene: Scene):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'delivery_reason_legal'")
        [[definition]] = cursor.fetchall()
    execute("ALTER TABLE pipeline_delivery DROP CONSTRAINT delivery_reason_legal")
    execute(f"ALTER TABLE pipeline_delivery ADD CONSTRAINT delivery_reason_legal {definition} NOT VALID")
    assert set(failing(scene)) == {"I8"}
