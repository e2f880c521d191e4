"""Mailboxes over IMAP, against a real Dovecot: each message once, none lost, nothing touched before it is kept."""

import json

import pytest
from certificates import make_certificate
from dovecot import PASSWORD, Dovecot
from returned import handed_over, return_path
from wires import Line

from pipeline.feedback import mailbox as mailboxes
from pipeline.feedback.mailbox import MailboxError, imap, look
from pipeline.models import AuditEvent, Delivery, Feedback, Mailbox, MailboxMessage, Secret
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificate):
    with Dovecot(*certificate) as running:
        yield running


@pytest.fixture(autouse=True)
def trusted(certificate, monkeypatch):
    """As an operator adds the certificate of a server of their own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def account(server):
    return server.account()


def a_mailbox(account, **fields):
    given = {"name": "bounces", "host": "localhost", "port": account.server.ports["imaps"], "user": account.user}
    return Mailbox.objects.create(**(given | {"password": Secret(PASSWORD)} | fields))


def a_bounce(delivery, number=1, *, says="550 5.1.1 No such user"):
    """A report about a delivery, as it lies in the mailbox of somebody who takes all mail for the bounce domain."""
    code = says.split()[1]
    return f"""\
Return-Path: <>
Delivered-To: all@city.example
X-Original-To: {return_path(delivery)}
From: MAILER-DAEMON@mx.example
To: {return_path(delivery)}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 23 Nov 2026 04:00:00 +0000
Message-ID: <bounce-{number}-{delivery.id}@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {delivery.email}
Action: failed
Status: {code}
Diagnostic-Code: smtp; {says}

--b--
""".replace("\n", "\r\n").encode()


def counted(mailbox):
    """What a look comes to, in numbers: taken, known, left."""
    found = look(mailbox.pk)
    assert found
    return tuple(found.counts[kept] for kept in mailboxes.Kept)


def test_a_bounce_is_taken_in_and_marked(scene, account):
    [delivery] = handed_over(scene)
    account.put(a_bounce(delivery))
    mailbox = a_mailbox(account)
    assert counted(mailbox) == (1, 0, 0)
    row = Feedback.objects.get()
    assert (row.source, row.kind, row.status, row.envelope_to) == (
        "mailbox",
        "bounce",
        "applied",
        return_path(delivery),
    )
    assert Suppression.objects.get().address_key == delivery.address_key
    assert account.flags() == [["\\Seen"]]
    mailbox.refresh_from_db()
    assert (mailbox.error, mailbox.failures) == ("", 0)
    assert mailbox.looked_at
    assert counted(mailbox) == (0, 0, 0)


def test_a_connection_that_breaks_between_fetch_and_mark_costs_and_doubles_nothing(scene, account, monkeypatch):
    """F-37."""
    account.put(*(a_bounce(delivery) for delivery in handed_over(scene, 3)))
    with Line(account.server.ports["imaps"]) as line:
        mailbox = a_mailbox(account, port=line.port)
        real = imap.ImapBox._settle
        with monkeypatch.context() as patch:
            patch.setattr(imap.ImapBox, "_settle", lambda self, uids: (line.cut(), real(self, uids)))
            with pytest.raises(MailboxError):
                look(mailbox.pk)
        assert (Feedback.objects.count(), account.flags()) == (3, [[], [], []])
        before = list(Delivery.objects.order_by("id").values())
        assert counted(mailbox) == (0, 0, 0)
    assert account.flags() == [["\\Seen"]] * 3
    assert (Feedback.objects.count(), MailboxMessage.objects.filter(settled_at=None).count()) == (3, 0)
    assert list(Delivery.objects.order_by("id").values()) == before


def test_it_is_set_tried_and_looked_into_by_command(pressrun, scene, account, tmp_path):
    (tmp_path / "secret").write_text(f"{PASSWORD}\n", encoding="utf-8")
    where = ("--host", "localhost", "--port", str(account.server.ports["imaps"]), "--user", account.user)
    pressrun("mailbox", "set", "bounces", "--create", *where, "--password-from", str(tmp_path / "secret"))
    [delivery] = handed_over(scene)
    account.put(a_bounce(delivery))
    assert "1 messages look new" in pressrun("mailbox", "test", "bounces")[0]
    assert Feedback.objects.count() == 0
    assert json.loads(pressrun("mailbox", "look", "--json")[0]) == [
        {"name": "bounces", "taken": 1, "known": 0, "left": 0}
    ]
    [listed] = json.loads(pressrun("mailbox", "list", "--json")[0])
    assert (listed["state"], listed["taken"], listed["left"]) == ("works", 1, [])
    said = "".join(pressrun("mailbox", "list")) + str(list(AuditEvent.objects.values_list("detail", flat=True)))
    assert "horse" not in said
    pressrun("mailbox", "remove", "bounces")
    assert json.loads(pressrun("mailbox", "list", "--json")[0]) == []
