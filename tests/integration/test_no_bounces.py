"""What is no bounce changes nothing, though it comes to the true return path of a mail that was taken."""

from pathlib import Path

import pytest
from negatives import negatives
from returned import books, comes_back, handed_over
from scene import Scene

from pipeline.models import Delivery, Feedback
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
ALL = tuple(negatives())
REAL = (Path(__file__).resolve().parents[1] / "corpus" / "feedback" / "dsn-unknown-user.eml").read_bytes()
EXPECTED = {"reply": "applied"}
"""An answer is handed on to whoever edits the newsletter, which changes nothing but its own row."""


def test_nothing_is_suppressed_counted_or_otherwise_changed():
    deliveries = handed_over(Scene(len(ALL)), len(ALL))
    before = books()
    rows = {one.name: comes_back(one.raw, to) for one, to in zip(ALL, deliveries, strict=True)}
    assert {name: row.detail for name, row in rows.items() if row.status != EXPECTED.get(row.kind, "ignored")} == {}
    Delivery.objects.update(alive_at=None)  # answers show that somebody is there; that is all they do
    assert books() == before
    assert Feedback.objects.filter(kind__in=["bounce", "delay", "complaint"]).count() == 0


def test_a_bounce_among_them_is_seen():
    """So that the above can fail."""
    [to] = handed_over(Scene(1))
    before = books()
    assert comes_back(REAL, to).status == "applied"
    changed = {table for table, rows in books().items() if rows != before[table]}
    assert {Delivery._meta.db_table, Suppression._meta.db_table} <= changed
