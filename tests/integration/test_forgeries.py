"""Whoever writes to our return paths without our signature changes nothing, however often; nor does saying it twice."""

import random
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from returned import books, comes_back, handed_over, return_path
from scene import Scene, accepted

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback
from pipeline.tokens import Keyring, Purpose
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).resolve().parents[1] / "corpus" / "feedback"
HARMFUL = [
    (SAMPLES / f"{name}.eml").read_bytes()
    for name in ("dsn-unknown-user", "dsn-null-mx", "dsn-mailbox-full", "dsn-delayed", "arf-abuse", "words-qmail-style")
]
FACTS = ("id", "state", "reason", "bounced_at", "bounce_reason", "bounce_hard", "delayed_at", "complained_at")


class Attacker:
    """Has read a mail of ours that was forwarded, and knows what our tokens look like; our keys they do not have."""

    def __init__(self, delivery, seed=7):
        self._random = random.Random(seed)
        self._ids = (delivery.send_id, delivery.id)
        self._theirs = Keyring({1: self._random.randbytes(32)})

    def address(self):
        """One that bears no signature of ours."""
        prefix, token = self._random.choice([self._guess, self._spoil, self._own, self._borrow, self._none])()
        return f"{prefix}{token}@{settings.BOUNCE_DOMAIN}"

    def _other(self):
        return self._random.randrange(1, 2**20), self._random.randrange(1, 2**20)

    def _guess(self):
        return "b-", "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz234567", k=self._random.randrange(1, 62)))

    def _spoil(self):
        token = keyring().sign(Purpose.RETURN_PATH, *self._ids)
        at = self._random.randrange(len(token))
        letter = self._random.choice(sorted(set("abcdefghijklmnopqrstuvwxyz234567") - {token[at]}))
        return "b-", token[:at] + letter + token[at + 1 :]

    def _own(self):
        purpose = self._random.choice([Purpose.RETURN_PATH, Purpose.UNSUBSCRIBE])
        ids = self._ids if purpose is Purpose.RETURN_PATH else (*self._ids, 1, 1)
        return ("b-" if purpose is Purpose.RETURN_PATH else "u-"), self._theirs.sign(purpose, *ids)

    def _borrow(self):
        """A true token of another kind: those in a page or a Message-ID are seen by many."""
        purpose = self._random.choice([Purpose.VIEW, Purpose.HEADER, Purpose.MESSAGE_ID, Purpose.CLICK])
        return self._random.choice(["b-", "u-"]), keyring().sign(purpose, *self._ids)

    def _none(self):
        return self._random.choice([("postmaster", ""), ("b-", ""), ("u-", ""), ("x-", "y")])

    def message(self, victim):
        raw = self._random.choice(HARMFUL).replace(b"ada@reader.example", victim.encode())
        return b"X-Try: %d\r\n" % self._random.randrange(2**40) + raw


def test_a_thousand_forgeries_change_nothing():
    victims = handed_over(Scene(), 10)
    before = books()
    for number in range(1000):
        victim = victims[number % len(victims)]
        attacker = Attacker(victim, seed=number)
        raw, to = attacker.message(victim.email), attacker.address()
        row = take_in(raw, source="smtp", envelope_to=to, envelope_from="", now=timezone.now())
        assert row.status in {"quarantined", "unattributed"}, (to, row.detail)
    assert books() == before
    assert Feedback.objects.count() == 1000


def test_what_they_try_works_with_our_signature():
    """So that the above can fail."""
    deliveries = handed_over(Scene(), len(HARMFUL))
    rows = [comes_back(raw, to) for raw, to in zip(HARMFUL, deliveries, strict=True)]
    assert {row.status for row in rows} == {"applied"}
    assert Suppression.objects.count() == 4  # unknown user, null MX, complaint, unknown user in words


def test_all_of_it_once_more_and_backwards_changes_nothing():
    letters = list(zip(HARMFUL, handed_over(Scene(), len(HARMFUL)), strict=True))
    for raw, to in letters:
        comes_back(raw, to)
    after = books()
    for raw, to in [*letters, *reversed(letters)]:
        comes_back(raw, to)
    assert books() == after
    assert Feedback.objects.count() == len(HARMFUL)


def test_a_report_that_overtakes_the_relays_answer_ends_the_same():
    """A relay on the same machine returns a mail before the answer that took it is written down."""
    scene = Scene(2 * len(HARMFUL))
    flying = scene.fly(2 * len(HARMFUL))
    in_turn, overtaking = flying[: len(HARMFUL)], flying[len(HARMFUL) :]
    transitions.record(scene.send.pk, [accepted(one) for one in in_turn])
    now = timezone.now()
    for raw, *both in zip(HARMFUL, in_turn, overtaking, strict=True):
        for one in map(scene.row, both):
            answer = raw.replace(b"ada@reader.example", one.email.encode())
            take_in(answer, source="smtp", envelope_to=return_path(one), envelope_from="", now=now)
    transitions.record(scene.send.pk, [accepted(one) for one in overtaking])
    found = {row["id"]: row for row in Delivery.objects.values(*FACTS)}
    for first, second in zip(in_turn, overtaking, strict=True):
        assert found[first.id] | {"id": 0} == found[second.id] | {"id": 0}
    suppressed = set(Suppression.objects.values_list("address_key", flat=True))
    assert {one.address_key in suppressed for one in in_turn} == {True, False}
    assert [one.address_key in suppressed for one in in_turn] == [one.address_key in suppressed for one in overtaking]
