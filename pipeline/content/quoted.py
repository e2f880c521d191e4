"""Quoted-printable (RFC 2045 section 6.7) in a form that may be cut into segments and slots.

A slot always begins and ends on a line of its own, held together by soft line breaks, so that each piece can be
encoded without knowing its neighbours. No line is longer than 76 characters, ends in white space, or starts with a
dot or with `From `: the bytes need no dot-stuffing and no mail store touches them.
"""

import re
from collections.abc import Sequence
from typing import Final

from pipeline.content.slots import Piece
from pipeline.content.types import Slot

SOFT: Final = b"=\r\n"
_UNSAFE: Final = (b".", b"From ")
"""What no line may start with."""
_ROOM: Final = 75
"""One less than the limit: a soft line break needs one more."""
_LITERAL = re.compile(rb"[^!-~ \t\r\n]++|[ \t](?=[\r\n]|\Z)")
_NEWLINE = re.compile(rb"\r\n|\r|\n")


def encode(text: str) -> bytes:
    """Text in, lines out; line ends of any kind become CRLF. What follows must be a soft or a hard line break."""
    raw = text.encode("utf-8", "replace").replace(b"=", b"=3D")
    return b"\r\n".join(map(_line, _NEWLINE.split(_LITERAL.sub(_hex, raw))))


def pieces(parts: Sequence[Piece]) -> list[bytes | Slot]:
    """Encode what `SlotTable.split` gave, with the soft line breaks that keep each slot on lines of its own."""
    last = len(parts) - 1
    return [
        part if isinstance(part, Slot) else (SOFT if index else b"") + encode(part) + (SOFT if index < last else b"")
        for index, part in enumerate(parts)
    ]


def _hex(found: re.Match[bytes]) -> bytes:
    return b"=" + found[0].hex("=").upper().encode("ascii")


def _line(coded: bytes) -> bytes:
    if len(coded) <= _ROOM and not coded.startswith(_UNSAFE):
        return coded
    lines, at = list[bytes](), 0
    while True:
        room = _ROOM - 2 * coded.startswith(_UNSAFE, at)
        end = _cut(coded, at + room) if len(coded) - at > room else len(coded)
        lines.append(_start(coded[at:end]))
        if end == len(coded):
            return SOFT.join(lines)
        at = end


def _cut(coded: bytes, at: int) -> int:
    """The place at or before `at` that cuts no `=XX` in two."""
    tail = coded.rfind(b"=", at - 2, at)
    return at if tail < 0 else tail


def _start(line: bytes) -> bytes:
    return b"=%02X" % line[0] + line[1:] if line.startswith(_UNSAFE) else line
