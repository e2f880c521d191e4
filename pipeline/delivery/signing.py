"""Whose key signs which mail: keys from the database, parsed once per process, looked for anew every half minute."""

import time
from functools import lru_cache
from typing import Final

from pipeline.delivery.dkim import Body, Key, Signer
from pipeline.models import DkimKey, Newsletter, Secret
from pipeline.queries.signing import dkim_domain, dkim_keys

FRESH_SECONDS: Final = 30.0
"""A rotation reaches every process within this time; until then both records are published anyway."""
_signers: dict[str, tuple[float, Signer | None]] = {}


def signed(newsletter: Newsletter, wire: bytes) -> bytes:
    """The message with a DKIM-Signature in front where its sender has an active key, else as it is."""
    signer = signer_of(newsletter)
    return wire if signer is None else signer.fields(wire, at=int(time.time())) + wire


def signer_of(newsletter: Newsletter) -> Signer | None:
    """Who signs for the newsletter's sender address; None: nobody. Raises DkimError for a key that cannot be used."""
    host = newsletter.sender_address.rpartition("@")[2].lower()
    looked, signer = _signers.get(host, (float("-inf"), None))
    now = time.monotonic()
    if now - looked > FRESH_SECONDS:
        signer = _signer(host)
        _signers[host] = now, signer
    return signer


def forget_signers() -> None:
    """Look for keys anew at the next message."""
    _signers.clear()


def key_of(row: DkimKey) -> Key:
    """A stored key, ready to sign. Raises DkimError."""
    return _key(row.private_pem, row.sender_domain.from_domain, row.selector)


def _signer(host: str) -> Signer | None:
    domain = dkim_domain(host)
    if domain is None:
        return None
    return Signer(tuple(key_of(row) for row in dkim_keys(domain, state="active")), Body(domain.dkim_body))


@lru_cache(maxsize=32)
def _key(pem: Secret, domain: str, selector: str) -> Key:
    return Key.load(pem.reveal().encode(), domain=domain, selector=selector)
