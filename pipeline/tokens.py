"""Signed ids: self-contained, one kind per purpose, so that one seen in a forwarded page opens nothing else. Pure.

A token is lower-case base32 without padding of `version · ids as varints · 16-byte MAC`. The MAC is keyed BLAKE2b
(RFC 7693) personalised with the purpose. Tokens are compared as canonical text without regard to case, because
mail systems fold local parts; with a two-letter prefix they fit the 64 octets of RFC 5321 section 4.5.3.1.1.
"""

import hmac
from base64 import b32decode
from binascii import Error as Base32Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Final

MAC_BYTES = 16
_LETTERS: Final = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")
"""RFC 4648 section 6, in lower case."""
_DIGITS: Final = 64
"""The longest text that is made, in base32 digits; a power of two."""
ID_LIMIT = 2**35
"""Five bytes as a varint: four such ids and the MAC make 60 characters, the most that the prefix leaves."""


class Purpose(Enum):
    """What a token is good for: the MAC's personalisation and the number of ids inside."""

    def __init__(self, person: bytes, ids: int) -> None:
        self.person, self.ids = person, ids

    __hash__ = object.__hash__  # a member is itself alone, and Enum's own hash is a function in Python

    UNSUBSCRIBE = (b"unsubscribe", 4)
    """send, delivery, subscriber, newsletter: works without the delivery row, in five years too."""
    VIEW = (b"view", 2)
    RETURN_PATH = (b"return-path", 2)
    HEADER = (b"header", 2)
    MESSAGE_ID = (b"message-id", 2)
    CLICK = (b"click", 2)
    """send, delivery: in personal links, and good for nothing but saying that they were followed."""
    UNDO = (b"undo", 2)
    """departure, expiry in Unix seconds."""
    WAY_BACK = (b"way-back", 2)
    """transport, Unix seconds: a mail by which a relay is asked whether it keeps our return path."""
    WEBHOOK = (b"webhook", 2)
    """hook, generation: in the address where a provider tells what became of mail."""


class StandIn(StrEnum):
    """Words that stand where a token would, in copies that act for nobody. Far too short to be a token."""

    TEST = "test"
    """In a test mail."""
    NOBODY = "nobody"
    """On a page that anyone may see."""


class BadTokenError(Exception):
    """The text is not a token of this purpose that we made. Says no more, on purpose."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Secrets (32 bytes) by version. The highest one signs, all of them verify."""

    secrets: Mapping[int, bytes] = field(repr=False)
    _begun: dict[tuple[Purpose, int], "blake2b"] = field(default_factory=dict, init=False, repr=False, compare=False)
    """A MAC with its key and purpose taken in: continuing from there halves its cost."""
    _newest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_newest", max(self.secrets))

    def sign(self, purpose: Purpose, *ids: int) -> str:
        """Make a token; `ids` are non-negative, as many as the purpose says (ValueError otherwise)."""
        if len(ids) != purpose.ids:
            raise ValueError(f"a {purpose.name} token holds {purpose.ids} ids, not {len(ids)}")
        body = _body(self._newest, ids)
        return _encode(body + self._mac(purpose, self._newest, body))

    def verify(self, purpose: Purpose, token: str) -> tuple[int, ...]:
        """Give back the ids, or raise BadTokenError."""
        packed = _decode(token)
        body, mac = packed[:-MAC_BYTES], packed[-MAC_BYTES:]
        if not body or body[0] not in self.secrets:
            raise BadTokenError
        if not hmac.compare_digest(mac, self._mac(purpose, body[0], body)):
            raise BadTokenError
        return tuple(_ids(body[1:], purpose.ids))

    def _mac(self, purpose: Purpose, version: int, body: bytes) -> bytes:
        begun = self._begun.get((purpose, version))
        if begun is None:
            begun = blake2b(digest_size=MAC_BYTES, key=self.secrets[version], person=purpose.person)
            self._begun[purpose, version] = begun
        mac = begun.copy()
        mac.update(body)
        return mac.digest()


def _spreading() -> Iterator[tuple[int, int, int]]:
    """How to spread digits of 5 bits over a byte each: halve every block, move its upper half away by 3 bits a digit.

    For each halving: a mask of all lower halves, one of all upper halves, and by how many bits these move.
    """
    digits = _DIGITS
    while digits > 1:
        half, blocks = digits // 2, range(0, 8 * _DIGITS, 8 * digits)
        lower = sum((1 << 5 * half) - 1 << start for start in blocks)
        yield lower, lower << 5 * half, 3 * half
        digits = half


_SPREADING: Final = tuple(_spreading())


def _encode(packed: bytes) -> str:
    """Lower-case base32 without padding of at most 40 bytes, in whole numbers and not digit by digit.

    Five times a message, and in a third of the time of a table of three digits, which does not stay in a processor's
    cache beside the messages.
    """
    number = int.from_bytes(packed) << (5 * _DIGITS - 8 * len(packed))
    for lower, upper, by in _SPREADING:
        number = number & lower | (number & upper) << by
    return number.to_bytes(_DIGITS).translate(_LETTERS)[: -(-len(packed) * 8 // 5)].decode()


def _decode(token: str) -> bytes:
    text = token.lower()
    try:
        packed = b32decode(text.upper() + "=" * (-len(text) % 8))
    except (Base32Error, ValueError) as error:
        raise BadTokenError from error
    if len(text) > _DIGITS or _encode(packed) != text:  # unused low bits set: another spelling of the same bytes
        raise BadTokenError
    return packed


@lru_cache(maxsize=64)  # four tokens of a message hold the same ids
def _body(version: int, ids: tuple[int, ...]) -> bytes:
    return bytes([version]) + b"".join(map(_varint, ids))


def _varint(number: int) -> bytes:
    if not 0 <= number < ID_LIMIT:
        raise ValueError(f"an id is a number from 0 to {ID_LIMIT - 1}, not {number}")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _ids(packed: bytes, count: int) -> Sequence[int]:
    ids, current, shift = [], 0, 0
    for byte in packed:
        current |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            ids.append(current)
            current = shift = 0
    if shift or len(ids) != count:
        raise BadTokenError
    return ids
