"""Email addresses: what a person typed becomes the form on the wire and the one canonical key.

Pure: syntax only, nothing is looked up. RFC 5321 and 5322 for the shape, RFC 6531 for non-ASCII local parts,
UTS 46 and IDNA 2008 for domains.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import email_validator

# The demo, the tests and closed networks use `.test`, `.example`, `.invalid` and `localhost` (RFC 6761); whether
# an address can be reached is for the relay to say. This is the library's documented switch.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

MAX_OCTETS: Final = 254
"""The longest address that fits a mail path, RFC 3696 erratum 1690."""

_SURROUNDING_SPACE: Final = " \t\u00a0\u3000\ufeff"
"""What spreadsheets and copying leave around an address. Line breaks are not among it: they are refused."""

# Nine of ten addresses are of this plain kind: lower-case ASCII, no A-labels (`xn--`). For them the full check
# cannot say anything else (a property test holds it to that) and takes twenty times as long.
_PLAIN: Final = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)"
    r"@((?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})"
)


class AddressError(ValueError):
    """A text that is not an email address. `reason` says what is wrong with it, in a sentence."""

    def __init__(self, text: str, reason: str) -> None:
        self.text, self.reason = text, reason
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        super().__init__(f"{shown!r} is not an email address: {reason}")


@dataclass(frozen=True, slots=True)
class Address:
    email: str
    """For the wire: the local part as typed (NFC), the domain as an A-label."""
    key: str
    """The canonical form: two spellings of one address have the same key."""
    domain: str
    """A-label, lower-case."""
    local: str

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a relay with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()


def parse_address(text: str) -> Address:
    """Check an address as typed and give its forms. Surrounding blanks are taken off.

    Dots and plus tags are kept: they are part of a person's identity everywhere but at one provider.

    Raises:
        AddressError: it is not one address; line breaks, NUL and invisible characters never pass.

    """
    stripped = text.strip(_SURROUNDING_SPACE)
    plain = _PLAIN.fullmatch(stripped) if len(stripped) <= MAX_OCTETS else None
    if plain:
        local, domain = plain.groups()
        return Address(email=stripped, key=stripped, domain=domain, local=local)
    return _parse_any(stripped)


def _parse_any(text: str) -> Address:
    # Guards the checks below, whose cost grows with the length, from hostile files.
    if len(text) > MAX_OCTETS:
        raise AddressError(text, f"It is longer than {MAX_OCTETS} characters.")
    try:
        valid = email_validator.validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=True,
            # Asks for a dot and a top-level domain, which `localhost` does not have.
            globally_deliverable=not text.lower().endswith("@localhost"),
        )
    except email_validator.EmailNotValidError as error:
        raise AddressError(text, str(error)) from error
    local, domain = valid.local_part, valid.ascii_domain.lower()
    return Address(email=f"{local}@{domain}", key=f"{_fold(local)}@{domain}", domain=domain, local=local)


def _fold(local: str) -> str:
    """Without regard to case, and composed (what comes in is composed already)."""
    return unicodedata.normalize("NFC", local.casefold())
