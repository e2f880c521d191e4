"""What is written for an envelope, and what never is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.envelope import Envelope, Result, Verdict
from pipeline.delivery.smtp.commands import Commands, commands

WIRE = b"Subject: x\r\n\r\nHello.\r\n"
EVERYTHING = {"SIZE": "1000", "8BITMIME": "", "SMTPUTF8": "", "DSN": "", "PIPELINING": ""}


def made(recipient="ann@x.test", *, sender="b+1@news.test", wire=WIRE, envid="", offered=None):
    return commands(Envelope("key", sender, recipient, wire, envid), offered or {})


def test_a_plain_relay_gets_plain_commands():
    assert made() == Commands(b"MAIL FROM:<b+1@news.test>\r\n", b"RCPT TO:<ann@x.test>\r\n")


def test_the_null_sender_is_an_empty_path():
    assert made(sender="").mail == b"MAIL FROM:<>\r\n"


def test_what_is_offered_is_used():
    both = made("ann+a@x.test", wire="Subject: x\r\n\r\n서울\r\n".encode(), envid="7 +=", offered=EVERYTHING)
    assert both.mail == b"MAIL FROM:<b+1@news.test> SIZE=22 BODY=8BITMIME RET=HDRS ENVID=7+20+2B+3D\r\n"
    assert both.rcpt == b"RCPT TO:<ann+a@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Ba@x.test\r\n"


def test_an_envid_is_cut_to_its_limit():
    assert len(made(envid="x" * 300, offered=EVERYTHING).mail.partition(b"ENVID=")[2]) == 100 + 2


def test_a_korean_address_needs_smtputf8_and_is_then_written_as_it_is():
    both = made("세종@x.test", offered=EVERYTHING)
    assert both.rcpt == "RCPT TO:<세종@x.test> NOTIFY=FAILURE,DELAY\r\n".encode()
    assert b" SMTPUTF8" in both.mail
    refused = made("세종@x.test")
    assert (refused.verdict, refused.command, refused.enhanced) == (Verdict.REJECTED, "RCPT", "5.6.7")
    assert "the relay does not offer SMTPUTF8" in refused.text


def test_a_korean_domain_is_written_in_ascii_to_every_relay():
    assert made("info@세종.kr").rcpt == b"RCPT TO:<info@xn--vj4bo7k.kr>\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@x.test",
        "ann@",
        "ann @x.test",
        "ann@x.test>\r\nRCPT TO:<eve@x.test",
        "ann@x.test\r\nDATA",
        "ann@x\n.test",
        "ann@x.test\0",
        "<ann@x.test>",
        "ann@x.test> SIZE=1",
        "ann@x.test\u2028",
        "ann\x85@x.test",
        "ann\udcff@x.test",
        "ann@세종..kr",
        "a" * 65 + "@x.test",
        "세" * 22 + "@x.test",
        "ann@" + "x" * 251,
    ],
)
def test_what_is_no_address_is_refused_before_a_byte_is_written(address):
    refused = made(address, offered=EVERYTHING)
    assert (refused.verdict, refused.command, refused.code, refused.enhanced) == (
        Verdict.REJECTED,
        "RCPT",
        None,
        "5.1.3",
    )
    if address:
        refused = made(sender=address, offered=EVERYTHING)
        assert (refused.verdict, refused.command, refused.enhanced) == (Verdict.REJECTED, "MAIL", "5.1.7")


@given(st.text(), st.text(), st.sampled_from([{}, EVERYTHING]), st.text())
def test_no_text_ever_ends_a_command_or_adds_another(local, domain, offered, envid):
    for address in (f"{local}@{domain}", f"{local}@x.test", f"a@{domain}"):
        both = made(address, sender=address, envid=envid, offered=offered)
        if isinstance(both, Commands):
            assert re.fullmatch(rb"MAIL FROM:<[^\x00-\x20<>\x7f]+>( [!-~]+)*\r\n", both.mail)
            assert re.fullmatch(rb"RCPT TO:<[^\x00-\x20<>\x7f]+>( [!-~]+)*\r\n", both.rcpt)
        else:
            assert isinstance(both, Result)
            assert both.verdict is Verdict.REJECTED


def test_a_message_that_is_too_big_is_not_offered():
    refused = made(wire=b"x" * 1000 + b"\r\n", offered=EVERYTHING)
    assert (refused.command, refused.enhanced) == ("MAIL", "5.3.4")
    assert refused.text == "The message has 1002 bytes; the relay takes at most 1000."


@pytest.mark.parametrize("limit", ["0", "", "lots", "²"])
def test_a_size_without_a_limit_limits_nothing(limit):
    assert isinstance(made(wire=b"x" * 1000 + b"\r\n", offered={"SIZE": limit}), Commands)


def test_eight_bits_are_not_offered_to_a_seven_bit_relay():
    refused = made(wire="서울\r\n".encode())
    assert (refused.verdict, refused.enhanced) == (Verdict.REJECTED, "5.6.3")


@pytest.mark.parametrize("wire", [b"", b"x", b"x\n", b"x\r"])
def test_a_message_without_a_last_line_end_would_swallow_the_dot(wire):
    refused = made(wire=wire)
    assert (refused.verdict, refused.command, refused.enhanced) == (Verdict.REJECTED, ".", "5.6.0")
