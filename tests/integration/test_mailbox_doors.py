"""The ways into a mailbox: encrypted and checked or not at all, with a password or a token, over IMAP and POP."""

import json
import re
import socket
import ssl
import threading
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import parse_qsl

import pytest
from certificates import make_certificate
from django.utils import timezone
from dovecot import Dovecot
from mailroom import a_bounce, a_mailbox, looked
from returned import handed_over
from webserver import WebServer, answer, ok
from wires import Line

from pipeline.feedback.mailbox import MailboxError, imap, keeping, look, looking, oauth, opening, pop, try_out
from pipeline.feedback.mailbox.opening import context
from pipeline.guarded import Client
from pipeline.models import Feedback, Mailbox, MailboxMessage, Secret
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("protocol", ["imap", "pop"])


def refused(mailbox, says, *, needs_person=True):
    """What is said when a look fails; and nothing of what is secret is."""
    with pytest.raises(MailboxError, match=says) as caught:
        look(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.error, mailbox.needs_person) == (str(caught.value), needs_person)
    assert "horse" not in str(caught.value)
    assert mailbox.failing_since
    return mailbox


# -- encryption


@BOTH
@pytest.mark.parametrize("security", ["tls", "starttls", "plain"])
def test_every_kind_of_encryption_works(account, protocol, security):
    name = protocol + ("s" if security == "tls" else "")
    mailbox = a_mailbox(account, protocol=protocol, security=security, port=account.server.ports[name])
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    assert looked(mailbox) == (1, 0, 0)


def test_nothing_older_than_tls_1_2_is_spoken_and_everything_is_checked():
    made = context()
    assert (made.minimum_version, made.check_hostname) == (ssl.TLSVersion.TLSv1_2, True)
    assert made.verify_mode == ssl.CERT_REQUIRED


@BOTH
def test_a_password_never_goes_over_a_network_in_the_clear(account, protocol):
    mailbox = a_mailbox(account, protocol=protocol, security="plain", host="mx.example")
    refused(mailbox, "without encryption")


@BOTH
def test_a_certificate_of_somebody_unknown_is_not_trusted(account, protocol, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    refused(a_mailbox(account, protocol=protocol), "not to be trusted: self-signed certificate")


@BOTH
def test_a_certificate_for_another_name_is_not_trusted(account, protocol):
    refused(a_mailbox(account, protocol=protocol, host="127.0.0.1"), "not to be trusted: IP address mismatch")


@pytest.fixture(scope="module")
def stale(tmp_path_factory):
    """A server whose certificate has expired, and one from whose greeting somebody strips STARTTLS."""
    with Dovecot(*make_certificate(tmp_path_factory.mktemp("stale"), expired=True)) as running:
        yield running


@BOTH
def test_an_expired_certificate_is_not_trusted(stale, protocol, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(stale.certificate))
    refused(a_mailbox(stale.account(), protocol=protocol), "not to be trusted: certificate has expired")


class Stripping(Line):
    """Somebody in between who takes the offer of encryption away, and remembers what is said in the clear."""

    said = b""

    def changed(self, octets):
        Stripping.said += octets
        return octets.replace(b" STARTTLS", b"").replace(b"STLS\r\n", b"")


@BOTH
def test_without_the_offer_of_encryption_nothing_is_said(account, protocol):
    Stripping.said = b""
    with Stripping(account.server.ports[protocol]) as line:
        refused(a_mailbox(account, protocol=protocol, security="starttls", port=line.port), "STARTTLS|STLS")
    assert b"CAPA" in Stripping.said
    assert not re.search(rb"(?m)^(\w+ )?(AUTH\w*|LOGIN|USER|PASS) \S|" + account.user.encode(), Stripping.said)


# -- the server


@BOTH
def test_a_wrong_password_waits_for_a_person_and_does_not_lock_the_account(account, protocol):
    mailbox = refused(a_mailbox(account, protocol=protocol, password=Secret("wrong horse")), "does not let")
    assert mailbox.next_at > timezone.now() + timedelta(minutes=29)


def test_a_folder_that_is_not_there_is_told(account):
    refused(a_mailbox(account, folder="Bounces"), "'Bounces'.*exist")


def test_a_server_that_is_away_is_asked_less_and_less_often(account):
    mailbox = a_mailbox(account, port=1)
    waits = []
    for _ in range(7):
        refused(mailbox, "cannot be reached", needs_person=False)
        waits.append(round((mailbox.next_at - timezone.now()) / timedelta(minutes=1)))
    assert waits == [1, 2, 4, 8, 16, 30, 30]


@BOTH
@pytest.mark.parametrize(("bound", "says"), [("ANSWER_SECONDS", "in time"), ("SESSION_SECONDS", "too slow")])
def test_a_server_that_falls_silent_is_left(account, protocol, monkeypatch, bound, says):
    for module in (imap, pop, opening):
        monkeypatch.setattr(module, bound, 1.0, raising=False)
    with Line(account.server.ports[protocol + "s"]) as line:
        mailbox = a_mailbox(account, protocol=protocol, port=line.port)
        monkeypatch.setattr(looking, "mailbox_messages_to_retry", lambda _: line.swallow() or [])
        account.put(b"Subject: 1\r\n\r\nHello\r\n")
        refused(mailbox, says, needs_person=False)


@BOTH
def test_a_server_that_drips_its_greeting_is_left(account, protocol, monkeypatch):
    monkeypatch.setattr(opening, "SESSION_SECONDS", 1.0)
    over = threading.Event()

    def drip(peer):
        with peer, suppress(OSError):
            while not over.wait(0.05):
                peer.sendall(b"*")

    with socket.create_server(("localhost", 0)) as listener:
        threading.Thread(target=lambda: drip(listener.accept()[0]), daemon=True).start()
        mailbox = a_mailbox(account, protocol=protocol, security="plain", port=listener.getsockname()[1])
        stop = threading.Timer(20, over.set)  # so that the test ends where nothing else ends it
        stop.start()
        refused(mailbox, "too slow", needs_person=False)
        stop.cancel()
        assert not over.is_set()
        over.set()


# -- tokens


class Provider:
    """Where access tokens come from: each is the next of those given."""

    def __init__(self, monkeypatch, account, *answers):
        self.answers = list(answers)
        self.server = WebServer({"POST /token": self._answer}, tls=self._context(account.server.folder))
        client = Client(
            oauth.CLIENT.limits, lambda *_: [ip_address("127.0.0.1")], lambda _: True, ports={self.server.port}
        )
        monkeypatch.setattr(oauth, "CLIENT", client)
        monkeypatch.setattr("pipeline.guarded._context", context)
        self.fields = {
            "auth": "oauth2",
            "password": Secret(""),
            "client_id": "press run",
            "client_secret": Secret("s3cret&"),
            "refresh_token": Secret("refresh+1"),
            "token_url": f"https://localhost:{self.server.port}/token",
        }

    def _context(self, folder):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        return made

    def _answer(self, peer):
        status, told = self.answers.pop(0)
        peer.sendall(answer(status, json.dumps(told).encode()) if status != 200 else ok(json.dumps(told).encode()))

    def asked(self):
        return [dict(parse_qsl(body.decode())) for body in self.server.bodies]


@BOTH
@pytest.mark.parametrize("bearer", [True, False], ids=["OAUTHBEARER", "XOAUTH2"])
def test_it_signs_in_with_a_token_and_keeps_that_for_the_next_look(account, protocol, bearer, monkeypatch):
    has = imap.IMAPClient.has_capability
    monkeypatch.setattr(
        imap.IMAPClient, "has_capability", lambda self, name: (bearer or "BEARER" not in name) and has(self, name)
    )
    provider = Provider(monkeypatch, account, (200, {"access_token": account.token(), "expires_in": 3600}))
    mailbox = a_mailbox(account, protocol=protocol, **provider.fields)
    with provider.server:
        for _ in range(2):
            account.put(b"Subject: 1\r\n\r\nHello\r\n")
            assert sum(looked(mailbox)) == 1
    told = {"refresh_token": "refresh+1", "client_id": "press run", "client_secret": "s3cret&"}
    assert provider.asked() == [{"grant_type": "refresh_token", **told}]


@BOTH
def test_a_token_that_is_not_taken_any_more_is_replaced_once(account, protocol, monkeypatch):
    new = {"access_token": account.token(), "refresh_token": "refresh-2"}
    provider = Provider(monkeypatch, account, (200, new), (200, {"access_token": account.token(seconds=-5)}))
    old = {"access_token": Secret(account.token(seconds=-5)), "access_until": timezone.now() + timedelta(hours=1)}
    mailbox = a_mailbox(account, protocol=protocol, **provider.fields, **old)
    with provider.server:
        assert looked(mailbox) == (0, 0, 0)
        mailbox.refresh_from_db()
        assert mailbox.refresh_token.reveal() == "refresh-2"
        execute("UPDATE pipeline_mailbox SET access_until = now()")
        refused(mailbox, "does not let")
        assert len(provider.asked()) == 2


@pytest.mark.parametrize(
    ("reply", "says", "needs_person"),
    [
        ((400, {"error": "invalid_grant", "error_description": "It was withdrawn."}), "invalid_grant It was", True),
        ((503, {}), "status 503", False),
        ((200, {"token": "other"}), "status 200", True),
        ((200, "text"), "status 200", True),
    ],
)
def test_where_there_is_no_token_it_is_told_why(account, monkeypatch, reply, says, needs_person):
    provider = Provider(monkeypatch, account, reply)
    with provider.server:
        refused(a_mailbox(account, **provider.fields), says, needs_person=needs_person)


def test_a_token_is_asked_for_on_the_public_internet_alone_and_not_elsewhere_than_told(account, monkeypatch):
    provider = Provider(monkeypatch, account)
    monkeypatch.setattr(oauth, "CLIENT", Client(oauth.CLIENT.limits))
    with provider.server:
        fields = provider.fields
    refused(a_mailbox(account, **fields | {"token_url": "https://127.0.0.1/token"}), "not on the public internet")
    assert oauth.CLIENT.limits.redirects == 0


def test_an_application_may_read_in_its_own_name(account, monkeypatch):
    provider = Provider(monkeypatch, account, (200, {"access_token": account.token()}))
    fields = provider.fields | {"refresh_token": Secret(""), "scope": "https://outlook.office365.com/.default"}
    with provider.server:
        assert try_out(a_mailbox(account, **fields)) == 0
    [asked] = provider.asked()
    assert (asked["grant_type"], asked["scope"]) == ("client_credentials", fields["scope"])


# -- POP


def test_over_pop_a_message_is_taken_in_once_and_left_or_deleted(scene, account):
    first, second = handed_over(scene, 2)
    account.put(a_bounce(first))
    mailbox = a_mailbox(account, protocol="pop")
    assert looked(mailbox) == (1, 0, 0)
    assert looked(mailbox) == (0, 0, 0)
    account.put(a_bounce(second))
    Mailbox.objects.update(afterwards="delete")
    assert looked(mailbox) == (1, 0, 0)
    assert len(account.flags()) == 1
    assert Feedback.objects.filter(source="mailbox", status="applied").count() == 2


def test_over_pop_a_connection_that_breaks_before_the_end_costs_and_doubles_nothing(scene, account, monkeypatch):
    """F-37: POP deletes only what a session that ends in order has marked."""
    account.put(*map(a_bounce, handed_over(scene, 3)))
    with Line(account.server.ports["pops"]) as line:
        mailbox = a_mailbox(account, protocol="pop", port=line.port, afterwards="delete")
        with monkeypatch.context() as patch:
            real = pop.PopBox.close
            patch.setattr(pop.PopBox, "close", lambda self: (line.cut(), real(self)))
            refused(mailbox, "broke|reached", needs_person=False)
        assert (Feedback.objects.count(), len(account.flags())) == (3, 3)
        assert MailboxMessage.objects.filter(settled_at=None).count() == 3
        assert looked(mailbox) == (0, 0, 0)
    assert (Feedback.objects.count(), account.flags()) == (3, [])
    assert not MailboxMessage.objects.filter(settled_at=None).exists()


def test_over_pop_a_long_line_is_read_and_what_is_too_big_is_not(account, monkeypatch):
    account.put(b"Subject: 1\r\n\r\n" + b"x" * 40_000 + b"\r\n.dot\r\n", b"Subject: 2\r\n\r\n" + b"x\r\n" * 30_000)
    for module in (keeping, looking):
        monkeypatch.setattr(module, "SIZE_AT_MOST", 50_000)
    mailbox = a_mailbox(account, protocol="pop")
    assert looked(mailbox) == (1, 0, 1)
    assert looked(mailbox) == (0, 0, 0)


class Lines:
    """What a POP server sends after RETR."""

    def __init__(self, lines):
        self._lines = iter(lines)

    def _shortcmd(self, said):
        assert said == "RETR 7"

    def _getline(self):
        line = next(self._lines)
        return line, len(line) + 2


def test_over_pop_a_message_takes_no_more_memory_than_is_looked_at(monkeypatch):
    assert pop._retrieved(Lines([b"..dot", b".", b"more"]), b"7") == b".dot\r\n"
    monkeypatch.setattr(pop, "SIZE_AT_MOST", 1_000)
    assert len(pop._retrieved(Lines([b"ab"] * 100_000 + [b"."]), b"7")) == 1_004


@pytest.mark.parametrize("uidl", [b"a" * 201, b"a\0b", b"\xff"])
def test_over_pop_a_key_that_cannot_be_written_down_is_stood_for(uidl):
    assert pop._key(b"whqtswO00WBw418f9t5JxYwZ") == "whqtswO00WBw418f9t5JxYwZ"
    assert re.fullmatch("sha256:[0-9a-f]{64}", pop._key(uidl))


def test_over_imap_a_literal_that_nobody_asked_for_is_not_read():
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"* OK {99999999999}\r\n")
        with pytest.raises(imap.IMAP4.abort, match="99,999,999,999 octets"):
            imap._Protocol(near, "localhost")
