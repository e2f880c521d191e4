"""How PostgreSQL finds the rows of a batch: by their keys, however little it knows of the table."""

import pytest
from scene import Scene, accepted

from pipeline import transitions
from pipeline.queries.sql import execute, look_up_only, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def plans(db):
    """Run each statement of a batch once, and give the plans that the session keeps for them."""
    scene = Scene(30)
    execute("ANALYZE pipeline_delivery")  # as at the start of a larger send
    look_up_only()
    transitions.claim(scene.send.pk, lease_id=scene.lease, most=5)
    transitions.mark_in_flight(scene.send.pk, lease_id=scene.lease, claimed=[])
    transitions.record(scene.send.pk, [])
    kept = rows("SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements")
    return {
        statement: "\n".join(line for (line,) in rows(f"EXPLAIN EXECUTE {name}({', '.join(['NULL'] * number)})"))
        for name, statement, number in kept
    }


def test_each_statement_is_planned_once_and_finds_deliveries_by_their_keys(plans):
    assert len(plans) == 3
    for plan in plans.values():
        assert "Index Scan using pipeline_delivery_pkey on pipeline_delivery d" in plan
        assert "Seq Scan on pipeline_delivery" not in plan
        assert "delivery_once_per_address" not in plan
        assert "delivery_leased" not in plan


def test_what_is_due_is_read_in_order_and_no_further_than_asked(plans):
    [claim] = [plan for statement, plan in plans.items() if "SKIP LOCKED" in statement]
    assert "Index Scan using delivery_due" in claim
    assert "Sort" not in claim


def test_a_planned_statement_does_what_it_does_the_first_time(scene):
    look_up_only()
    for number in range(1, 9):
        [one] = scene.fly()
        assert transitions.record(scene.send.pk, [accepted(one)]) == {one.id}
        assert scene.states()["accepted"] == number
