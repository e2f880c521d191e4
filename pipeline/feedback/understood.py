"""What is known of a returned message once it was read. Pure: values, and none of what finds them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.replies.reasons import Meaning


class Kind(StrEnum):
    BOUNCE = "bounce"
    DELAY = "delay"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto-reply"
    REPLY = "reply"
    UNSUBSCRIBE = "unsubscribe"
    """Told by a relay alone: mail to unsubscribe is known by its address, whatever it says."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Recipient:
    address: str
    """As we wrote to it, where that is told; may be empty: the signed return path knows better."""
    status: str
    """RFC 3463 code as reported, or empty."""
    action: str
    """failed or delayed."""
    diagnostic: str
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Understood:
    kind: Kind
    recipients: Sequence[Recipient] = ()
    """Whom a bounce, delay or complaint is about: at least one of them then."""
    returned_id: str = ""
    """The signed id in the returned copy of our message, not verified."""
    in_reply_to: str = ""
    return_path: str = ""
    """The address in its Return-Path, which whoever delivered it wrote; empty also for the null one."""
    rule: str = ""
    """What made it this kind, for people."""
    unread: str = ""
    """Why it could not be read, in words for people; nothing else is known of it then. Empty: it was."""
