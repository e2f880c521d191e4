"""What is known of one reader, as the values that fill the slots of a proof."""

from typing import Final

from pipeline.content import headers
from pipeline.content.types import ContentError

_NO_ADDRESS: Final = "undisclosed-recipients:;"
"""An empty group (RFC 5322 section 3.4), for an address that the envelope may carry (RFC 6531) and an ASCII header not.
Whether it can be mailed is for the relay to say, and for `delivery.smtp`, which knows what the relay takes."""


def values_of(*, email: str, first_name: str, last_name: str, language: str) -> dict[str, str]:
    """The merge fields (`merge.FIELDS`) and the To field's value. Without tokens, date and Message-ID."""
    name = " ".join(part for part in (first_name, last_name) if part)
    return {
        "to": _to(name, email),
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "name": name,
        "language": language,
    }


def _to(name: str, email: str) -> str:
    if not email.rpartition("@")[0].isascii():
        return _NO_ADDRESS
    try:
        return headers.address(name, email)
    except ContentError:  # a name that no header may hold; the person still gets their mail
        return headers.address("", email)
