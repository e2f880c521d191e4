"""A reply in, its meaning out."""

from pipeline.replies.reasons import Fault, Meaning, Reason


def classify(text: str, *, code: int | None = None, enhanced: str = "", command: str = "") -> Meaning:
    """Say what a reply means. In doubt the answer is soft: it may be wrong to keep a reader, never fatal.

    `text` is the reply in its own words, `code` the SMTP code (550), `enhanced` the RFC 3463 code (5.1.1),
    `command` the SMTP verb that was answered (MAIL, RCPT, DATA, or `.` for the message itself).
    """
    if enhanced in {"5.1.1", "5.1.3", "5.1.6", "5.1.10"}:
        return Meaning(Reason.NO_SUCH_MAILBOX, "userunknown", True, Fault.RECIPIENT, f"enhanced {enhanced}")
    return Meaning(Reason.UNKNOWN, "undefined", False, Fault.UNKNOWN, "nothing matched")
