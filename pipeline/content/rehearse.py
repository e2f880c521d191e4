"""The rehearsal: every reader's message made as it would be sent, and looked at instead of handed over.

What people wrote is checked once, in preflight; what a reader's own values do to it shows only here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from pipeline.content import merge, message
from pipeline.content.reader import values_of
from pipeline.content.types import ContentError, Context, Proof, Slot

LINE_AT_MOST: Final = 998
"""Octets of a line without its CRLF (RFC 5322 section 2.1.1)."""
_TOKEN: Final = "a" * 62
"""As long as a token can be."""
STAND_INS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "date": "Wed, 30 Sep 2026 23:59:59 +0000",
        "message_id": f"<{_TOKEN}@{'d' * 63}.example>",
        **{f"token.{name}": _TOKEN for name in ("unsubscribe", "view", "id", "click")},
    }
)
"""In place of what is made only when a message really goes out."""


class Trouble(StrEnum):
    GAP = "gap"
    """A merge tag without a value and without a fallback."""
    LINK = "link"
    """The same, inside an address."""
    LINE = "line"
    """A line that mail systems may cut."""
    UNMADE = "unmade"
    """No message can be made at all."""


@dataclass(frozen=True, slots=True)
class Seen:
    trouble: Trouble
    detail: str
    """The field, or the reason, in words."""


class Rehearsal:
    """One proof, rehearsed for one reader after the other."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        gaps = {(slot.name, _GAPS[slot.context]) for slot in proof.slots if _is_gap(slot)}
        gaps |= {
            (part.field, Trouble.GAP)
            for slot in proof.slots
            for part in merge.parse(slot.template)
            if isinstance(part, merge.Tag) and not part.default
        }
        self._gaps = tuple(sorted(gaps))
        self._edges = tuple(_Edges.of(segment) for segment in proof.segments)

    def play(self, *, email: str, first_name: str, last_name: str, language: str) -> list[Seen]:
        """Make the whole message for a reader and say what is wrong with it; mostly nothing."""
        try:
            values = values_of(email=email, first_name=first_name, last_name=last_name, language=language)
            pieces = message.pieces(self._proof, {**STAND_INS, **values})
        except ContentError as error:
            return [Seen(Trouble.UNMADE, str(error))]
        seen = [Seen(trouble, name) for name, trouble in self._gaps if not values.get(name, "").strip()]
        if (longest := self._longest_line(pieces)) > LINE_AT_MOST:
            seen.append(Seen(Trouble.LINE, f"{longest} octets"))
        return seen

    def _longest_line(self, pieces: Sequence[bytes]) -> int:
        """Of the message that the pieces make, without joining and reading all of it again."""
        longest = line = 0
        for index, piece in enumerate(pieces):
            edges = self._edges[index // 2] if index % 2 == 0 else None
            if edges is None and b"\n" in piece:
                edges = _Edges.of(piece)
            if edges is None or not edges.breaks:
                line += len(piece)
                continue
            longest = max(longest, line + edges.head, edges.inside)
            line = edges.tail
        return max(longest, line)


@dataclass(frozen=True, slots=True)
class _Edges:
    """Octets of a piece ahead of its first line end, of its longest whole line, and behind its last line end."""

    breaks: bool
    head: int
    inside: int
    tail: int

    @classmethod
    def of(cls, piece: bytes) -> Self:
        lengths = [len(line) for line in piece.split(b"\r\n")]
        return cls(len(lengths) > 1, lengths[0], max(lengths), lengths[-1])


def _is_gap(slot: Slot) -> bool:
    return slot.context in _GAPS and not slot.default and slot.name in merge.FIELDS


_GAPS: Final[Mapping[Context, Trouble]] = MappingProxyType(
    {Context.TEXT: Trouble.GAP, Context.HTML: Trouble.GAP, Context.URL: Trouble.LINK}
)
