"""Complaints: feedback reports (RFC 5965, RFC 6591) and what providers send in their place. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pipeline.feedback.dsn import RECIPIENTS_AT_MOST
from pipeline.feedback.mime import Part, address_of

COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "other", "miscategorized", "complaint"})
"""Feedback types by which a person says: not this. `not-spam`, `auth-failure` and `dmarc` are something else."""

FIELDS_AT_MOST: Final = 1000
KIND_AT_MOST: Final = 40  # characters
_FIELD: Final = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*([^\n]*)", re.MULTILINE)
_PASTED: Final = re.compile(r"^Feedback-Type:[^\n]*\n(?:User-Agent|Version):", re.MULTILINE | re.IGNORECASE)
_HOTMAIL: Final = "x-hmxmroriginalrecipient"


@dataclass(frozen=True, slots=True)
class Complaint:
    kind: str
    """The feedback type in lower case: abuse, not-spam, auth-failure …"""
    addresses: tuple[str, ...]
    """Who complained, where it is told; many providers leave it out. Several may (RFC 5965 section 3.3)."""

    @property
    def is_complaint(self) -> bool:
        return self.kind in COMPLAINTS


def complaint(message: Part, returned: Part) -> Complaint | None:
    """The report in the message, or None. `returned` is the copy of our own mail that came with it."""
    report = _report(message)
    if report is not None:
        fields: dict[str, list[str]] = {}
        for each in islice(_FIELD.finditer(report), FIELDS_AT_MOST):
            fields.setdefault(each[1].lower(), []).append(each[2].strip())
        return Complaint(_kind(fields.get("feedback-type", [""])[-1]), _who(fields, returned))
    if returned.header(_HOTMAIL):  # Microsoft's JMRP: no report part, one header in the copy
        return Complaint("abuse", _named([returned.header(_HOTMAIL)]))
    return None


def _report(message: Part) -> str | None:
    """The report's fields. Some write them into a text, or a gateway loses the part's type."""
    leaves = tuple(message.leaves())
    part = next((leaf for leaf in leaves if leaf.kind == "message/feedback-report"), None)
    if part is not None:
        return part.text()
    pasted = (_PASTED.search(leaf.text()) for leaf in leaves if leaf.kind == "text/plain")
    return next((found.string[found.start() :] for found in pasted if found), None)


def _kind(said: str) -> str:
    return said.split(maxsplit=1)[0][:KIND_AT_MOST].lower().rstrip(";") if said.strip() else "abuse"


def _who(fields: Mapping[str, Sequence[str]], returned: Part) -> tuple[str, ...]:
    names = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to")
    told = (_named(fields.get(name, ())) for name in names)
    return next(filter(None, told), ()) or _named([returned.header("to")])


def _named(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(address_of, values)))[:RECIPIENTS_AT_MOST]
