"""What a reply means: an SMTP reply, a DSN diagnostic, a webhook's words. Pure.

One function, `classify`, serves them all, so that a rejection is understood alike wherever it was heard; and one,
`action_for`, says what a policy makes of it for the address.
"""

from pipeline.replies.classify import FALLBACKS, classify, command_in, enhanced_in
from pipeline.replies.policy import CHOICES, DEFAULTS, Action, Policy, action_for
from pipeline.replies.reasons import FAULTS, Fault, Meaning, Reason

__all__ = [
    "CHOICES",
    "DEFAULTS",
    "FALLBACKS",
    "FAULTS",
    "Action",
    "Fault",
    "Meaning",
    "Policy",
    "Reason",
    "action_for",
    "classify",
    "command_in",
    "enhanced_in",
]
