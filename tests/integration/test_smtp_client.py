"""The client against relays that were written by others, and against those that lie about whose turn it is."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from relay import KEYWORDS, Behaviour, Ledger, RelayServer

from pipeline.delivery.smtp import (
    Connection,
    Envelope,
    Relay,
    RelayRefused,
    RelayTrouble,
    RelayUnreachable,
    Timeouts,
    Tls,
    Verdict,
)

WIRE = b"Message-ID: <1@news.test>\r\nSubject: Issue 20\r\n\r\n" + b"Streets that count their cars.\r\n" * 40
QUICK = Timeouts(connect=5, greeting=0.5, command=0.5, data=0.5, block=0.5, dot=0.5, quit=0.5)


def envelope(key="ann", **changes):
    return Envelope(**{"key": key, "sender": "b@news.test", "recipient": f"{key}@x.test", "wire": WIRE} | changes)


def always():
    return True


def opened(server, **options):
    return Connection.open(Relay("127.0.0.1", server.port, Tls.NEVER), helo="client.test", **options)


@contextmanager
def serving(**behaviour):
    with RelayServer(Behaviour(**behaviour), Ledger()) as server:
        yield server


def sent_to(server):
    return [entry["rcpt"] for entry in server.ledger.entries]


# -- relays by others


@pytest.fixture
def smtp_sink():
    program = shutil.which("smtp-sink") or shutil.which("/usr/sbin/smtp-sink")
    if program is None:
        assert os.environ.get("PRESSRUN_REQUIRE_SERVICES") != "1", "Debian's postfix is not installed"
        pytest.skip("needs smtp-sink of Debian's postfix")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *user, f"127.0.0.1:{port}", "64"])
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    yield Relay("127.0.0.1", port, Tls.NEVER)
    process.terminate()
    process.wait()


@pytest.mark.postfix
def test_smtp_sink_takes_everything_over_a_few_connections(smtp_sink):
    results = []

    def deliver(number):
        with Connection.open(smtp_sink, helo="client.test") as connection:
            for batch in range(5):
                names = [f"r{number}-{batch}-{n}" for n in range(40)]
                results.extend(connection.send([envelope(name) for name in names], may_start=always))

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result.key for result in results}) == 800
    assert {(result.verdict, result.text) for result in results} == {(Verdict.ACCEPTED, "250 2.0.0 Ok")}


class Inbox:
    """An aiosmtpd handler that keeps what it gets. aiosmtpd offers no PIPELINING."""

    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address.startswith("gone"):
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.messages.append((envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 Ok: kept"


@contextmanager
def aiosmtpd(**options):
    controller = Controller(Inbox(), hostname="127.0.0.1", port=0, server_hostname="relay.test", **options)
    controller.port = free_port()
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_a_relay_without_pipelining_gets_the_same_bytes():
    names = ["ann", "gone", "bob"]
    with aiosmtpd() as relay, opened(relay) as connection:
        results = connection.send([envelope(name) for name in names], may_start=always)
    assert [(r.verdict, r.command) for r in results] == [
        (Verdict.ACCEPTED, "."),
        (Verdict.REJECTED, "RCPT"),
        (Verdict.ACCEPTED, "."),
    ]
    assert relay.handler.messages == [(["ann@x.test"], WIRE), (["bob@x.test"], WIRE)]


# -- whose turn it is


@pytest.mark.parametrize("keywords", [KEYWORDS, [k for k in KEYWORDS if k != "PIPELINING"]])
@pytest.mark.parametrize("started", [0, 1, 2, 3])
def test_what_may_not_start_is_not_sent_and_nobody_gets_half_a_message(started, keywords):
    asked = []

    def may_start():
        asked.append(1)
        return len(asked) <= started

    names = ["ann", "bob", "eve"]
    with serving(keywords=keywords) as server, opened(server) as connection:
        results = connection.send([envelope(name) for name in names], may_start=may_start)
        assert connection.usable is (started == 3)
        if started < 3:
            server.sessions[0].join(5)
            assert not server.sessions[0].is_alive(), "the relay still waits for the message"
    verdicts = [result.verdict for result in results]
    assert verdicts == [Verdict.ACCEPTED] * started + [Verdict.UNSENT] * (3 - started)
    assert sent_to(server) == [f"{name}@x.test" for name in names[:started]]
    assert len(asked) == min(started + 1, 3)


def test_a_question_that_fails_leaves_no_connection_in_mid_conversation():
    with serving() as server, opened(server) as connection:
        with pytest.raises(ZeroDivisionError):
            connection.send([envelope()], may_start=lambda: 1 / 0)
        assert not connection.usable
    assert sent_to(server) == []


def test_a_connection_is_kept_for_the_next_batch_even_after_refusals():
    script = {"rcpt": {"^gone": ["550 5.1.1 No such user"]}}
    with serving(script=script) as server, opened(server) as connection:
        for batch in (["ann", "gone"], ["gone"], [], ["bob"]):
            connection.send([envelope(name) for name in batch], may_start=always)
            assert connection.usable
    assert sent_to(server) == ["ann@x.test", "bob@x.test"]
    assert server.sessions[0].commands[-1] == b"QUIT"
    assert len(server.sessions) == 1


@pytest.mark.parametrize("word", ["250 2.0.0 Stray", "421 4.4.2 Idle too long", "hello"])
def test_a_relay_that_speaks_unasked_between_batches_loses_the_connection(word):
    with serving() as server, opened(server) as connection:
        assert connection.send([envelope("ann")], may_start=always)[0].verdict is Verdict.ACCEPTED
        server.sessions[0]._sock.sendall(f"{word}\r\n".encode())
        results = connection.send([envelope("bob"), envelope("eve")], may_start=always)
        assert not connection.usable
    assert [(r.verdict, r.command) for r in results] == [(Verdict.UNSENT, "")] * 2
    assert word in results[0].text
    assert sent_to(server) == ["ann@x.test"]


def test_a_relay_that_hung_up_between_batches_is_noticed_before_a_byte_is_written():
    with serving() as server, opened(server) as connection:
        server.sessions[0]._sock.shutdown(socket.SHUT_WR)
        assert connection.send([envelope()], may_start=always)[0].verdict is Verdict.UNSENT
        assert not connection.usable
        assert "lost before" in connection.send([envelope()], may_start=always)[0].text


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        # The true answer to ann's message is one of the first two: both agree, or nobody knows.
        ({"dot": {"^ann": ["250 2.0.0 Stray\n250 2.0.0 Ok"]}}, Verdict.ACCEPTED),
        ({"dot": {"^ann": ["250 2.0.0 Stray\n550 5.7.1 No"]}}, Verdict.UNCERTAIN),
        ({"dot": {"^ann": ["451 4.3.0 Stray\n250 2.0.0 Ok"]}}, Verdict.UNCERTAIN),
        ({"mail": {"^b-bob": ["354 2.1.0 Odd"]}}, Verdict.UNCERTAIN),
        ({"dot": {"^ann": ["keep+354 Go on"]}}, Verdict.UNCERTAIN),
    ],
)
def test_shifted_replies_never_reach_another_recipient(script, verdict):
    with serving(script=script) as server, opened(server) as connection:
        mails = [envelope(name, sender=f"b-{name}@news.test") for name in ("ann", "bob", "eve")]
        ann, bob, eve = connection.send(mails, may_start=always)
        assert not connection.usable
    assert (ann.verdict, bob.verdict, eve.verdict) == (verdict, Verdict.UNSENT, Verdict.UNSENT)


def test_an_unasked_line_after_the_last_reply_of_a_batch_is_seen():
    for answer, verdict in (
        ("250 2.0.0 Ok\n250 2.0.0 Stray", Verdict.ACCEPTED),
        ("250 2.0.0 Stray\n552 5.3.4 No", Verdict.UNCERTAIN),
        ("keep+250 2.0.0 Ok\n421 4.3.2 Bye", Verdict.ACCEPTED),
    ):
        with serving(script={"dot": {"": [answer]}}) as server, opened(server) as connection:
            assert connection.send([envelope()], may_start=always)[0].verdict is verdict
            assert not connection.usable


CALLED = ["220 hi", "250-hi\r\n250 PIPELINING"]


@contextmanager
def scripted_relay(*replies, called=CALLED):
    """Answers whatever it hears with the next of these, and then reads no more."""
    heard = []

    def serve():
        with listener.accept()[0] as sock:
            for reply in (*called, *replies):
                sock.sendall(f"{reply}\r\n".encode())
                heard.append(sock.recv(65_536))
            done.wait(10)

    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with Connection.open(
            Relay("127.0.0.1", listener.getsockname()[1], Tls.NEVER), helo="client.test", timeouts=QUICK
        ) as connection:
            yield connection, heard
        done.set()
        thread.join()


@pytest.mark.parametrize(("answer", "verdict"), [(["552 5.3.4 Too big"], Verdict.REJECTED), ([], Verdict.UNSENT)])
def test_a_relay_that_refuses_in_mid_message_is_heard(answer, verdict):
    """It takes no more than the start of a large message: its end never left, so nothing is in doubt."""
    large = b"x" * 20_000_000 + b"\r\n"
    with scripted_relay("250 ok\r\n250 ok\r\n354 go", *answer) as (connection, _):
        results = connection.send([envelope(wire=large), envelope("bob")], may_start=always)
    assert [(r.verdict, r.command) for r in results] == [(verdict, "."), (Verdict.UNSENT, "")]


def test_a_refusal_stands_whatever_comes_after_it():
    with scripted_relay("250 ok\r\n550 5.1.1 No such user\r\n421 4.3.2 Bye") as (connection, _):
        result = connection.send([envelope()], may_start=always)[0]
    assert (result.verdict, result.text) == (Verdict.REJECTED, "550 5.1.1 No such user")


def test_a_relay_that_refuses_the_sender_and_takes_the_recipient_gets_no_lone_dot():
    """It would mail an empty message."""
    with scripted_relay("550 no\r\n250 ok\r\n354 go", "") as (connection, heard):
        result = connection.send([envelope()], may_start=always)[0]
        assert not connection.usable
    assert (result.verdict, heard[-1]) == (Verdict.UNSENT, b"")


def test_what_is_no_reply_leaves_the_one_before_it_in_doubt():
    with scripted_relay("250 ok\r\n250 ok\r\n354 go", "250 ok\r\nok 250") as (connection, _):
        results = connection.send([envelope("ann"), envelope("bob")], may_start=always)
    assert [result.verdict for result in results] == [Verdict.UNCERTAIN, Verdict.UNSENT]


def test_in_lock_step_no_answer_is_taken_before_its_question():
    yes = ["250 ok", "250 ok", "354 go"]
    ahead = "\r\n".join(["250 ok", *yes])
    with scripted_relay(*yes, ahead, called=["220 hi", "250 hi"]) as (connection, heard):
        results = connection.send([envelope("ann"), envelope("bob")], may_start=always)
        assert not connection.usable
    assert [result.verdict for result in results] == [Verdict.ACCEPTED, Verdict.UNSENT]
    assert b"bob" not in b"".join(heard)


@pytest.mark.parametrize("phase", ["mail", "rcpt"])
def test_in_lock_step_nothing_is_asked_after_a_refusal(phase):
    keywords = [keyword for keyword in KEYWORDS if keyword != "PIPELINING"]
    with serving(keywords=keywords, script={phase: {"": ["550 5.7.1 No"]}}) as server, opened(server) as connection:
        connection.send([envelope()], may_start=always)
    verbs = [line[:4] for line in server.sessions[0].commands]
    asked = [b"MAIL"] if phase == "mail" else [b"MAIL", b"RCPT"]
    assert verbs == [b"EHLO", *asked, b"RSET", b"QUIT"]


def test_each_of_the_odd_ones_has_its_own_reason_and_all_others_are_taken():
    odd = {
        "refused": ({}, Verdict.REJECTED, "550 5.1.1 No such user"),
        "later": ({}, Verdict.DEFERRED, "451 4.7.1 Greylisted"),
        "long": ({"recipient": "x" * 70 + "@x.test"}, Verdict.REJECTED, "too long"),
        "korean": ({"recipient": "세종@x.test"}, Verdict.REJECTED, "does not offer SMTPUTF8"),
        "injected": ({"recipient": "a@x.test>\r\nRCPT TO:<b@x.test"}, Verdict.REJECTED, "is not a mail address"),
        "raw": ({"wire": "서울\r\n".encode()}, Verdict.ACCEPTED, "250 2.0.0 Ok"),
    }
    script = {"rcpt": {"^refused": ["550 5.1.1 No such user"], "^later": ["451 4.7.1 Greylisted"]}}
    keywords = [keyword for keyword in KEYWORDS if keyword != "SMTPUTF8"]
    mails = [envelope(f"r{n}") for n in range(200)]
    for place, (name, (changes, _, _)) in enumerate(odd.items()):
        mails.insert(20 * place + 7, envelope(name, **changes))
    with serving(script=script, keywords=keywords) as server, opened(server) as connection:
        results = {result.key: result for result in connection.send(mails, may_start=always)}
        assert connection.usable
    for name, (_, verdict, text) in odd.items():
        result = results.pop(name)
        assert result.verdict is verdict
        assert text in result.text
    assert {result.verdict for result in results.values()} == {Verdict.ACCEPTED}
    assert len(results) == 200


# -- getting in


def test_a_relay_of_before_the_extensions_is_greeted_in_its_own_way():
    greetings = ["220 hi", "500 what?", "250 hi"]
    with scripted_relay("250 ok", "250 ok", "354 go", "250 ok", called=greetings) as (connection, heard):
        assert connection.send([envelope()], may_start=always)[0].verdict is Verdict.ACCEPTED
    assert heard[:3] == [b"EHLO client.test\r\n", b"HELO client.test\r\n", b"MAIL FROM:<b@news.test>\r\n"]


def refusal(kind, relay, *, temporary, says, timeouts=QUICK):
    with pytest.raises(kind) as caught:
        Connection.open(relay, helo="client.test", timeouts=timeouts)
    assert caught.value.temporary is temporary
    assert says in str(caught.value)
    assert relay.place in str(caught.value)
    assert "Nothing was handed over." in str(caught.value)
    assert isinstance(caught.value, RelayTrouble)
    return caught.value


def test_an_address_where_nobody_listens_is_unreachable():
    refusal(RelayUnreachable, Relay("127.0.0.1", free_port(), Tls.NEVER), temporary=True, says="refused")


def test_a_host_that_is_not_known_may_be_one_that_is_starting():
    refusal(RelayUnreachable, Relay("relay.invalid", 25, Tls.NEVER), temporary=True, says="has no address")


@pytest.mark.parametrize(
    ("greeting", "kind", "temporary"),
    [
        ("421 4.3.2 Not now", RelayRefused, True),
        ("554 5.7.1 Not you", RelayRefused, False),
        ("HTTP/1.1 400 Bad Request", RelayRefused, False),
        ("220 hi\n250 eager", RelayRefused, False),
        ("close", RelayUnreachable, True),
        ("silent", RelayUnreachable, True),
    ],
)
def test_a_relay_that_does_not_let_us_in_is_quoted(greeting, kind, temporary):
    with serving(script={"connect": [greeting]}) as server:
        says = greeting if greeting[:1] in "45" else ""
        error = refusal(kind, Relay("127.0.0.1", server.port, Tls.NEVER), temporary=temporary, says=says)
        assert error.reply == says


def test_a_host_name_cannot_smuggle_a_command():
    with pytest.raises(ValueError, match="is not a name to greet a relay with"):
        Connection.open(Relay("127.0.0.1", 1, Tls.NEVER), helo="a\r\nMAIL FROM:<>")
