"""What goes into an SMTP connection and what comes out of it. Pure: everyone may know these, few speak SMTP."""

from collections.abc import Hashable
from enum import StrEnum
from typing import NamedTuple


class Envelope(NamedTuple):
    """One message for one recipient."""

    key: Hashable
    """Given back with the result; the client never looks inside."""
    sender: str
    """The return path; empty is the null sender of RFC 5321 section 4.5.5."""
    recipient: str
    wire: bytes
    """The message with every line ended by CRLF and no line starting with a dot, as the compiler makes it."""
    envid: str = ""
    """Comes back in delivery reports (RFC 3461 section 4.4), where the relay offers them."""
    is_ascii: bool = False
    """The message is known to hold no 8-bit bytes, and nobody needs to read it for them."""


class Verdict(StrEnum):
    """What became of one envelope."""

    ACCEPTED = "accepted"
    """The relay took responsibility for it."""
    REJECTED = "rejected"
    """Refused for good: by the relay with 5xx, or by us because the relay could not carry it."""
    DEFERRED = "deferred"
    """The relay answered 4xx."""
    UNSENT = "unsent"
    """The relay never had the whole of it: repeating it is safe."""
    UNCERTAIN = "uncertain"
    """The whole of it was handed to the network, and no answer came back (RFC 1047)."""


class Result(NamedTuple):
    """The verdict on one envelope, with the relay's own words."""

    key: Hashable
    verdict: Verdict
    code: int | None
    """The SMTP code; None where the relay did not answer (then `text` is our sentence)."""
    enhanced: str
    """RFC 3463: `5.1.1`. Empty if the relay gave none."""
    text: str
    """The reply word for word, all lines with their codes, joined by newlines; or our sentence."""
    command: str
    """What was answered or waited for: `MAIL`, `RCPT`, `DATA`, or `.` for the message itself.

    Empty where this envelope's turn had not come. `RSET` where clearing up after another failed.
    """
