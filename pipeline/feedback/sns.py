"""Amazon SES's notifications where its topic (SNS) sends them by mail: JSON instead of a report. Pure.

Fields: docs.aws.amazon.com/ses/latest/dg/notification-contents.html. It proves no more than any bounce does.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipeline.feedback import dsn
from pipeline.feedback.arf import KIND_AT_MOST, Complaint
from pipeline.feedback.mime import Part, address_of, storable

SENDER: Final = "@sns.amazonaws.com"
FOLD: Final = "!\n "
"""How Sendmail breaks a line that is too long for SMTP."""


def reports(message: Part, words: str) -> Sequence[dsn.Report]:
    """What it says of each recipient who bounced, or whose mail is late; empty when it is something else."""
    bounce = _told(message, words, "bounce")
    status = _STATUS_OF.get(str(bounce.get("bounceSubType")).lower(), "")
    people = [{"status": status, **each} for each in _people(bounce, "bounced")]
    late = _people(_told(message, words, "deliveryDelay"), "delayed")
    fields = [
        {_FIELDS[key]: value for key, value in each.items() if key in _FIELDS}
        for each in (*people, *({**each, "action": "delayed"} for each in late))
    ]
    found = (dsn.read_report(each) for each in fields)
    return [report for report in found if report is not None][: dsn.RECIPIENTS_AT_MOST]


_FIELDS: Final = {
    "emailAddress": "final-recipient",
    "action": "action",
    "status": "status",
    "diagnosticCode": "diagnostic-code",
}
_STATUS_OF: Final = {
    "noemail": "5.1.1",
    "mailboxfull": "4.2.2",
    "messagetoolarge": "5.3.4",
    "contentrejected": "5.6.0",
    "attachmentrejected": "5.6.1",
}
"""Amazon's own word for the reason, which stands alone where no server's reply is passed on → RFC 3463."""


def complaint(message: Part, words: str) -> Complaint | None:
    """The complaint that it tells of, or None."""
    told = _told(message, words, "complaint")
    people = _people(told, "complained")
    kind = storable(str(told.get("complaintFeedbackType") or "abuse"))[:KIND_AT_MOST].lower()
    return Complaint(kind, (address_of(people[0].get("emailAddress", "")),)) if people else None


def _people(told: Mapping[str, Any], what: str) -> list[Mapping[str, str]]:
    people = told.get(f"{what}Recipients")
    found = [each for each in people if isinstance(each, dict)] if isinstance(people, list) else []
    return [{key: storable(value) for key, value in each.items() if isinstance(value, str)} for each in found]


def _told(message: Part, words: str, what: str) -> Mapping[str, Any]:
    """The object of that name in the notification, which stands alone or as the topic's "Message"."""
    if not address_of(message.header("from")).lower().endswith(SENDER):
        return {}
    whole = _first_object(words.replace(FOLD, ""))
    inner = whole.get("Message")
    told = (_first_object(inner) if isinstance(inner, str) else whole).get(what)
    return told if isinstance(told, dict) else {}


def _first_object(text: str) -> Mapping[str, Any]:
    at = text.find("{")
    try:
        found = json.JSONDecoder(strict=False).raw_decode(text, at)[0] if at >= 0 else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
