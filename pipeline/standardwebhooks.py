"""Bodies signed as Standard Webhooks says (https://www.standardwebhooks.com): ours, and those of Resend. Pure."""

import hmac
from base64 import b64decode, b64encode
from typing import Final

PREFIX: Final = "whsec_"


def signature(secret: bytes, name: str, body: bytes, *, at: int) -> str:
    """`v1,…` over the name, which stays the same when it is tried again, the second of the try, and the body."""
    return "v1," + b64encode(hmac.digest(secret, f"{name}.{at}.".encode() + body, "sha256")).decode()


def is_signed(secret: bytes, name: str, body: bytes, *, at: int, given: str) -> bool:
    """Whether one of the signatures given, with spaces between, is right."""
    right = signature(secret, name, body, at=at).encode()
    return any(hmac.compare_digest(right, each.encode("utf-8", "replace")) for each in given.split()[:10])


def secret_of(text: str) -> bytes:
    """A secret as it is written: base64 behind `whsec_`. Raises ValueError."""
    return b64decode(text.removeprefix(PREFIX), validate=True)
