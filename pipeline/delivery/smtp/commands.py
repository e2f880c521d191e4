"""The commands for one envelope, as far as the relay's extensions allow it. Pure.

An address is looked at here, once more, whatever was checked before: what stands between `<` and `>` must never be
able to end the command (RFC 5321 section 4.1.2).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import idna

from pipeline.delivery.envelope import Envelope, Result, Verdict

_SIMPLE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,180}")
"""An address that stands in a command, and in xtext, as it is: nearly every one."""
_FORBIDDEN: Final = re.compile(r"[\x00-\x20<>\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_LOCAL_AT_MOST: Final = 64  # octets, RFC 5321 section 4.5.3.1.1
_PATH_AT_MOST: Final = 254  # octets without the angle brackets, section 4.5.3.1.3
_XTEXT: Final = re.compile(r"[^!-*,-<>-~]")  # what RFC 3461 section 4 wants as +HH
_ENVID_AT_MOST: Final = 100  # characters, RFC 3461 section 4.4

Extensions = Mapping[str, str]
"""What EHLO offered: upper-case keyword → its parameters."""


class Commands(NamedTuple):
    """Ready to write, each with its CRLF."""

    mail: bytes
    rcpt: bytes


class _RefusedError(Exception):
    """An envelope cannot go through this relay: the command at fault, an RFC 3463 code, and why."""


def commands(envelope: Envelope, extensions: Extensions) -> Commands | Result:
    """Make MAIL and RCPT, or the result that says why this relay cannot be asked to carry it."""
    try:
        eight_bit = not (envelope.is_ascii or envelope.wire.isascii())
        _check_message(envelope.wire, extensions, eight_bit=eight_bit)
        sender = _path("MAIL", envelope.sender, extensions) if envelope.sender else ""
        recipient = _path("RCPT", envelope.recipient, extensions)
    except _RefusedError as refused:
        command, enhanced, why = refused.args
        return Result(envelope.key, Verdict.REJECTED, None, enhanced, why, command)
    options = [f"MAIL FROM:<{sender}>"]
    if "SIZE" in extensions:
        options.append(f"SIZE={len(envelope.wire)}")
    if eight_bit:
        options.append("BODY=8BITMIME")
    if not (sender + recipient).isascii():
        options.append("SMTPUTF8")
    rcpt = f"RCPT TO:<{recipient}>"
    if "DSN" in extensions:
        options.append(_mail_dsn(envelope.envid))
        rcpt += _rcpt_dsn(recipient)
    return Commands(f"{' '.join(options)}\r\n".encode(), f"{rcpt}\r\n".encode())


def _mail_dsn(envid: str) -> str:
    """RFC 3461 sections 4.3 and 4.4: headers are enough to know the message by."""
    return f"RET=HDRS ENVID={_xtext(envid[:_ENVID_AT_MOST])}" if envid else "RET=HDRS"


def _rcpt_dsn(recipient: str) -> str:
    """RFC 3461 sections 4.1 and 4.2. ORCPT of a non-ASCII address has another form (RFC 6533) and is left out."""
    orcpt = f" ORCPT=rfc822;{_xtext(recipient)}" if recipient.isascii() else ""
    return f" NOTIFY=FAILURE,DELAY{orcpt}"


def _xtext(text: str) -> str:
    return _XTEXT.sub(lambda found: "".join(f"+{octet:02X}" for octet in found[0].encode()), text)


def _check_message(wire: bytes, extensions: Extensions, *, eight_bit: bool) -> None:
    if not wire.endswith(b"\r\n"):
        raise _RefusedError(".", "5.6.0", "The message does not end with CRLF; it was not handed over.")
    if eight_bit and "8BITMIME" not in extensions:
        raise _RefusedError("MAIL", "5.6.3", "The message holds 8-bit bytes, which the relay does not take.")
    limit = extensions.get("SIZE", "")
    if limit.isascii() and limit.isdigit() and 0 < int(limit) < len(wire):
        why = f"The message has {len(wire)} bytes; the relay takes at most {int(limit)}."
        raise _RefusedError("MAIL", "5.3.4", why)


def _path(command: str, address: str, extensions: Extensions) -> str:
    """The address as it stands between the angle brackets: the domain in its ASCII form."""
    if _SIMPLE.fullmatch(address):
        return address
    enhanced = "5.1.7" if command == "MAIL" else "5.1.3"
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or _FORBIDDEN.search(address):
        raise _RefusedError(command, enhanced, f"{address!r} is not a mail address.")
    if not local.isascii() and "SMTPUTF8" not in extensions:
        why = f"{address!r} has letters outside ASCII before the @, and the relay does not offer SMTPUTF8."
        raise _RefusedError(command, "5.6.7", why)
    path = f"{local}@{_ascii_domain(domain, command, enhanced)}"
    if len(local.encode()) > _LOCAL_AT_MOST or len(path.encode()) > _PATH_AT_MOST:
        why = f"{address!r} is too long: mail allows 64 bytes before the @ and 254 in all."
        raise _RefusedError(command, enhanced, why)
    return path


def _ascii_domain(domain: str, command: str, enhanced: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise _RefusedError(command, enhanced, f"{domain!r} is not a domain: {error}.") from error
