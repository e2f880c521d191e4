"""Mailboxes as a way in: each message taken in once, and nothing touched on the server before it is kept here."""

from pipeline.feedback.mailbox.keeping import Kept
from pipeline.feedback.mailbox.looking import Looked, is_any_due, look, look_round, try_out
from pipeline.feedback.mailbox.opening import MailboxError

__all__ = ["Kept", "Looked", "MailboxError", "is_any_due", "look", "look_round", "try_out"]
