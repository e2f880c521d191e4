"""A mailbox at a real server and what lies in it, for tests of reading it."""

from dovecot import PASSWORD, Account
from returned import return_path

from pipeline.feedback.mailbox import Kept, look
from pipeline.models import Delivery, Mailbox, Secret


def a_mailbox(account: Account, **fields: object) -> Mailbox:
    given = {"name": account.user, "host": "localhost", "user": account.user, "password": Secret(PASSWORD)}
    port = "pops" if fields.get("protocol") == "pop" else "imaps"
    return Mailbox.objects.create(**(given | {"port": account.server.ports[port]} | fields))


def a_bounce(delivery: Delivery, *, added: str = "", padding: int = 0) -> bytes:
    """A report about a delivery, as it lies in the mailbox of somebody who takes all mail for the bounce domain."""
    return f"""\
Return-Path: <>
Delivered-To: all@city.example
X-Original-To: {return_path(delivery)}
{added}From: MAILER-DAEMON@mx.example
To: {return_path(delivery)}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 23 Nov 2026 04:00:00 +0000
Message-ID: <bounce-{delivery.id}@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

The mail could not be delivered.{"." * padding}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {delivery.email}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

--b--
""".replace("\n", "\r\n").encode()


def looked(mailbox: Mailbox) -> tuple[int, ...]:
    """What a look comes to, in numbers: taken, known, left."""
    found = look(mailbox.pk)
    assert found
    return tuple(found.counts[kept] for kept in Kept)
