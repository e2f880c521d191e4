"""A seed mail: sent through each relay, signed, read back, and what it told kept for the next doctor."""

import datetime as dt
import io
import json

import pytest
from django.conf import settings
from dkimkeys import verifies
from newsroom import a_newsletter
from relay import Behaviour, Ledger, RelayServer
from zone import Zone

from pipeline import rotation
from pipeline.commands.doctor.senders import examine_senders
from pipeline.delivery import probe
from pipeline.delivery.signing import key_of
from pipeline.models import AuditEvent, Delivery, Route, Transport

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 22)
RESULTS = """\
Received: from relay.city.org ([8.8.4.4]) by mx.provider.example with ESMTPS; Sun, 22 Nov 2026 10:00:01 +0900
Authentication-Results: mx.provider.example; dkim={dkim} header.d=city.org header.s=s1;
 spf=pass smtp.mailfrom=b-test@b.city.org; dmarc=pass header.from=city.org
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "BOUNCE_DOMAIN", "b.city.org")
    with RelayServer(Behaviour(), Ledger(maildir=tmp_path / "mail")) as started:
        Transport.objects.create(name="default", url=f"smtp://127.0.0.1:{started.port}?starttls=never")
        yield started


@pytest.fixture
def key():
    a_newsletter(sender_address="desk@city.org")
    [row] = rotation.new_keys("city.org", ed25519=False, selector="s1", today=TODAY, actor="ada")
    rotation.start_keys("city.org", Zone({}), unseen=True, actor="ada")
    return key_of(row)


def taken(server: RelayServer) -> list[bytes]:
    return [path.read_bytes() for path in sorted((server.ledger._maildir / "new").iterdir())]


def returned(server: RelayServer, folder, *, dkim: str = "pass", more: str = "") -> str:
    path = folder / "copy.eml"
    path.write_bytes((more + RESULTS.format(dkim=dkim)).replace("\n", "\r\n").encode() + taken(server)[0])
    return str(path)


def test_a_seed_is_signed_and_comes_back_as_evidence(pressrun, server, key, tmp_path):
    said = json.loads(pressrun("doctor", "--probe", "ann@provider.example", "--json")[0])
    assert [(each["relay"], each["verdict"]) for each in said["seeds"]] == [("default", "accepted")]
    [wire] = taken(server)
    assert verifies(wire, key) == [True]
    assert not Delivery.objects.exists()

    before = {each.name: each.verdict.value for each in examine_senders(Zone({}))}
    assert before["city.org: TLS"] == "unknown"
    checks = json.loads(pressrun("doctor", "--returned", returned(server, tmp_path), "--json")[0])["checks"]
    assert {check["verdict"] for check in checks} == {"ok"}
    found = {each.name: each for each in examine_senders(Zone({}))}
    assert found["city.org: TLS"].verdict == "ok"
    assert "seen at mx.provider.example on" in found["city.org: TLS"].detail
    # the address that it came from is looked up now
    assert "8.8.4.4" in found["city.org: PTR"].detail
    # what can be looked up is not taken from a seed
    assert found["city.org: DKIM"].verdict == "bad"


def test_evidence_grows_old(pressrun, server, key, tmp_path, monkeypatch):
    pressrun("doctor", "--probe", "ann@provider.example")
    pressrun("doctor", "--returned", returned(server, tmp_path))
    monkeypatch.setattr(probe, "VALID_FOR", dt.timedelta(0))
    assert {each.name: each.verdict.value for each in examine_senders(Zone({}))}["city.org: TLS"] == "unknown"


def test_a_relay_that_signs_too_is_noted_once(pressrun, server, key, tmp_path):
    pressrun("doctor", "--probe", "ann@provider.example")
    copy = returned(server, tmp_path, more="DKIM-Signature: v=1; d=relay.example; s=x; b=y\n")
    for _ in range(2):
        assert "the relay signs too" in pressrun("doctor", "--returned", copy)[0]
    assert AuditEvent.objects.filter(action="transport.signs-too").count() == 1


def test_a_signature_that_broke_on_its_way_is_told(pressrun, server, key, tmp_path):
    pressrun("doctor", "--probe", "ann@provider.example")
    said, _ = pressrun("doctor", "--returned", returned(server, tmp_path, dkim="fail"), status=1)
    assert "dkim body DOMAIN relaxed" in " ".join(said.split())


def test_what_cannot_be_read_or_sent_is_said(pressrun, server, key, tmp_path, monkeypatch):
    (tmp_path / "other.eml").write_bytes(b"From: a@b.example\r\n\r\n")
    forged = b"X-Pressrun-Probe: 0123456789abcdef\r\nAuthentication-Results: x; spf=pass\r\n\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(forged)))
    for words, why in [
        (("--returned", "none.eml"), "cannot be read"),
        (("--returned", str(tmp_path / "other.eml")), "not a copy of a seed mail"),
        (("--returned", "-"), "was not sent from here"),
        (("--probe", "no address"), "Nothing was sent"),
        (("--probe", "ann@provider.example", "--newsletter", "none"), "There is no newsletter 'none': city"),
    ]:
        assert why in pressrun("doctor", *words, status=1)[1]
    assert taken(server) == []
    assert not AuditEvent.objects.filter(action__startswith="sender.").exists()


def test_each_relay_of_a_newsletter_gets_its_own_seed(pressrun, server, key, tmp_path):
    newsletter = a_newsletter(slug="b", sender_address="b@city.org")
    for name in ("one", "two"):
        made = Transport.objects.create(name=name, url=f"smtp://127.0.0.1:{server.port}?starttls=never")
        Route.objects.create(newsletter=newsletter, transport=made)
    assert "Name one with --newsletter: b, city" in pressrun("doctor", "--probe", "a@b.example", status=1)[1]
    said, _ = pressrun("doctor", "--probe", "ann@provider.example", "--newsletter", "b")
    assert "through one: accepted" in said
    assert "through two: accepted" in said
