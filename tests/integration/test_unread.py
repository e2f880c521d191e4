"""A message that breaks its reader: kept, shown, believed in nothing; and the others go on."""

import zlib

import pytest
from django.utils import timezone
from returned import books, comes_back, handed_over
from scene import Scene

from pipeline.feedback import bounded
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback
from pipeline.tokens import Purpose

pytestmark = pytest.mark.django_db
DIES = "import os; os.write(0, bytes(4)); os.read(0, 9)"
"""Says that it is ready, and ends over its first message."""
WHY = "It could not be read: its reader broke down. It is kept as it came, and nothing was done."


@pytest.fixture
def broken(monkeypatch):
    bounded._READER.close()
    monkeypatch.setattr(bounded, "_START", DIES)
    yield monkeypatch
    bounded._READER.close()


def test_it_is_kept_beside_whom_it_came_for_and_changes_nothing(broken):
    unread, read = handed_over(Scene(2), 2)
    before = books()
    row = comes_back(b"Subject: hostile\r\n\r\n<ada@reader.example>: 550 5.1.1 user unknown", unread)
    assert (row.kind, row.status, row.detail, row.hard) == ("other", "unattributed", WHY, False)
    assert books() == before
    broken.undo()
    assert comes_back(b"Subject: Out of office\r\n\r\nback on Monday", read).status == "ignored", "the next is read"


def test_nobody_knows_whom_it_is_about_without_a_signature(broken):
    row = take(b"x", "postmaster@bounces.city.example")
    assert (row.status, row.detail) == ("unattributed", f"{WHY} It bears no signature of ours.")
    assert zlib.decompress(Feedback.objects.get().raw) == b"x"


def test_who_wants_to_leave_leaves_whatever_the_mail_is(broken):
    """Its words are not asked, so they need not be read."""
    scene = Scene(1)
    [delivery] = handed_over(scene)
    ids = (delivery.send_id, delivery.id, delivery.subscriber_id, scene.send.newsletter_id)
    row = take(b"x", f"u-{keyring().sign(Purpose.UNSUBSCRIBE, *ids)}@bounces.city.example")
    assert (row.kind, row.status) == ("unsubscribe", "applied")
    assert Delivery.objects.get(send_id=delivery.send_id, id=delivery.id).unsubscribed_at


def test_where_no_reader_starts_it_may_be_offered_again(broken):
    broken.setattr(bounded, "_START", "raise SystemExit")
    with pytest.raises(bounded.NoReaderError):
        take(b"x", "postmaster@bounces.city.example")
    assert not Feedback.objects.exists()


def take(raw, address):
    return take_in(raw, source="lmtp", envelope_to=address, envelope_from="", now=timezone.now())
