"""Signed mail as a real relay, and a real Postfix behind which there is another, has received it."""

import datetime as dt
import logging
import pickle
from pathlib import Path

import pytest
from django.core import serializers
from django.db import IntegrityError, OperationalError, transaction
from dkimkeys import pem, rsa_key, verifies
from house import until
from opendkim import opendkim_says
from postfix import Postfix
from relay import Behaviour, Ledger, RelayServer
from test_sending import KIM, Desk, url

from pipeline import rotation, transitions
from pipeline.delivery import signing
from pipeline.delivery.dkim import Algorithm, Body, DkimError, Key
from pipeline.delivery.signing import forget_signers, key_of, signer_of
from pipeline.delivery.testsend import send_test
from pipeline.models import AuditEvent, DkimKey, Newsletter, Secret, SenderDomain
from pipeline.queries.signing import dkim_keys
from pipeline.sending import make_draft_proof
from pipeline.transitions import DkimKeyError

pytestmark = pytest.mark.django_db(transaction=True)
GOLDEN = Path(__file__).parent.parent / "corpus" / "golden"
PEOPLE = (KIM, "lee@example.com", "park@example.com")
TODAY = dt.date(2026, 11, 22)


@pytest.fixture
def server(tmp_path):
    with RelayServer(Behaviour(), Ledger(maildir=tmp_path / "mail")) as started:
        yield started


def taken(server: RelayServer) -> list[bytes]:
    return [path.read_bytes() for path in sorted((server.ledger._maildir / "new").iterdir())]


def a_key(domain: str = "city.example", *, ed25519: bool = False) -> list[Key]:
    """A domain whose keys sign."""
    rotation.new_keys(domain, ed25519=ed25519, selector="", today=TODAY, actor="ada")
    rotation.start_keys(domain, lambda *_: (), unseen=True, actor="ada")
    return [key_of(row) for row in dkim_keys(rotation.find_domain(domain), state="active")]


# -- on the wire


def test_what_a_relay_gets_verifies(server):
    keys = a_key(ed25519=True)
    desk = Desk(*PEOPLE, url=url(server))
    desk.work()
    assert desk.states() == {"accepted": 3}
    assert [verifies(wire, *keys) for wire in taken(server)] == [[True, True]] * 3


@pytest.mark.postfix
@pytest.mark.parametrize("body", ["simple", "relaxed"])
def test_what_comes_out_of_postfix_verifies_by_two_verifiers(server, tmp_path, body):
    keys = a_key(ed25519=True)
    transitions.set_dkim_body(rotation.find_domain("city.example"), body, actor="ada")
    with Postfix(server.port) as postfix:
        desk = Desk(*PEOPLE, url=url(postfix))
        desk.work()
        assert desk.states() == {"accepted": 3}
        until(lambda: len(server.ledger.entries) == 3, what="Postfix passing them on")
    for wire in taken(server):
        assert wire.startswith(b"Received: ")
        assert f"c=relaxed/{body};".encode() in wire
        assert verifies(wire, *keys) == [True, True]
        assert opendkim_says(wire, *keys, folder=tmp_path) == ["pass", "pass"]
        assert opendkim_says(wire.replace(b"bridge", b"Bridge"), *keys, folder=tmp_path) == ["fail", "fail"]


@pytest.mark.parametrize("name", ["issue.ko.eml", "letter.en.eml"])
def test_opendkim_verifies_golden_messages(tmp_path, name):
    [key] = a_key()
    newsletter = Newsletter(sender_address="desk@city.example")
    wire = signing.signed(newsletter, (GOLDEN / name).read_bytes())
    assert opendkim_says(wire, key, folder=tmp_path) == ["pass"]


def test_a_test_send_is_signed_too(server):
    keys = a_key()
    desk = Desk(KIM, url=url(server))
    [answer] = send_test(make_draft_proof(desk.issue), [KIM], actor="ada")
    assert answer.verdict == "accepted"
    [wire] = taken(server)
    assert b"[TEST]" in wire
    assert verifies(wire, *keys) == [True]


def test_without_a_key_mail_goes_out_as_it_is(server):
    desk = Desk(KIM, url=url(server))
    desk.work()
    [wire] = taken(server)
    assert b"DKIM-Signature" not in wire


def test_a_key_that_cannot_be_used_pauses_the_send_and_refuses_nobody(server):
    a_key()
    DkimKey.objects.update(private_pem=Secret("not a key"))
    forget_signers()
    desk = Desk(*PEOPLE, url=url(server))
    desk.work()
    assert desk.states() == {"pending": 3}
    assert desk.send.state == "paused"
    assert "is not an RSA or Ed25519 key" in desk.send.state_reason
    assert "not a key" not in desk.send.state_reason


@pytest.mark.parametrize("trouble", ["key", "database"])
def test_what_goes_wrong_in_the_middle_of_a_batch_loses_no_message(monkeypatch, trouble):
    clock = [1000.0]
    monkeypatch.setattr(signing.time, "monotonic", lambda: clock[0])
    [key] = a_key()
    newsletter = Newsletter(sender_address="desk@city.example")
    wire = (GOLDEN / "letter.en.eml").read_bytes()
    assert verifies(signing.signed(newsletter, wire), key) == [True]
    if trouble == "key":
        DkimKey.objects.update(private_pem=Secret("not a key"))
    else:
        monkeypatch.setattr(signing, "dkim_domain", away)
    clock[0] += 31
    assert verifies(signing.signed(newsletter, wire), key) == [True]
    clock[0] += 2
    with pytest.raises((DkimError, OperationalError)):
        signer_of(newsletter)
    forget_signers()
    with pytest.raises((DkimError, OperationalError)):
        signing.signed(newsletter, wire)


def away(_host: str) -> None:
    raise OperationalError("the database is away")


# -- whose key


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("desk@city.example", "city.example"),
        ("desk@NEWS.City.example", "city.example"),
        ("desk@own.city.example", "own.city.example"),
        ("desk@notcity.example", None),
        ("desk@example", None),
    ],
)
def test_the_nearest_domain_above_the_sender_signs(address, domain):
    a_key("city.example")
    a_key("own.city.example")
    signer = signer_of(Newsletter(sender_address=address))
    assert (signer and signer.keys[0].domain) == domain


def test_only_active_keys_sign_and_a_rotation_takes_their_place():
    news = Newsletter(sender_address="desk@city.example")

    def selectors() -> list[str]:
        signer = signer_of(news)
        return [key.selector for key in signer.keys] if signer else []

    rotation.new_keys("city.example", ed25519=True, selector="", today=TODAY, actor="ada")
    forget_signers()
    assert selectors() == []
    rotation.start_keys("city.example", lambda *_: (), unseen=True, actor="ada")
    assert selectors() == ["r20261122", "e20261122"]
    rotation.rotate_keys("city.example", selector="", today=TODAY, actor="ada")
    forget_signers()
    assert selectors() == ["r20261122", "e20261122"]
    rotation.start_keys("city.example", lambda *_: (), unseen=True, actor="ada")
    assert selectors() == ["r20261122-2", "e20261122-2"]
    states = {key.selector: key.state for key in DkimKey.objects.all()}
    assert states == {
        "r20261122": "retired", "e20261122": "retired", "r20261122-2": "active", "e20261122-2": "active",
    }  # fmt: skip


def test_keys_are_looked_for_anew_after_half_a_minute(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(signing.time, "monotonic", lambda: clock[0])
    news = Newsletter(sender_address="desk@city.example")
    assert signer_of(news) is None
    domain = SenderDomain.objects.create(from_domain="city.example", bounce_domain="bounces.city.example")
    key = transitions.keep_dkim_key(
        domain, selector="s1", algorithm=Algorithm.RSA, private_pem=Secret(pem(rsa_key()).decode()), actor="ada"
    )
    transitions.activate_dkim_key(key, actor="ada", why="test")
    assert signer_of(news) is None
    clock[0] += 31
    assert signer_of(news).keys[0].selector == "s1"


# -- the rules of keys


def test_an_ed25519_key_is_never_left_alone():
    rotation.new_keys("city.example", ed25519=True, selector="s1", today=TODAY, actor="ada")
    _, ed25519 = dkim_keys(rotation.find_domain("city.example"))
    with pytest.raises(DkimKeyError, match="only beside an active RSA key"):
        transitions.activate_dkim_key(ed25519, actor="ada", why="test")
    rotation.start_keys("city.example", lambda *_: (), unseen=True, actor="ada")
    with pytest.raises(DkimKeyError, match="left to sign without"):
        rotation.retire_key("city.example", "s1", actor="ada")
    for selector in ("s1-ed", "s1"):
        rotation.retire_key("city.example", selector, actor="ada")
    assert signer_of(Newsletter(sender_address="desk@city.example")) is None


def test_a_retired_key_never_signs_again():
    a_key()
    row = rotation.retire_key("city.example", "r20261122", actor="ada")
    transitions.activate_dkim_key(row, actor="ada", why="test")
    row.refresh_from_db()
    assert row.state == "retired"


def test_the_database_lets_one_key_of_a_kind_sign():
    a_key()
    domain = rotation.find_domain("city.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        domain.dkim_keys.create(
            selector="s9", algorithm="rsa-sha256", private_pem=Secret("x"), activated_at=dt.datetime.now(dt.UTC)
        )


def test_each_step_is_on_record():
    a_key()
    rotation.retire_key("city.example", "r20261122", actor="bo")
    acts = AuditEvent.objects.filter(action__startswith="dkim.").order_by("pk")
    assert [(act.actor, act.action) for act in acts] == [
        ("ada", "dkim.made"), ("ada", "dkim.activated"), ("bo", "dkim.retired"),
    ]  # fmt: skip
    assert not any("PRIVATE" in str(act.detail) for act in acts)


def test_nothing_private_leaves_a_stored_key(caplog):
    a_key()
    row = DkimKey.objects.get()
    line = row.private_pem.reveal().splitlines()[1]
    logging.getLogger("test").warning("%s %r %s", row, row, row.__dict__)
    shown = f"{row.private_pem} {row.private_pem!r} {row.__dict__} {serializers.serialize('json', [row])} {caplog.text}"
    assert line not in shown
    assert "(hidden)" in shown
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(row.private_pem)


def test_both_sides_name_algorithms_and_bodies_alike():
    assert set(DkimKey.Algorithm.values) == set(Algorithm)
    assert set(SenderDomain.Body.values) == set(Body)
