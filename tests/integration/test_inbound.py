"""`pressrun inbound` as mail servers meet it: over SMTP and LMTP, with the database away, and told to stop."""

import asyncio
import signal
import smtplib
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psycopg
import pytest
from aiosmtpd.lmtp import LMTP
from listening import BOUNCE, DOMAIN, FORGED, RETURN_PATH, Listening
from psycopg import sql

from pipeline.feedback import inbound as inbound_module
from pipeline.feedback.apply import envelope_recipient
from pipeline.feedback.bounded import NoReaderError
from pipeline.feedback.inbound import Intake, refusal_of
from pipeline.feedback.session import Room


@pytest.fixture(scope="module")
def lasting(new_house, tmp_path_factory):
    with new_house(tmp_path_factory.mktemp("inbound"), BOUNCE_DOMAIN=DOMAIN) as house:
        yield Listening(house)


@pytest.fixture
def inbound(lasting):
    """The same one for all tests, with nothing taken in yet."""
    with lasting.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback")
    return lasting


@pytest.fixture
def own_inbound(make_house):
    """One to do harm to."""
    return Listening(make_house(BOUNCE_DOMAIN=DOMAIN))


def test_a_bounce_is_stored_before_250(inbound):
    with inbound.smtp() as client:
        assert client.sendmail("", [RETURN_PATH], BOUNCE) == {}
        (row,) = inbound.feedback()
        assert row[:5] == ("bounce", "unattributed", RETURN_PATH, "", "smtp"), "signed by us; its delivery is gone"
        assert zlib.decompress(row[5]) == b"Return-Path: <>\r\n" + BOUNCE
        client.sendmail("<>", [FORGED], BOUNCE)
        client.sendmail("", [RETURN_PATH], BOUNCE)
    assert [row[1] for row in inbound.feedback()] == ["unattributed", "quarantined"], "and the same one only once"


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("ada@reader.example", "550 5.7.1"),
        (f"ada@{DOMAIN}", "550 5.1.1"),
        (f"b-x@sub.{DOMAIN}", "550 5.7.1"),
        (f"b-x%{DOMAIN}@reader.example", "550 5.7.1"),
        (f"b-x@{DOMAIN}@reader.example", "550 5.7.1"),
        ("postmaster", "550 5.7.1"),
        (f"B-X@{DOMAIN.upper()}", ""),
        (f"u-x@{DOMAIN}", ""),
        (f"postmaster@{DOMAIN}", ""),
    ],
)
def test_only_our_own_addresses_are_here(settings, address, refusal):
    settings.BOUNCE_DOMAIN = DOMAIN
    assert refusal_of(address).startswith(refusal)
    assert bool(refusal_of(address)) == bool(refusal)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ("Delivered-To: all@host.example\nDelivered-To: b-abc@bounces.city.example\nTo: a@b.example", "b-abc@"),
        ("Delivered-To: inbox@host.example\nX-Original-To: b-abc@bounces.city.example\nTo: a@b.example", "b-abc@"),
        ("To: <A@b.example>, Leave <U-ABC@Bounces.City.Example>", "U-ABC@"),
        ("To: a@b.example", "a@"),
        ("Subject: none", ""),
    ],
)
def test_a_piped_message_says_whom_it_was_for(settings, headers, address):
    settings.BOUNCE_DOMAIN = DOMAIN
    assert envelope_recipient(headers.encode() + b"\n\nbody").startswith(address)
    assert bool(envelope_recipient(headers.encode())) == bool(address)


def test_what_it_offers_and_what_it_refuses(inbound):
    with inbound.smtp() as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "10000000"
        assert client.has_extn("8bitmime")
        assert client.mail("x@y.test", ["SIZE=10000001"])[0] == 552
        client.mail("")
        assert client.rcpt("ada@reader.example")[0] == client.rcpt(f"ada@{DOMAIN}")[0] == 550
        codes = [client.rcpt(f"b-{number}@{DOMAIN}")[0] for number in range(52)]
        assert codes == [250] * 50 + [452] * 2
    assert inbound.feedback() == []


def test_lines_longer_than_any_standard_are_taken(inbound):
    long = b"From: x@y.test\r\n\r\n" + b"word " * 20_000 + b"\r\n.dot\r\n"
    with inbound.smtp() as client:
        client.sendmail("", [RETURN_PATH], long)
    assert zlib.decompress(inbound.feedback()[0][5]) == b"Return-Path: <>\r\n" + long


def test_lmtp_answers_for_each_recipient(inbound):
    with inbound.lmtp() as client:
        client.ehlo()
        client.mail("")
        assert [client.rcpt(to)[0] for to in (RETURN_PATH, FORGED, "ada@reader.example")] == [250, 250, 550]
        assert client.docmd("DATA")[0] == 354
        client.send(BOUNCE + b".\r\n")
        assert [client.getreply()[0], client.getreply()[0]] == [250, 250]
        assert client.noop()[0] == 250, "nothing is left to be read"
    assert [(row[1], row[4]) for row in inbound.feedback()] == [("unattributed", "lmtp"), ("quarantined", "lmtp")]


def test_a_defect_over_one_recipient_is_answered_to_that_one_alone(monkeypatch):
    """Over LMTP the others would wait for their answers for ever, and never be taken in."""

    def take_in(_raw, *, envelope_to, **_):
        if envelope_to == "bo@city.example":
            raise NoReaderError("no process to spare")

    monkeypatch.setattr(inbound_module, "take_in", take_in)
    monkeypatch.setattr(inbound_module, "close_old_connections", lambda: None)
    people = ["ada@city.example", "bo@city.example", "cy@city.example"]
    envelope = SimpleNamespace(rcpt_tos=people, content=BOUNCE, mail_from="")
    with ThreadPoolExecutor(1) as threads:
        intake = Intake("lmtp", threads, Room())
        answers = asyncio.run(intake.handle_DATA(object.__new__(LMTP), None, envelope))
    assert [answer[:3] for answer in answers.split("\r\n")] == ["250", "451", "250"]


def test_with_the_database_away_the_sender_keeps_the_mail(own_inbound, services):
    """Nothing is lost: 451 while it is away, 250 once it is back, in the same session."""
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(own_inbound.house.database_url)["dbname"])
    with own_inbound.smtp() as client, psycopg.connect(services["database"], autocommit=True) as server:
        client.sendmail("", [RETURN_PATH], BOUNCE)
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name._obj[0]])
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("", [FORGED], BOUNCE)
        assert refused.value.smtp_code == 451
        assert b"Nothing was taken" in refused.value.smtp_error
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        client.sendmail("", [FORGED], BOUNCE)
    assert [row[1] for row in own_inbound.feedback()] == ["unattributed", "quarantined"]


def test_it_ends_cleanly_when_told_to(own_inbound):
    with own_inbound.smtp() as client:
        client.ehlo()
        own_inbound.process.send_signal(signal.SIGTERM)
        assert own_inbound.process.wait(20) == 0
    assert "Traceback" not in own_inbound.house.log("inbound")
    assert "never" not in own_inbound.house.log("inbound"), "no forgotten tasks"


def test_a_client_that_hangs_up_harms_nobody(inbound):
    for said in (
        b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<" + RETURN_PATH.encode() + b">\r\nDATA\r\nhalf a mess",
        b"\xff\x00\r\n",
    ):
        with socket.create_connection(("127.0.0.1", inbound.ports["SMTP"])) as rude:
            rude.recv(100)
            rude.sendall(said)
    with inbound.smtp() as client:
        client.sendmail("", [RETURN_PATH], BOUNCE)
    assert len(inbound.feedback()) == 1, "half a message is none"


def test_a_port_in_use_is_named(make_house):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = make_house().run_alone("inbound", "--port", str(port), status=1)
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
