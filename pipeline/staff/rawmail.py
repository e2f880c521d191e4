"""A returned message as it came, opened in part: hostile bytes in, bounded text out."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pipeline.feedback import mime
from pipeline.feedback.bounded import NoReaderError, understand
from pipeline.feedback.understand import Recipient

SHOWN_AT_MOST: Final = 200_000
"""Octets that a page opens. The whole is in the file."""
WHOLE_AT_MOST: Final = 20_000_000
"""More than any way in takes; what unpacks to more is no message."""
HEADERS_AT_MOST: Final = 100
PARTS_AT_MOST: Final = 20
TEXT: Final = "text/plain; charset=utf-8"
POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a page shows of a message. Texts are as strangers wrote them."""

    headers: Sequence[tuple[str, str]]
    parts: Sequence[tuple[str, str]]
    """(media type, text) of each; a picture or a file has no text."""


def beginning(stored: bytes) -> bytes:
    """Unpack as much as a page opens."""
    return _unpacked(stored, SHOWN_AT_MOST)


def whole(stored: bytes) -> bytes:
    return _unpacked(stored, WHOLE_AT_MOST)


def opened(raw: bytes) -> Opened:
    """The headers decoded and each part as text. Never raises; linear in what it is given."""
    message = mime.read(raw)
    headers = [(name, mime.decode_words(value)) for name, value in islice(message.headers, HEADERS_AT_MOST)]
    return Opened(headers, [(leaf.kind, _text(leaf)) for leaf in islice(message.leaves(), PARTS_AT_MOST)])


def says(raw: bytes) -> Sequence[Recipient]:
    """Whom the message is about by its own words, which nobody vouches for; read in a process of its own."""
    try:
        return understand(raw).recipients
    except NoReaderError:
        return ()


def _text(leaf: mime.Part) -> str:
    """Of what is text; a picture or a file has none."""
    return leaf.text() if leaf.kind.startswith(("text/", "message/", "application/json")) else ""


def _unpacked(stored: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(stored, most)
    except zlib.error:
        return b""
