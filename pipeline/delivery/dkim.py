"""DKIM signatures over wire bytes (RFC 6376, RFC 8463). Pure; `delivery.signing` knows whose keys are in use.

A library would parse key and message again for each signature; here the body is hashed once as it goes over the wire,
and what is left beside the RSA operation is to read some twenty header fields. Signed are the fields that a reader or
a provider acts on, each once more than it is there ("oversigned"), so that none can be added later (RFC 6376 section
8.15). There is no `l=`, which would let anybody add to a body.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pipeline.errors import PressrunError

SIGNED: Final = (
    *("From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "Sender"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"),
)
RSA_BITS: Final = 2048
TXT_OCTETS: Final = 255
"""The longest string of a TXT record (RFC 1035 section 3.3.14); a record may hold several."""
_NAMES: Final = tuple(name.lower().encode() for name in SIGNED)
_KNOWN: Final = frozenset(_NAMES)
_CRLF: Final = b"\r\n"
_LINE: Final = 76
_LABEL: Final = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PADDING: Final = PKCS1v15()
_SHA256: Final = SHA256()

Private: TypeAlias = RSAPrivateKey | Ed25519PrivateKey


class DkimError(PressrunError, ValueError):
    """A key cannot be used, or a message cannot be signed. Never shows anything of a key."""


class Algorithm(StrEnum):
    RSA = "rsa-sha256"
    ED25519 = "ed25519-sha256"
    """RFC 8463. Only beside RSA: too few receivers verify it."""


class Body(StrEnum):
    """How the body is canonicalised. Header fields are always relaxed."""

    SIMPLE = "simple"
    """As it goes over the wire, but for empty lines at its end."""
    RELAXED = "relaxed"
    """Survives relays that change spaces and line ends."""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and where its public half stands: `SELECTOR._domainkey.DOMAIN`."""

    domain: str
    selector: str
    private: Private = field(repr=False)

    def __post_init__(self) -> None:
        check_names(self.domain, self.selector)
        if isinstance(self.private, RSAPrivateKey) and self.private.key_size < RSA_BITS:
            raise DkimError(
                f"the RSA key of {self.place} has {self.private.key_size} bits; {RSA_BITS} is the least that receivers "
                "trust (RFC 8301). Make a new one with `pressrun dkim rotate`"
            )

    @classmethod
    def load(cls, pem: bytes, *, domain: str, selector: str) -> Self:
        """Read an unencrypted PKCS #8 key in PEM. Raises DkimError."""
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            private = None
        if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
            raise DkimError(f"the DKIM key {selector} of {domain} is not an RSA or Ed25519 key in PEM")
        return cls(domain, selector, private)

    @property
    def algorithm(self) -> Algorithm:
        return Algorithm.RSA if isinstance(self.private, RSAPrivateKey) else Algorithm.ED25519

    @property
    def place(self) -> str:
        """The name of its DNS record."""
        return f"{self.selector}._domainkey.{self.domain}"

    def public(self) -> bytes:
        """What `p=` holds, before base64: SubjectPublicKeyInfo for RSA, 32 octets for Ed25519 (RFC 8463 section 4)."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def record(self) -> str:
        """The text of its DNS record (RFC 6376 section 3.6.1). It holds nothing secret."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={b64encode(self.public()).decode()}"

    def sign(self, message: bytes) -> bytes:
        """The signature over canonical header fields."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(message, _PADDING, _SHA256)
        return self.private.sign(sha256(message).digest())  # RFC 8463 section 3: over the hash


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys that sign for a domain. Raises DkimError for none, and for Ed25519 without RSA."""

    keys: tuple[Key, ...]
    body: Body = Body.SIMPLE

    def __post_init__(self) -> None:
        if all(key.algorithm is not Algorithm.RSA for key in self.keys):
            raise DkimError("an Ed25519 key signs only beside an RSA key: too few receivers verify it alone")

    def fields(self, wire: bytes, *, at: int) -> bytes:
        """The DKIM-Signature fields that belong in front of `wire`, a whole message with CRLF line ends.

        `at` is Unix time. Raises DkimError for a message without From, which no signature may leave out.
        """
        end = wire.find(b"\r\n\r\n")
        head, start = (wire[:end], end + 4) if end >= 0 else (wire, len(wire))
        signed, counts = _signed(head)
        hashed = b64encode(_body_hash(wire, start, self.body))
        return b"".join(self._field(key, signed, names=_listed(counts), hashed=hashed, at=at) for key in self.keys)

    def _field(self, key: Key, signed: bytes, *, names: bytes, hashed: bytes, at: int) -> bytes:
        value = (
            f"v=1; a={key.algorithm}; c=relaxed/{self.body};\r\n d={key.domain};\r\n s={key.selector}; t={at};\r\n"
        ).encode() + b" h=%s;\r\n bh=%s;\r\n b=" % (names, hashed)
        signature = b64encode(key.sign(signed + b"dkim-signature:" + value.replace(_CRLF, b"")))
        folded = b"\r\n ".join(signature[at : at + _LINE - 4] for at in range(0, len(signature), _LINE - 4))
        return b"DKIM-Signature: %s%s\r\n" % (value, folded)


def check_names(domain: str, selector: str) -> None:
    """Raise DkimError for what would break a signature's field, or is no name in DNS."""
    for what, name in (("domain", domain), ("selector", selector)):
        if not _DOMAIN.fullmatch(name) or len(name) > 253:
            raise DkimError(f"{name!r} cannot be a DKIM {what}: write it as DNS has it, in small letters")


def txt_strings(record: str) -> list[str]:
    """A record's text in the strings that a TXT record can hold."""
    return [record[at : at + TXT_OCTETS] for at in range(0, len(record), TXT_OCTETS)]


def _signed(head: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The canonical fields in the order in which they are signed, and how often each of SIGNED is there.

    Relaxed (RFC 6376 section 3.4.2): unfolded, each run of spaces and tabs one space, none around the colon or at the
    end. Of several fields of one name the last comes first (section 5.4.2).
    """
    flat = _one_space(head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "))
    found: dict[bytes, list[bytes]] = {}
    for line in flat.split(_CRLF):
        name, _, value = line.partition(b":")
        name = name.rstrip(b" ").lower()
        if name in _KNOWN:
            found.setdefault(name, []).append(b"%s:%s\r\n" % (name, value.strip(b" ")))
    if b"from" not in found:
        raise DkimError("the message has no From field, so it cannot be signed")
    ordered = [found.get(name, ()) for name in _NAMES]
    return b"".join([each for group in ordered for each in reversed(group)]), tuple(map(len, ordered))


@lru_cache(maxsize=64)
def _listed(counts: Sequence[int]) -> bytes:
    """The value of `h=`: each name once more than it is there; folded after colons."""
    names = [name for name, count in zip(_NAMES, counts, strict=True) for _ in range(count + 1)]
    lines = [names[0]]
    for name in names[1:]:
        if len(lines[-1]) + len(name) < _LINE - 6:
            lines[-1] += b":" + name
        else:
            lines.append(name)
    return b":\r\n ".join(lines)


def _body_hash(wire: bytes, start: int, body: Body) -> bytes:
    """SHA-256 of the canonical body, which begins at `start`. A simple one is not copied."""
    if body is Body.RELAXED:
        return sha256(_relaxed(wire[start:])).digest()
    stop = _without_empty_lines(wire, start)
    digest = sha256(memoryview(wire)[start:stop])
    if not wire.endswith(_CRLF, start, stop):  # the empty body, too, is one CRLF (RFC 6376 section 3.4.3)
        digest.update(_CRLF)
    return digest.digest()


def _relaxed(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4. By plain replacing, which is several times as fast as a regular expression."""
    if body and not body.endswith(_CRLF):
        body += _CRLF  # as it will be on the wire
    body = _one_space(body).replace(b" \r\n", _CRLF)
    body = body[: _without_empty_lines(body, 0)]
    return b"" if body == _CRLF else body


def _one_space(text: bytes) -> bytes:
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _without_empty_lines(wire: bytes, start: int) -> int:
    """Where the part from `start` ends when of the line ends at its end only one stays."""
    stop = len(wire)
    while wire.endswith(b"\r\n\r\n", start, stop):
        stop -= 2
    return stop
