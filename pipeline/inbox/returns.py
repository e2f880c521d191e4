"""What a difficult reader's mail system sends back, as a real one would write it. Pure: the time is an argument."""

from datetime import datetime
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import BytesHeaderParser
from email.utils import format_datetime, make_msgid

HOST = "inbox.localhost"
DEAD = ("5.1.1", "550 5.1.1 <{}>: Recipient address rejected: User unknown")
FULL = ("5.2.2", "552 5.2.2 <{}>: Mailbox is full / quota exceeded")


def bounce(original: bytes, recipient: str, *, verdict: tuple[str, str], now: datetime) -> bytes:
    """A delivery status notification (RFC 3464) with the returned message's headers (RFC 6522)."""
    status, diagnostic = verdict
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    _address(report, to="", now=now)
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{HOST}>"
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Auto-Submitted"] = "auto-replied"
    said = diagnostic.format(recipient)
    report.attach(MIMEText(f"Your message could not be delivered to one recipient.\n\n<{recipient}>: {said}\n"))
    fields = MIMEBase("message", "delivery-status")
    fields.attach(_fields({"Reporting-MTA": f"dns; {HOST}", "Arrival-Date": format_datetime(now)}))
    fields.attach(
        _fields(
            {
                "Final-Recipient": f"rfc822; {recipient}",
                "Original-Recipient": f"rfc822; {recipient}",
                "Action": "failed",
                "Status": status,
                "Diagnostic-Code": f"smtp; {said}",
            }
        )
    )
    report.attach(fields)
    headers = BytesHeaderParser().parsebytes(original)
    returned = MIMEText("", "rfc822-headers")
    returned.set_payload("".join(f"{name}: {value}\n" for name, value in headers.items()))
    report.attach(returned)
    return report.as_bytes()


def vacation(original: bytes, recipient: str, return_path: str, *, now: datetime) -> bytes:
    """An automatic reply (RFC 3834) to the return path."""
    headers = BytesHeaderParser().parsebytes(original)
    note = EmailMessage()
    _address(note, to=return_path, now=now)
    note["From"] = recipient
    note["Subject"] = "Out of office"
    note["Auto-Submitted"] = "auto-replied"
    note["In-Reply-To"] = headers.get("Message-ID", "")
    note.set_content("I am away until Monday and will read your message then.\n\n월요일까지 자리를 비웁니다.\n")
    return note.as_bytes()


def _address(message: Message, *, to: str, now: datetime) -> None:
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=HOST)
    if to:
        message["To"] = to


def _fields(values: dict[str, str]) -> Message:
    """One group of fields of a delivery status, which is a message without a body."""
    group = Message()
    for name, value in values.items():
        group[name] = value
    return group
