"""Delivery status notifications: the machine-readable part (RFC 3464, RFC 6533), read tolerantly. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from pipeline.feedback.mime import Part, address_of

KINDS: Final = frozenset({"message/delivery-status", "message/global-delivery-status", "text/delivery-status"})
RECIPIENTS_AT_MOST: Final = 50  # each mail of ours went to one
LINES_AT_MOST: Final = 5000
FIELD_AT_MOST: Final = 4000  # characters

_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ODD_ADDRESS: Final = re.compile(r"[^\s<>;@]{1,128}@[^\s<>;@]{1,255}")
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_UTF8_TEXT: Final = re.compile(r"\\x\{([0-9A-Fa-f]{2,5})\}")


class Action(StrEnum):
    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    """Also relayed and expanded: somebody took it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a server says about one recipient."""

    address: str
    """The original recipient where it is told, else the final one; as written."""
    action: Action
    status: str
    """RFC 3463 code, or empty."""
    diagnostic: str
    """The remote server's words, without their type (`smtp;`)."""


def reports(message: Part) -> Sequence[Report]:
    """The reports in the message's status parts, of which some servers write one for each; empty when it has none."""
    parts = islice((leaf.text() for leaf in message.leaves() if leaf.kind in KINDS), RECIPIENTS_AT_MOST)
    return read_reports("\n\n".join(parts))


def read_reports(text: str) -> Sequence[Report]:
    """Read blocks of fields. A block without a recipient (the first: about the message) is left out."""
    found = [read_report(fields) for fields in _blocks(text)]
    return tuple(report for report in found if report is not None)[:RECIPIENTS_AT_MOST]


def _blocks(text: str) -> Iterator[Mapping[str, str]]:
    """Blocks end at an empty line or, where that was lost, when a second recipient begins."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines()[:LINES_AT_MOST]:
        if name and line[:1] in {" ", "\t"} and line.strip():
            if len(fields[name]) < FIELD_AT_MOST:
                fields[name] += " " + line[:FIELD_AT_MOST].strip()
            continue
        found = _FIELD.match(line)
        name = found[1].lower() if found else ""
        if not line.strip() or (name == "final-recipient" and name in fields):
            yield fields
            fields = {}
        if found:
            name = name if name not in fields else f"{name}-again"
            fields[name] = found[2][:FIELD_AT_MOST].strip()
    yield fields


def read_report(fields: Mapping[str, str]) -> Report | None:
    """Read one recipient's fields, by names in lower case; None where they name nobody."""
    address = _recipient(fields)
    if not address:
        return None
    status = STATUS.search(fields.get("status", ""))
    diagnostic = _untyped(fields.get("diagnostic-code", "")) or _comment(fields.get("status", ""))
    diagnostic = diagnostic or fields.get("x-supplementary-info", "").strip("<> ")  # Exchange's
    code = status[1] if status else ""
    return Report(address, _action(fields.get("action", ""), code), code, diagnostic)


def _comment(status: str) -> str:
    """What is said in the parentheses after a status."""
    return status.partition("(")[2].rpartition(")")[0].strip()


def _recipient(fields: Mapping[str, str]) -> str:
    """The address that we wrote to. A forwarder's own (final) one means nothing to us."""
    names = ("original-recipient", "x-original-recipient", "final-recipient", "x-actual-recipient")
    values = [_unescaped(_untyped(fields[name])) for name in names if name in fields]
    found = next((address for address in map(address_of, values) if address), "") or _odd_address(values)
    return _unxtext(found)


def _odd_address(values: Sequence[str]) -> str:
    """What never could be an address (`ada@#x`) was refused for just that."""
    odd = (_ODD_ADDRESS.search(value) for value in values)
    return next((found[0] for found in odd if found), "")


def _untyped(value: str) -> str:
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value.strip()


def _unxtext(address: str) -> str:
    """Undo RFC 3461 section 4 where a server copied ORCPT as it came; only for `+` and `=`, which addresses need."""
    return _XTEXT.sub(lambda found: {"2B": "+", "3D": "="}.get(found[1], found[0]), address)


def _unescaped(value: str) -> str:
    """Undo RFC 6533 section 3, by which letters beyond ASCII travel as their numbers."""
    return _UTF8_TEXT.sub(lambda found: chr(int(found[1], 16)), value)


def _action(said: str, status: str) -> Action:
    word = said.split(maxsplit=1)[0].lower() if said.strip() else ""
    if word.startswith(("deliver", "relay", "expand")):
        return Action.DELIVERED
    if word.startswith("delay"):
        return Action.DELAYED
    if not word and status.startswith("2"):
        return Action.DELIVERED
    return Action.FAILED
