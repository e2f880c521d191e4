"""Nothing is said in the clear that was asked to be encrypted, and no password goes to whoever happens to answer."""

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from relay import Behaviour, Ledger, RelayServer

from pipeline.delivery.smtp import (
    Connection,
    Envelope,
    LoginFailed,
    Relay,
    RelayRefused,
    Timeouts,
    Tls,
    TlsFailed,
    Verdict,
)

WIRE = b"Subject: Issue 20\r\n\r\n" + b"Streets that count their cars.\r\n" * 4000
PASSWORD = "correct horse"
QUICK = Timeouts(connect=5, greeting=5, command=5, data=5, block=5, dot=5, quit=1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for `localhost`, signed by itself, and its key."""
    openssl = shutil.which("openssl")
    assert openssl, "openssl is not installed"
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    """As an operator adds the certificate of a relay of their own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


class Inbox:
    def __init__(self):
        self.senders = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.senders.append(envelope.mail_from)
        return "250 2.0.0 Ok: kept"


def knows(_server, _session, _envelope, _mechanism, login):
    right = (login.login, login.password) == (b"desk@news.test", PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def strict_relay(context, **options):
    """Demands STARTTLS and a password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        Inbox(),
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        authenticator=knows,
        auth_required=True,
        **options,
    )
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


def relay(server, tls=Tls.REQUIRED, *, host="localhost", user="desk@news.test", password=PASSWORD):
    return Relay(host, server.port, tls, user, password)


def opened(where):
    return Connection.open(where, helo="client.test", timeouts=QUICK)


def failed(kind, where, says, *, temporary=False):
    with pytest.raises(kind) as caught:
        opened(where)
    assert says in str(caught.value)
    assert caught.value.temporary is temporary
    assert PASSWORD not in str(caught.value)


def envelopes(count):
    return [Envelope(n, "b@news.test", f"r{n}@x.test", WIRE) for n in range(count)]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("excluded", [[], ["PLAIN"]], ids=["PLAIN", "LOGIN"])
def test_a_relay_that_demands_starttls_and_a_password_is_satisfied(server_tls, excluded):
    with strict_relay(server_tls, auth_exclude_mechanism=excluded) as server, opened(relay(server)) as connection:
        for _ in range(3):
            results = connection.send(envelopes(2), may_start=lambda: True)
            assert [result.verdict for result in results] == [Verdict.ACCEPTED] * 2
        assert len(server.handler.senders) == 6


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told_and_not_shown(server_tls):
    with strict_relay(server_tls) as server:
        failed(LoginFailed, relay(server, password="wrong"), "did not accept the user name 'desk@news.test'")


@pytest.mark.usefixtures("trusted")
def test_a_relay_with_no_way_to_sign_in_that_we_know_gets_no_password(server_tls):
    with strict_relay(server_tls, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as server:
        failed(LoginFailed, relay(server), "offers no way to sign in that we know")


def test_an_unknown_certificate_is_refused(server_tls):
    with strict_relay(server_tls) as server:
        failed(TlsFailed, relay(server), "a certificate that is not to be trusted: self-signed certificate")


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host_is_refused(server_tls):
    with strict_relay(server_tls) as server:
        failed(TlsFailed, relay(server, host="127.0.0.1"), "certificate is not valid for '127.0.0.1'")


def test_a_removed_offer_of_starttls_is_refused_before_anything_is_said():
    with RelayServer(Behaviour(), Ledger()) as server:
        failed(TlsFailed, relay(server), "does not offer STARTTLS")
    assert [line[:4] for line in server.sessions[0].commands] == [b"EHLO"]


def test_a_relay_on_this_machine_is_encrypted_where_it_can_be(server_tls):
    """Its certificate is nobody's business: without the offer the mail would go in the clear."""
    with strict_relay(server_tls) as server, opened(relay(server, Tls.OPPORTUNISTIC)) as connection:
        assert connection.send(envelopes(1), may_start=lambda: True)[0].verdict is Verdict.ACCEPTED
    open_relay = RelayServer(Behaviour(), Ledger())
    with open_relay, opened(relay(open_relay, Tls.OPPORTUNISTIC, user="", password="")) as connection:
        assert connection.send(envelopes(1), may_start=lambda: True)[0].verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("replies", "kind", "says", "temporary"),
    [
        (["220 go\r\n250 slipped in"], RelayRefused, "it said more than it was asked", False),
        (["454 4.7.0 not now"], TlsFailed, "offers STARTTLS and refused it", True),
        (["220 go", "HTTP/1.1 400 what is this"], TlsFailed, "could not agree on encryption with us", False),
        (["220 go", ""], TlsFailed, "went away while encryption was set up", True),
    ],
)
def test_no_lie_about_starttls_leads_to_the_clear(replies, kind, says, temporary):
    heard = []

    def serve():
        with listener.accept()[0] as sock, suppress(ConnectionError):
            for reply in ["220 hi", "250-hi\r\n250-AUTH PLAIN\r\n250 STARTTLS", *replies]:
                sock.sendall(f"{reply}\r\n".encode() if reply else b"")
                heard.append(sock.recv(65_536)) if reply else None

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        failed(
            kind,
            Relay("localhost", listener.getsockname()[1], Tls.REQUIRED, "ann", PASSWORD),
            says,
            temporary=temporary,
        )
        thread.join()
    assert not any(b"AUTH" in octets or b"MAIL" in octets for octets in heard)


def test_a_relay_on_this_machine_that_takes_its_offer_back_is_used_as_it_is():
    with RelayServer(Behaviour(keywords=["STARTTLS"]), Ledger()) as server:  # which answers STARTTLS with 500
        with opened(relay(server, Tls.OPPORTUNISTIC, user="", password="")) as connection:
            assert connection.send(envelopes(1), may_start=lambda: True)[0].verdict is Verdict.ACCEPTED
        failed(TlsFailed, relay(server, Tls.REQUIRED), "offers STARTTLS and refused it. It said: 500 5.5.2 What?")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ({}, Verdict.ACCEPTED),
        ({"rcpt": {"^r1@": ["550 5.1.1 No such user"]}}, Verdict.REJECTED),
        ({"rcpt": {"^r1@": ["421 4.3.2 Bye"]}}, Verdict.UNSENT),
        ({"cut": {"after_dot": ["^r1@"]}}, Verdict.UNCERTAIN),
    ],
)
def test_verdicts_are_the_same_under_implicit_tls(server_tls, script, verdict):
    server = RelayServer(Behaviour(script=script, tls=server_tls), Ledger())
    with server, opened(relay(server, Tls.IMPLICIT, user="", password="")) as connection:
        results = connection.send(envelopes(2), may_start=lambda: True)
        results += connection.send(envelopes(1), may_start=lambda: True)
    rest = Verdict.ACCEPTED if verdict in {Verdict.ACCEPTED, Verdict.REJECTED} else Verdict.UNSENT
    assert [result.verdict for result in results] == [Verdict.ACCEPTED, verdict, rest]
