"""Replies out of any bytes that a relay may send, and never a wait without end."""

import socket
import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.smtp.exchange import _ALL_YES
from pipeline.delivery.smtp.wire import LostError, OutOfTurnError, Reply, Timeouts, Wire


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), theirs


def test_a_reply_is_kept_word_for_word_with_its_code_and_its_enhanced_code(pair):
    wire, relay = pair
    relay.sendall(b"550-5.1.1 No such user\r\n550-\r\n550 5.1.1 here\r\n250 2.0.0 Ok: queued as 4F1A\r\n")
    reply = wire.read(5)
    assert reply == Reply(550, "550-5.1.1 No such user\n550-\n550 5.1.1 here")
    assert (reply.kind, reply.enhanced, reply.lines) == (5, "5.1.1", ["5.1.1 No such user", "", "5.1.1 here"])
    assert wire.has_more
    assert wire.read(5).text == "250 2.0.0 Ok: queued as 4F1A"
    assert not wire.has_more


@pytest.mark.parametrize(
    ("line", "enhanced"),
    [
        (b"250", ""),
        (b"250 Ok", ""),
        (b"550 5.1.1", "5.1.1"),
        (b"550 5.1.12 no", "5.1.12"),
        (b"550 5.1.1no", ""),
        (b"550 10.0.0.1 is listed", ""),
        (b"550 5.1.1234 no", ""),
    ],
)
def test_an_enhanced_code_is_one_only_in_its_place(pair, line, enhanced):
    wire, relay = pair
    relay.sendall(line + b"\r\n")
    assert wire.read(5).enhanced == enhanced


def test_a_bare_newline_ends_a_line_too(pair):
    wire, relay = pair
    relay.sendall(b"250 Ok\n")
    assert wire.read(5) == Reply(250, "250 Ok")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("550 없는 사용자\r\n".encode(), "550 없는 사용자"),
        ("550 없음\r\n".encode("euc-kr"), "550 \\xbe\\xf8\\xc0\\xbd"),
        (b"550 a\0b\x1b[31m\x07\r\n", "550 a\\x00b\\x1b[31m\\x07"),
        ("550 a\x85b\r\n".encode(), "550 a\\x85b"),
    ],
)
def test_what_no_database_or_terminal_should_get_is_shown_escaped(pair, octets, text):
    wire, relay = pair
    relay.sendall(octets)
    assert wire.read(5).text == text


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"\r\n",
        b"25\r\n",
        b"250x\r\n",
        b"100 Trying\r\n",
        b"600 No\r\n",
        b"250-a\r\n550 b\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        "²²² x\r\n".encode(),
        b"x" * 5000,
        b"250-a\r\n" * 20_000,
    ],
)
def test_what_is_not_smtp_is_out_of_turn(pair, octets):
    wire, relay = pair
    threading.Thread(target=relay.sendall, args=(octets,), daemon=True).start()
    with pytest.raises(OutOfTurnError):
        wire.read(5)


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_replies_or_the_end_of_the_connection(octets):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(octets)
        theirs.shutdown(socket.SHUT_WR)
        wire = Wire(ours)
        with suppress(LostError):
            while reply := wire.read(5):
                assert 200 <= reply.code <= 599
                assert "\0" not in reply.text
                reply.text.encode()


def test_a_reply_that_trickles_is_not_waited_for_for_ever(pair):
    wire, relay = pair
    ended = threading.Event()

    def trickle():
        while not ended.wait(0.01):
            relay.send(b"2")

    thread = threading.Thread(target=trickle)
    thread.start()
    with pytest.raises(LostError, match="no answer came in time"):
        wire.read(0.1)
    ended.set()
    thread.join()


def test_a_closed_connection_is_told_from_a_silent_one(pair):
    wire, relay = pair
    relay.close()
    with pytest.raises(LostError, match="the relay closed the connection"):
        wire.read(5)


def test_a_write_says_how_much_was_taken(pair):
    wire, relay = pair
    assert wire.write([b"x" * 1000], 5) == 1000
    assert 0 < wire.write([b"x" * 10_000_000], 0.05) < 10_000_000
    relay.close()
    assert wire.write([b"x"], 5) == 0


def test_a_slow_reader_gets_a_large_message_whole(pair):
    wire, relay = pair
    received = []

    def drain():
        while octets := relay.recv(65_536):
            received.append(octets)

    thread = threading.Thread(target=drain)
    thread.start()
    assert wire.write([b"x" * 3_000_000], 5) == 3_000_000
    wire.close()
    thread.join()
    assert sum(map(len, received)) == 3_000_000


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        (b"250 a\r\n354 go\r\n", True),
        (b"250\r\n354\r\n", True),
        (b"250-a\r\n250 a\r\n354 go\r\n", False),
        (b"250 a\r\n354 go\r\n250 b\r\n", False),
        (b"250 a\r\n354 g", False),
        (b"550 a\r\n354 go\r\n", False),
        (b"250 a\r\n554 no\r\n", False),
        (b"250\n250 b\r\n354 go\r\n", False),
    ],
)
def test_answers_are_taken_at_once_if_they_are_all_that_is_there_and_all_say_yes(pair, more, taken):
    wire, relay = pair
    relay.sendall(b"250 Ok: queued\r\n250 2.1.0 Ok\r\n" + more)
    assert wire.read(5).text == "250 Ok: queued"
    assert wire.take(_ALL_YES) is taken
    assert wire.has_more is not taken
    if not taken:
        assert wire.read(5).text == "250 2.1.0 Ok"


def test_nothing_is_heard_in_silence_and_the_unasked_is(pair):
    wire, relay = pair
    assert wire.overhear() == b""
    relay.sendall(b"421 4.4.2 Idle\r\n")
    assert wire.overhear() == b"421 4.4.2 Idle\r\n"
    assert wire.read(5).code == 421
    relay.close()
    with pytest.raises(LostError):
        wire.overhear()


def test_a_test_s_scale_shortens_every_wait_and_none_below_a_second():
    scaled = Timeouts().scaled(0.01)
    assert (scaled.dot, scaled.greeting, scaled.command, scaled.block, scaled.connect) == (6, 3, 3, 6, 1)
    assert Timeouts().scaled(1) == Timeouts()
    assert Timeouts(dot=0.5).scaled(0.1).dot == 0.5
