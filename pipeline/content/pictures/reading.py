"""Hostile bytes opened as a picture, or refused with the reason and what is allowed. Limits hold before decoding."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image, UnidentifiedImageError

from pipeline.content.types import ContentError

BYTES_AT_MOST: Final = 10_000_000
PIXELS_AT_MOST: Final = 40_000_000
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
ALLOWED: Final = (
    f"Allowed are PNG, JPEG, GIF and WebP of up to {BYTES_AT_MOST // 1_000_000} MB "
    f"and {PIXELS_AT_MOST // 1_000_000} megapixels"
)
BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
"""What Pillow raises at bytes that are not what their beginning says."""
_STRANGERS: Final = {
    b"<svg": "an SVG drawing, which mail programs do not show",
    b"<?xml": "an SVG drawing or other XML, which mail programs do not show",
    b"<!doc": "a web page",
    b"<html": "a web page",
    b"%pdf": "a PDF document",
    b"bm": "a Windows bitmap",
    b"ii*\0": "a TIFF",
    b"mm\0*": "a TIFF",
}
_STRANGE_BOXES: Final = {b"avif": "an AVIF", b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"mif1": "a HEIC photo"}


def unusable(reason: str, source: str) -> ContentError:
    return ContentError(f"the picture cannot be used: {reason}. {ALLOWED}", source=source)


@contextmanager
def opened(raw: bytes, *, source: str) -> Iterator[Image.Image]:
    """The picture in `raw`, not decoded yet; whatever is broken shows while the caller decodes it.

    Raises ContentError for what is too large, of another format, or broken.
    """
    if len(raw) > BYTES_AT_MOST:
        raise unusable("the file is too large", source)
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
            _check_pixels(image, source)
            yield image
    except UnidentifiedImageError as error:
        raise unusable(_what_it_is(raw), source) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise unusable("it has far too many pixels", source) from error
    except BROKEN as error:
        raise unusable("the file is broken", source) from error


def _check_pixels(image: Image.Image, source: str) -> None:
    width, height = image.size
    if width * height > PIXELS_AT_MOST:
        raise unusable(f"it has {width} × {height} pixels", source)
    if image.format == "WEBP" and getattr(image, "is_animated", False):
        raise unusable("it is a moving WebP; save it as a GIF", source)


def _what_it_is(raw: bytes) -> str:
    if not raw:
        return "the file is empty"
    if raw[4:8] == b"ftyp":
        return f"it is {_STRANGE_BOXES.get(raw[8:12], 'a film')}"
    start = raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = next((what for magic, what in _STRANGERS.items() if start.startswith(magic)), None)
    return f"it is {found}" if found else "its content is not that of a picture"
