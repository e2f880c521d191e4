"""Whose key signs which mail: keys from the database, parsed once per process, looked for anew every half minute."""

import logging
import time
from functools import lru_cache
from typing import Final

from django.db import DatabaseError

from pipeline.delivery.dkim import Body, DkimError, Key, Signer
from pipeline.models import DkimKey, Newsletter, Secret
from pipeline.queries.signing import dkim_domain, dkim_keys

logger = logging.getLogger(__name__)
FRESH_SECONDS: Final = 30.0
"""A rotation reaches every process within this time; until then both records are published anyway."""
_signers: dict[str, tuple[float, Signer | None]] = {}


def signed(newsletter: Newsletter, wire: bytes) -> bytes:
    """The message with a DKIM-Signature in front where its sender has an active key, else as it is.

    While the keys cannot be looked for anew, those of a moment ago sign: no message of a running batch is lost by it.
    """
    return signed_from(newsletter.sender_address, wire)


def signed_from(sender: str, wire: bytes) -> bytes:
    """Likewise a message from this address."""
    host = _host(sender)
    try:
        signer = _looked_for(host)
    except (DkimError, DatabaseError) as error:
        signer = _last_known(host, error)
    return wire if signer is None else signer.fields(wire, at=int(time.time())) + wire


def signer_of(newsletter: Newsletter) -> Signer | None:
    """Who signs for the newsletter's sender address; None: nobody. Raises DkimError for a key that cannot be used."""
    return _looked_for(_host(newsletter.sender_address))


def forget_signers() -> None:
    """Look for keys anew at the next message."""
    _signers.clear()


def key_of(row: DkimKey) -> Key:
    """A stored key, ready to sign. Raises DkimError."""
    return _key(row.private_pem, row.sender_domain.from_domain, row.selector)


def _host(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _looked_for(host: str) -> Signer | None:
    """Who signs for a host, at most half a minute old."""
    looked, signer = _signers.get(host, (float("-inf"), None))
    now = time.monotonic()
    if now - looked > FRESH_SECONDS:
        signer = _signer(host)
        _signers[host] = now, signer
    return signer


def _last_known(host: str, error: Exception) -> Signer | None:
    """Who signed until now; looks again a second later. Raises the error where nobody is known."""
    if host not in _signers:
        raise error
    _, signer = _signers[host]
    _signers[host] = time.monotonic() - FRESH_SECONDS + 1, signer
    logger.warning("the DKIM keys of %s could not be looked for, those known are used: %s", host, error)
    return signer


def _signer(host: str) -> Signer | None:
    domain = dkim_domain(host)
    if domain is None:
        return None
    return Signer(tuple(key_of(row) for row in dkim_keys(domain, state="active")), Body(domain.dkim_body))


@lru_cache(maxsize=32)
def _key(pem: Secret, domain: str, selector: str) -> Key:
    return Key.load(pem.reveal().encode(), domain=domain, selector=selector)
