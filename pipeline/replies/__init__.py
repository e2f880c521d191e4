"""What a reply means: an SMTP reply, a DSN diagnostic, a webhook's words. Pure.

One function, `classify`, serves them all, so that a rejection is understood alike wherever it was heard; and one,
`action_for`, says what it does to the address.
"""

from pipeline.replies.classify import classify
from pipeline.replies.policy import Action, action_for
from pipeline.replies.reasons import Fault, Meaning, Reason

__all__ = ["Action", "Fault", "Meaning", "Reason", "action_for", "classify"]
