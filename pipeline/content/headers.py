"""Header fields as wire-ready text: what may stand in one, RFC 2047 encoding, folding.

Nothing here relies on the standard library's encoders: they turn long `List-Unsubscribe` items into encoded-words and,
in interpreters before 3.11.10, let an encoded line feed in a subject become a header of its own (CVE-2024-6923).
"""

import datetime as dt
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final, Self

from pipeline.content.types import ContentError

LINE: Final = 76
"""Longest line of a field that holds encoded-words (RFC 2047 section 2)."""
WORD: Final = 75
"""Longest encoded-word (RFC 2047 section 2)."""
LOCAL_AT_MOST: Final = 64
ADDRESS_AT_MOST: Final = 254
"""Characters before the @, and in all (RFC 5321 section 4.5.3.1)."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Controls, line and paragraph separators, text-direction overrides, byte-order mark, halves of characters."""
_ENCODED_WORD = re.compile(r"=\?[^?]*\?[bBqQ]\?")
_QUERY = re.compile(r"=+\?")
_SPACES = re.compile(" +")
_PRINTABLE = re.compile("[ -~]*")
_WIRE = re.compile(r"[!-~]+(?:(?:\r\n)? +[!-~]+)*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_OVERHEAD = len("=?utf-8?b??=")


@dataclass(frozen=True, slots=True)
class HeaderText:
    """People's text that may stand in a header; runs of spaces count as one.

    Raises ContentError, with the column, for controls (C0, C1, CR, LF, NUL), U+2028, U+2029, direction overrides and
    encoded-words.
    """

    text: str

    def __post_init__(self) -> None:
        if found := _FORBIDDEN.search(self.text):
            raise ContentError(
                f"U+{ord(found[0]):04X} may not stand in a header; take it out", column=found.start() + 1
            )
        if word := _ENCODED_WORD.search(self.text):
            raise ContentError(f"{word[0]!r} starts an encoded-word; write the text itself", column=word.start() + 1)
        object.__setattr__(self, "text", _SPACES.sub(" ", self.text).strip(" "))

    @classmethod
    def tamed(cls, text: str) -> Self:
        """For values of subscribers, where refusing would lose a reader: what is not allowed is taken out."""
        if _FORBIDDEN.search(text):
            text = _FORBIDDEN.sub(" ", text)
        return cls(_QUERY.sub("?", text) if "=?" in text else text)


def unstructured(value: HeaderText, *, used: int) -> str:
    """The value of a Subject-like field. `used` counts the characters already on the line: `len("Subject: ")`.

    Plain ASCII is folded at spaces; anything else, and words too long for a line, become encoded-words.
    """
    text = value.text
    if _plain(text) and max(map(len, text.split(" "))) < LINE - used:
        return _folded(text.split(" "), used=used)
    return "\r\n ".join(_encoded_words(text, used=used))


def address(name: str | HeaderText, email: str, *, used: int = len("To: ")) -> str:
    """One mailbox, `"Name" <address>`, as the value of a field (RFC 5322 section 3.4).

    A `str` is a subscriber's name and never fails (see `HeaderText.tamed`). Raises ContentError for an address that is
    not plain ASCII `local@domain`: internationalised domains come as A-labels.
    """
    if email.find("@") > LOCAL_AT_MOST or len(email) > ADDRESS_AT_MOST:
        raise ContentError(f"{email!r} is too long: mail allows 64 bytes before the @ and 254 in all")
    if not is_address(email):
        raise ContentError(f"{email!r} is not an address that can stand in a header")
    display = (name if isinstance(name, HeaderText) else HeaderText.tamed(name)).text
    if not display:
        return email
    phrase = _phrase(display, used=used)
    last = len(phrase) - phrase.rfind("\n") - 1 + (0 if "\n" in phrase else used)
    gap = " " if last + len(email) + 3 <= LINE else "\r\n "
    return f"{phrase}{gap}<{email}>"


def listed(items: Sequence[str]) -> str:
    """The value of a `List-*` field with several addresses (RFC 2369): never encoded, folded only after commas."""
    return ",\r\n ".join(wire(f"<{item}>") for item in items)


def date(moment: dt.datetime) -> str:
    """An aware moment as RFC 5322 writes it: `Tue, 31 Aug 2021 09:00:00 +0900`."""
    if moment.tzinfo is None:
        raise ContentError("a Date header needs a moment with its time zone")
    return format_datetime(moment)


def field(name: str, value: str) -> str:
    """One whole field, with its line end. `value` is wire-ready: made by a function of this module, or a constant."""
    return f"{name}: {wire(value)}\r\n"


def wire(value: str) -> str:
    """The value itself when it is wire-ready: printable ASCII, folded only before a space; ContentError otherwise."""
    if not _WIRE.fullmatch(value) or (len(value) > 900 and max(map(len, value.split("\r\n"))) > 900):
        raise ContentError(f"{value[:80]!r} may not stand in a header as it is")
    return value


def is_address(email: str) -> bool:
    """Whether this is plain ASCII `local@domain` of lawful length (RFC 5321 section 4.5.3.1)."""
    return (
        bool(_ADDRESS.fullmatch(email))
        and email.index("@") <= LOCAL_AT_MOST
        and len(email) <= ADDRESS_AT_MOST
        and "=?" not in email
    )


def _plain(text: str) -> bool:
    return bool(_PRINTABLE.fullmatch(text)) and "=?" not in text


def _folded(words: list[str], *, used: int) -> str:
    lines, room = [words[0]], LINE - used - len(words[0])
    for word in words[1:]:
        if len(word) + 1 <= room:
            lines[-1] += f" {word}"
            room -= len(word) + 1
        else:
            lines.append(word)
            room = LINE - 1 - len(word)
    return "\r\n ".join(lines)


def _phrase(text: str, *, used: int) -> str:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if _plain(text) and used + len(quoted) <= LINE:
        return quoted
    return "\r\n ".join(_encoded_words(text, used=used))


def _encoded_words(text: str, *, used: int) -> list[str]:
    """One encoded-word per line, each a whole number of characters, in whichever of B and Q is shorter for the text."""
    raw = text.encode()
    rooms = (min(LINE - used, WORD) - _OVERHEAD, WORD - _OVERHEAD)
    if len(raw) + 2 * len(raw.translate(None, _Q_ONE)) < len(raw) * 4 / 3:
        return [f"=?utf-8?q?{chunk}?=" for chunk in _q_chunks(text, rooms=rooms)]
    return [f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in _b_chunks(raw, rooms=rooms)]


def _b_chunks(raw: bytes, *, rooms: tuple[int, int]) -> Iterator[bytes]:
    """Cut UTF-8 between characters; a chunk fits the first, or every other, room once it is in base64."""
    start, room = 0, rooms[0] // 4 * 3
    while start < len(raw):
        end = start + room
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield raw[start:end]
        start, room = end, rooms[1] // 4 * 3


def _q_chunks(text: str, *, rooms: tuple[int, int]) -> Iterator[str]:
    chunk, room = "", rooms[0]
    for char in text:
        coded = "".join(_Q_TABLE[byte] for byte in char.encode())
        if len(chunk) + len(coded) > room:
            yield chunk
            chunk, room = "", rooms[1]
        chunk += coded
    yield chunk


_Q_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
"""What stands for itself in an encoded-word anywhere, phrases included (RFC 2047 section 5, rule 3)."""
_Q_ONE: Final = _Q_SAFE + b" "
_Q_TABLE: Final = tuple(
    "_" if byte == 0x20 else chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in range(256)
)
