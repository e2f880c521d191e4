"""Mailboxes as a way in: each message taken in once, and nothing touched on the server before it is kept here."""

from pipeline.feedback.mailbox.keeping import Kept
from pipeline.feedback.mailbox.looking import Looked, look, try_out
from pipeline.feedback.mailbox.opening import MailboxError

__all__ = ["Kept", "Looked", "MailboxError", "look", "try_out"]
