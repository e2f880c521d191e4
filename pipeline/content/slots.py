"""Tokens that carry slots through the template, MJML and CSS stages, and become holes between segments.

A token is plain ASCII letters and digits around a nonce, because everything else is rewritten somewhere on the way
(spaces in addresses, private-use characters in mrml and lxml).
"""

import re
from html import escape
from typing import TypeAlias

from pipeline.content.merge import Tag
from pipeline.content.types import ContentError, Context, Slot

Piece: TypeAlias = str | Slot

_NONCE = re.compile("[A-Za-z0-9]{8,64}")


class SlotTable:
    """The slots of one issue while it is compiled. The same slot asked for twice is the same token."""

    def __init__(self, nonce: str) -> None:
        """`nonce`: 8 to 64 ASCII letters and digits that do not occur in the issue; ContentError otherwise."""
        if not _NONCE.fullmatch(nonce):
            raise ContentError("the nonce of a compile must be 8 to 64 ASCII letters and digits")
        self._nonce = nonce
        self._slots: list[Slot] = []
        self._pattern = re.compile(f"X{nonce}N([0-9]+)X")

    def token(self, name: str, context: Context, *, default: str = "") -> str:
        slot = Slot(name, context, default)
        if slot not in self._slots:
            self._slots.append(slot)
        return f"X{self._nonce}N{self._slots.index(slot)}X"

    def found(self, text: str) -> list[str]:
        """The tokens in a text, in order, repeated as often as they occur."""
        return [match[0] for match in self._pattern.finditer(text)] if self._nonce in text else []

    def split(self, text: str) -> list[Piece]:
        """Literal text and slots in turn; starts and ends with literal text, which may be empty."""
        pieces: list[Piece] = list(self._pattern.split(text))
        pieces[1::2] = [self._slots[int(str(index))] for index in pieces[1::2]]
        if any(self._nonce in piece for piece in pieces[::2] if isinstance(piece, str)):
            raise ContentError("a slot's token was cut apart on its way through the layout")
        return pieces

    def slot(self, token: str) -> Slot:
        """The slot that a whole token stands for."""
        return self._slots[int(token.rpartition("N")[2][:-1])]

    def readable(self, text: str, *, escaped: bool = False) -> str:
        """The text with its slots as people write them; `escaped` for HTML."""

        def written(found: re.Match[str]) -> str:
            slot = self.slot(found[0])
            tag = str(Tag(slot.name, slot.default))
            return escape(tag) if escaped else tag

        return self._pattern.sub(written, text)
