"""Mail that was handed over, and what comes back of it to its return path."""

import zlib

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from scene import Scene, accepted

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback
from pipeline.tokens import Purpose

BOUNCE = """From: MAILER-DAEMON@reader.example
Subject: <script>alert(2)</script> \u202eevil
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/html

<script>alert(3)</script><p onclick="alert(4)">A part in HTML</p>
--b
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.reader.example

Final-Recipient: rfc822; ada@reader.example
Action: failed
Status: STATUS
Diagnostic-Code: smtp; WORDS
--b--
"""
STRANGE = "550 5.0.0 <script>alert(1)</script> qwxz \u202emoc.live"
"""Words that no rule knows, with what a page must not run."""


def handed_over(scene: Scene, number: int = 1) -> list[Delivery]:
    """Deliveries of a send that its relay has taken, each to somebody of its own and signed, so there is a key."""
    keyring()
    flying = scene.fly(number)
    transitions.record(scene.send.pk, [accepted(one) for one in flying])
    return [scene.row(one) for one in flying]


def return_path(delivery: Delivery) -> str:
    token = keyring().sign(Purpose.RETURN_PATH, delivery.send_id, delivery.id)
    return f"b-{token}@{settings.BOUNCE_DOMAIN}"


def comes_back(raw: bytes, delivery: Delivery) -> Feedback:
    """Deliver it to the return path of a delivery. Whoever it names is our reader then."""
    raw = raw.replace(b"ada@reader.example", delivery.email.encode())
    row = take_in(raw, source="lmtp", envelope_to=return_path(delivery), envelope_from="", now=timezone.now())
    assert zlib.decompress(bytes(Feedback.objects.get(pk=row.pk).raw)) == raw
    assert row.delivery_id == delivery.id
    return row


def books() -> dict[str, list[tuple[str]]]:
    """Every row of every table but the one that keeps what came."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {Feedback._meta.db_table}
        return {table: _rows(cursor, table) for table in tables}


def _rows(cursor: CursorWrapper, table: str) -> list[tuple[str]]:
    cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
    found: list[tuple[str]] = cursor.fetchall()
    return found


def a_bounce(words: str = STRANGE, status: str = "5.0.0") -> bytes:
    """A report of failure with parts and headers that a page must not run."""
    return BOUNCE.replace("WORDS", words).replace("STATUS", status).encode()
