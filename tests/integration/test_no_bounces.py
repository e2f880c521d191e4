"""What is no bounce changes nothing, though it comes to the true return path of a mail that was taken."""

import zlib
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from negatives import negatives
from scene import Scene, accepted

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback
from pipeline.tokens import Purpose
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
ALL = tuple(negatives())
REAL = (Path(__file__).resolve().parents[1] / "corpus" / "feedback" / "dsn-unknown-user.eml").read_bytes()


def handed_over(number):
    """Deliveries that a relay has taken, each to somebody of its own, by the return path that it was given."""
    scene = Scene(number)
    flying = scene.fly(number)
    transitions.record(scene.send.pk, [accepted(one) for one in flying])
    return {return_path(one): one for one in map(scene.row, flying)}


def return_path(delivery):
    token = keyring().sign(Purpose.RETURN_PATH, delivery.send_id, delivery.id)
    return f"b-{token}@{settings.BOUNCE_DOMAIN}"


def comes_back(raw, address, delivery):
    """Deliver it to the return path. Whoever it names is our reader then."""
    raw = raw.replace(b"ada@reader.example", delivery.email.encode())
    row = take_in(raw, source="lmtp", envelope_to=address, envelope_from="", now=timezone.now())
    assert zlib.decompress(bytes(Feedback.objects.get(pk=row.pk).raw)) == raw
    assert row.delivery_id == delivery.id
    return row


def books():
    """Every row of every table but the one that keeps what came."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {Feedback._meta.db_table}
        return {table: _rows(cursor, table) for table in tables}


def _rows(cursor, table):
    cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
    return cursor.fetchall()


def test_nothing_is_suppressed_counted_or_otherwise_changed():
    deliveries = handed_over(len(ALL))
    before = books()
    rows = {one.name: comes_back(one.raw, *to) for one, to in zip(ALL, deliveries.items(), strict=True)}
    assert {name: row.detail for name, row in rows.items() if row.status != "ignored"} == {}
    assert books() == before
    assert Feedback.objects.filter(kind__in=["bounce", "delay", "complaint"]).count() == 0


def test_a_bounce_among_them_is_seen():
    """So that the above can fail."""
    [to] = handed_over(1).items()
    before = books()
    assert comes_back(REAL, *to).status == "applied"
    changed = {table for table, rows in books().items() if rows != before[table]}
    assert {Delivery._meta.db_table, Suppression._meta.db_table} <= changed
