"""Whoever means harm to `pressrun inbound`: refused with a reply, within its memory, and the others are served."""

import contextlib
import smtplib
import socket
import zlib
from pathlib import Path

import pytest
from house import until
from listening import BOUNCE, DOMAIN, FORGED, RETURN_PATH, Listening

from pipeline.feedback import session

HEAD = f"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{RETURN_PATH}>\r\nRCPT TO:<{FORGED}>\r\nDATA\r\n".encode()


@pytest.fixture(scope="module")
def lasting(new_house, tmp_path_factory):
    with new_house(tmp_path_factory.mktemp("hostile"), BOUNCE_DOMAIN=DOMAIN) as house:
        yield Listening(house)


@pytest.fixture
def inbound(lasting):
    with lasting.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback")
    with lasting.smtp() as client:
        client.sendmail("", [RETURN_PATH], BOUNCE)  # all that is loaded when it is first needed
    yield lasting
    with until(lambda: connected(lasting), what="a free line") as client:
        client.sendmail("", [RETURN_PATH], BOUNCE + b"others are served\r\n")
    assert [row[0] for row in lasting.feedback()] == ["bounce", "bounce"]


def connected(listening):
    """None while there are too many: whoever hung up is noticed a moment later."""
    with contextlib.suppress(smtplib.SMTPConnectError):
        return listening.smtp()


class Peak:
    """By how many megabytes a process grew at most since it began to be looked at."""

    def __init__(self, pid):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._status = Path(f"/proc/{pid}/status")
        self._before = self._read()

    def _read(self):
        return next(int(line.split()[1]) for line in self._status.read_text().splitlines() if line.startswith("VmHWM"))

    def grown(self):
        return (self._read() - self._before) / 1024


@pytest.fixture
def peak(inbound):
    return Peak(inbound.process.pid)


@contextlib.contextmanager
def talking(inbound, protocol="LMTP"):
    with socket.create_connection(("127.0.0.1", inbound.ports[protocol]), timeout=60) as line:
        replies = line.makefile("rb")
        assert replies.readline().startswith(b"220")
        yield line, replies


def until_data(line, replies):
    line.sendall(HEAD)
    while not replies.readline().startswith(b"354"):
        pass


@pytest.mark.parametrize(
    ("piece", "times", "reply"),
    [
        (b"x" * 998 + b"\r\n", 100_000, b"552 5.3.4"),
        (b"\r\n", 6_000_000, b"552 5.3.4"),
        (b"x" * 1000, 100_000, b"554 5.6.0"),
        (b"\0" * 1000, 20_000, b"554 5.6.0"),
        (b"\n.\n" * 300, 20_000, b"554 5.6.0"),
    ],
    ids=["a hundred megabytes", "empty lines", "a line without end", "NUL", "no CRLF"],
)
def test_what_is_too_much_is_refused_to_each_recipient_and_not_kept(inbound, peak, piece, times, reply):
    block = piece * (100_000 // len(piece))
    with talking(inbound) as (line, replies):
        until_data(line, replies)
        for _ in range(times * len(piece) // len(block)):
            line.sendall(block)
        line.sendall(b"\r\n.\r\nNOOP\r\n")
        assert [replies.readline()[:9] for _ in range(2)] == [reply, reply]
        assert replies.readline().startswith(b"250"), "the session goes on"
    assert peak.grown() < 40


def test_what_may_be_taken_costs_no_multiple_of_it(inbound, peak):
    with talking(inbound) as (line, replies):
        until_data(line, replies)
        line.sendall(b"\r\n" * (session.SIZE_AT_MOST // 2 - 10) + b".\r\n")
        assert [replies.readline()[:3] for _ in range(2)] == [b"250", b"250"]
    assert peak.grown() < 80
    with inbound.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback WHERE kind = 'other'")


def test_dots_are_taken_back_and_a_lone_one_ends(inbound):
    with talking(inbound, "SMTP") as (line, replies):
        line.sendall(HEAD.replace(b"LHLO", b"HELO"))
        until(lambda: replies.readline().startswith(b"354"), what="354")
        line.sendall(b"..\r\n.x\r\n\n.\n.\r\r\n...\r\n.\r\nQUIT\r\n")
        assert [replies.readline()[:3] for _ in range(2)] == [b"250", b"221"]
    raw = bytes(inbound.feedback()[1][5])
    assert zlib.decompress(raw) == b"Return-Path: <>\r\n.\r\nx\r\n\n.\n.\r\r\n..\r\n"
    with inbound.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback WHERE kind = 'other'")


def test_garbage_is_answered_and_hung_up_on(inbound):
    with talking(inbound, "SMTP") as (line, replies):
        line.sendall(b"\xff\xfe\r\n\r\n" + b"DATA\r\n" + b"NONSENSE\r\n" * 50)
        with contextlib.suppress(ConnectionError):
            said = replies.read()
        assert said.count(b"\r\n") < 20
        assert b"502 5.5.1" in said
    with talking(inbound, "SMTP") as (line, replies):
        line.sendall(b"EHLO " + b"x" * 5_000_000 + b"\r\nNOOP\r\n")
        assert replies.readline().startswith(b"500")
        assert replies.readline().startswith(b"250")
    for command in (b"MAIL FROM:<a@b> SIZE=99999999999999999999", b"RCPT TO:<" + b"x" * 900 + b">", b"DATA x"):
        with talking(inbound, "SMTP") as (line, replies):
            line.sendall(b"HELO x\r\n" + command + b"\r\n")
            assert [replies.readline()[:1] for _ in range(2)] == [b"2", b"5"]


def test_odd_recipients_are_refused_or_kept_without_belief(inbound):
    with talking(inbound, "SMTP") as (line, replies):
        line.sendall(b"HELO x\r\nMAIL FROM:<\xed\xa0\x80@x.test>\r\n")
        for local in (b"b-\xff", b"b-\0", b'"b- x"', b"b-" + b"a" * 300, b"u-%s"):
            line.sendall(b"RCPT TO:<%s@%s>\r\n" % (local, DOMAIN.encode()))
        line.sendall(b"DATA\r\n")
        until(lambda: replies.readline().startswith((b"354", b"503")), what="an answer to DATA")
        line.sendall(BOUNCE + b".\r\nQUIT\r\n")
        assert replies.readline()[:3] in {b"250", b"500"}
    with inbound.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback WHERE envelope_to <> %s", [RETURN_PATH])


def test_many_that_only_hold_the_line_are_turned_away(inbound):
    """Each has its two minutes since its last word; one more than there may be hears so."""
    with contextlib.ExitStack() as held:
        for _ in range(session.SESSIONS_AT_MOST):
            line, _replies = held.enter_context(talking(inbound, "SMTP"))
            line.sendall(b"EHL")
        with socket.create_connection(("127.0.0.1", inbound.ports["SMTP"]), timeout=60) as line:
            assert line.makefile("rb").read().startswith(b"421 4.3.2")


def test_all_of_them_together_keep_only_so_much(inbound, peak):
    nearly = b"x" * 998 + b"\r\n"
    with contextlib.ExitStack() as held:
        sessions = [held.enter_context(talking(inbound)) for _ in range(13)]
        for line, replies in sessions:
            until_data(line, replies)
        for line, _ in sessions:
            line.sendall(nearly * 9000)
        for line, _ in sessions:
            line.sendall(b"From: x@y.test\r\n.\r\n")
        answers = [(replies.readline()[:3], replies.readline()[:3]) for _, replies in sessions]
    assert answers.count((b"452", b"452")) >= 1
    assert set(answers) <= {(b"452", b"452"), (b"250", b"250")}
    assert peak.grown() < 300
    with inbound.house.database() as connection:
        connection.execute("DELETE FROM pipeline_feedback WHERE kind = 'other'")
