"""What a reply means: an SMTP reply, a DSN diagnostic, a webhook's words. Pure.

One function, `classify`, serves them all, so that a rejection is understood alike wherever it was heard.
"""

from pipeline.replies.classify import classify
from pipeline.replies.reasons import Fault, Meaning, Reason

__all__ = ["Fault", "Meaning", "Reason", "classify"]
