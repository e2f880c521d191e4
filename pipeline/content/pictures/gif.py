"""A moving GIF taken apart: its frames and how often they repeat are kept, byte for byte; everything else is left out.

After: Graphics Interchange Format, version 89a (CompuServe, 1990). Drawing the frames anew would cost quality and
size; copying blocks by their kind costs neither, and leaves nothing behind of comments, profiles, camera notes (XMP) or
whatever stands after the end.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from pipeline.content.pictures.reading import BYTES_AT_MOST, unusable

MOVING_BYTES_AT_MOST: Final = 5_000_000
MOVING_PIXELS_AT_MOST: Final = 60_000_000
"""Of all frames together: a minute at 5 frames a second of 480 × 400."""
FRAMES_AT_MOST: Final = 500
_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_REPEATS: Final = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}


@dataclass(frozen=True, slots=True)
class Moving:
    content: bytes
    width: int
    height: int
    frames: int


class _BrokenError(Exception):
    """Not built as a GIF is."""


def taken_apart(raw: bytes, *, source: str) -> Moving | None:
    """The GIF without all that is not shown; None when it stands still. Raises ContentError."""
    if len(raw) > BYTES_AT_MOST:
        return None  # refused as every picture of that size is
    reader = _Reader(raw)
    try:
        reader.read()
    except (_BrokenError, IndexError, struct.error) as error:
        raise unusable("the GIF is broken or ends too early", source) from error
    if reader.frames <= 1:
        return None
    if len(raw) > MOVING_BYTES_AT_MOST:
        raise unusable(f"a moving GIF may have {MOVING_BYTES_AT_MOST // 1_000_000} MB", source)
    if reader.frames > FRAMES_AT_MOST or reader.frames * reader.width * reader.height > MOVING_PIXELS_AT_MOST:
        raise unusable(
            f"it moves through more than {FRAMES_AT_MOST} frames "
            f"or {MOVING_PIXELS_AT_MOST // 1_000_000} megapixels in all",
            source,
        )
    return Moving(bytes(reader.kept), reader.width, reader.height, reader.frames)


def check_frames(image: Image.Image, frames: int) -> None:
    """Decode every frame once; raises what Pillow raises at a broken one."""
    for number in range(frames):
        image.seek(number)
        image.load()


@dataclass(slots=True)
class _Reader:
    raw: bytes
    at: int = 0
    kept: bytearray = field(default_factory=bytearray)
    width: int = 0
    height: int = 0
    frames: int = 0

    def read(self) -> None:
        if self.raw[:6] not in {b"GIF87a", b"GIF89a"}:
            raise _BrokenError
        self.width, self.height, flags = struct.unpack_from("<HHB", self.raw, 6)
        if not self.width or not self.height:
            raise _BrokenError
        self._keep(13 + _table(flags))
        while (kind := self.raw[self.at]) != _END:
            if kind == _FRAME:
                self._frame()
            elif kind == _EXTENSION:
                self._extension()
            else:
                raise _BrokenError
        self.kept.append(_END)

    def _frame(self) -> None:
        left, top, width, height, flags = struct.unpack_from("<HHHHB", self.raw, self.at + 1)
        if left + width > self.width or top + height > self.height:
            raise _BrokenError
        self.frames += 1
        self._keep(10 + _table(flags) + 1)  # and the first byte of the packed pixels
        self._keep(self._length())

    def _extension(self) -> None:
        kind, first = self.raw[self.at + 1], self.at + 2
        name = self.raw[first + 1 : first + 1 + self.raw[first]]
        wanted = kind == _CONTROL or (kind == _APPLICATION and name in _REPEATS)
        length = 2 + self._length(2)
        if wanted:
            self._keep(length)
        else:
            self.at += length

    def _length(self, skipped: int = 0) -> int:
        """Bytes of the sub-blocks that begin here or `skipped` bytes later, with their end."""
        return sum(self._sub_blocks(self.at + skipped))

    def _sub_blocks(self, at: int) -> Iterator[int]:
        while size := self.raw[at]:
            yield size + 1
            at += size + 1
        yield 1

    def _keep(self, length: int) -> None:
        if self.at + length > len(self.raw):
            raise _BrokenError
        self.kept += self.raw[self.at : self.at + length]
        self.at += length


def _table(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
