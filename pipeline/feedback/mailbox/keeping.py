"""What becomes of one message of a mailbox, in one transaction: taken in, known already, or left with the reason."""

import logging
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Final

from django.db import InterfaceError, OperationalError, transaction

from pipeline import transitions
from pipeline.feedback import mime
from pipeline.feedback.apply import envelope_recipient, take_in
from pipeline.feedback.bounded import NoReaderError
from pipeline.feedback.mailbox.opening import Listed, MailboxError
from pipeline.feedback.session import SIZE_AT_MOST
from pipeline.models import Mailbox

TOO_BIG: Final = f"It has more than {SIZE_AT_MOST:,} octets. Look at it in the mailbox."
NOT_HANDED_OVER: Final = "The server lists it and does not hand it over: it is broken, or was taken away meanwhile."
HEAD_AT_MOST: Final = 256_000  # octets

logger = logging.getLogger(__name__)


class Kept(Enum):
    """What became of a message."""

    TAKEN = "taken"
    KNOWN = "known"
    """Under another key, or by somebody who looked at the same time."""
    LEFT = "left"


def keep(mailbox: Mailbox, one: Listed, raw: bytes | None) -> Kept:
    """Deal with a message. Raises MailboxError and what a database that is away raises; then nothing has changed."""
    if one.size > SIZE_AT_MOST or (raw is not None and len(raw) > SIZE_AT_MOST):
        return _leave(mailbox, one, TOO_BIG, for_good=True)
    if raw is None:
        return _leave(mailbox, one, NOT_HANDED_OVER)
    try:
        return _take(mailbox, one, raw)
    except (OperationalError, InterfaceError):
        raise
    except NoReaderError as error:  # the fault is this machine's, and is there for the next message too
        raise MailboxError(str(error)) from error
    except Exception as error:
        logger.exception("message %s of mailbox %s could not be taken in", one.key, mailbox)
        return _leave(mailbox, one, f"It could not be taken in ({type(error).__name__}); the log has more.")


def _take(mailbox: Mailbox, one: Listed, raw: bytes) -> Kept:
    head = raw[:HEAD_AT_MOST].replace(b"\r\n", b"\n").partition(b"\n\n")[0]  # what is behind it is read in a sandbox
    message, recipient = mime.read(head), envelope_recipient(head)
    with transaction.atomic():
        identity = _identity(message, recipient, raw)
        claimed = transitions.claim_mailbox_message(mailbox, key=one.key, size=one.size, identity=identity)
        if claimed is None or claimed[1]:
            return Kept.KNOWN
        sender = message.header("return-path").strip(" <>")
        row = take_in(raw, source="mailbox", envelope_to=recipient, envelope_from=sender, now=datetime.now(UTC))
        transitions.mailbox_message_taken(claimed[0], feedback_id=row.pk)
    return Kept.TAKEN


def _leave(mailbox: Mailbox, one: Listed, why: str, *, for_good: bool = False) -> Kept:
    transitions.leave_mailbox_message(mailbox, key=one.key, size=one.size, why=why, for_good=for_good)
    return Kept.LEFT


def _identity(message: mime.Part, recipient: str, raw: bytes) -> str:
    """By which a message is known under another key, whatever a server added to its header; empty without an id.

    A Message-ID alone is not enough: some servers give all their reports about a message that message's own.
    """
    name = message.header("message-id").strip()
    body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip()
    told = "\0".join((name, message.header("date").strip(), recipient.lower()))
    return sha256(told.encode("utf-8", "replace") + b"\0" + body).hexdigest() if name else ""
