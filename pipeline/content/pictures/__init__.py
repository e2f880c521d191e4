"""Pictures made ready for mail: bytes in, bytes out, and nothing of the original but what it shows.

Whatever an upload claims to be, it is judged by its content, within limits that hold before a pixel is decoded. It is
turned upright, brought to sRGB and to twice the size at which mail shows it, and written anew: places, names, comments
and thumbnails of the camera stay behind. A moving GIF is not drawn anew but taken apart (`gif`); a doorway to a video
gets its play badge (`badge`). The same bytes give the same bytes.
"""

import io
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from PIL import Image, ImageChops, ImageCms

from pipeline.content.pictures import gif
from pipeline.content.pictures.badge import with_badge
from pipeline.content.pictures.reading import BROKEN, opened
from pipeline.content.types import Shape

BOXES: Final = {
    Shape.WHOLE: (1300, 4000),
    Shape.DOORWAY: (1300, 4000),
    Shape.HALF: (650, 2000),
    Shape.SMALL: (400, 400),
    Shape.LOGO: (600, 300),
}
"""Pixels that a picture may have, width by height: twice what a layout gives it, for sharp screens. Never enlarged."""
_SUFFIXES: Final = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif"}
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, by EXIF's orientation (CIPA DC-008, 4.6.4)."""
_SCALABLE: Final = {"RGB", "RGBA", "L", "CMYK"}
_COLOURS_OF_A_PALETTE: Final = 256
_HEAVY_PNG: Final = 200_000
_QUALITY: Final = 85
_SRGB: Final = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, slots=True)
class Prepared:
    content: bytes
    width: int
    height: int
    format: str
    """`PNG`, `JPEG` or `GIF`."""

    @property
    def name(self) -> str:
        """A file name that says which bytes these are: 32 hexadecimal digits and the ending."""
        return f"{sha256(self.content).hexdigest()[:32]}{_SUFFIXES[self.format]}"


def prepare(raw: bytes, shape: Shape, *, source: str) -> Prepared:
    """Make a picture ready for one use of it in mail.

    Takes PNG, JPEG, GIF and WebP, gives PNG, JPEG or (when it moves, and is no doorway) GIF. `source` names the picture
    in errors. Raises ContentError with the reason and what is allowed.
    """
    moving = gif.taken_apart(raw, source=source) if raw.startswith(b"GIF") else None
    with opened(raw, source=source) as image:
        if moving and shape is not Shape.DOORWAY:
            gif.check_frames(image, moving.frames)
            return Prepared(moving.content, moving.width, moving.height, "GIF")
        few_colours = image.mode in {"P", "1"}
        photograph = image.format in {"JPEG", "MPO"}
        drawn = _drawn(image, BOXES[shape])
    if shape is Shape.DOORWAY:
        drawn = with_badge(drawn)
    content, kind = _written(drawn, photograph=photograph, few_colours=few_colours)
    return Prepared(content, *drawn.size, kind)


def _drawn(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """The upright pixels in sRGB, as RGB or RGBA, within the box."""
    turn, profile = _TURNS.get(_orientation(image)), image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off instead of scaling them down
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode not in _SCALABLE or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    lying = turn in {_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8]}
    image.thumbnail(box[::-1] if lying else box, Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.load()
    upright = image if turn is None else image.transpose(turn)
    drawn = _in_srgb(upright, profile)
    drawn.info.clear()  # which would otherwise be written beside the pixels
    return drawn


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except BROKEN:
        return 1  # Unreadable notes of a camera go the way of all its notes; the picture itself is whole.


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    flat = image.convert("RGB") if alpha else image
    if isinstance(profile, bytes):
        flat = _converted(flat, profile)
    flat = flat.convert("RGB")
    if alpha and alpha.getextrema() != (255, 255):
        flat.putalpha(alpha)
    return flat


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, given, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # A profile that is broken or for other colours: shown as every program would without it.
    return converted or image


def _written(image: Image.Image, *, photograph: bool, few_colours: bool) -> tuple[bytes, str]:
    """The bytes and their format: what has no transparency becomes a JPEG where that is far smaller."""
    opaque = image.mode == "RGB"
    if photograph and opaque:
        return _jpeg(image), "JPEG"
    png = _png(image, few_colours=few_colours)
    if opaque and len(png) > _HEAVY_PNG and len(jpeg := _jpeg(image)) < len(png) / 2:
        return jpeg, "JPEG"
    return png, "PNG"


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return out.getvalue()


def _png(image: Image.Image, *, few_colours: bool) -> bytes:
    out = io.BytesIO()
    (_with_palette(image, lossy=few_colours) or image).save(out, "PNG", optimize=True)
    return out.getvalue()


def _with_palette(image: Image.Image, *, lossy: bool) -> Image.Image | None:
    """The picture with a palette of its own, if nothing is lost by it or little need be kept."""
    if image.mode != "RGB" or not (lossy or image.getcolors(_COLOURS_OF_A_PALETTE)):
        return None
    drawn = image.quantize(_COLOURS_OF_A_PALETTE, dither=Image.Dither.NONE)
    same = ImageChops.difference(drawn.convert("RGB"), image).getbbox() is None
    return drawn if same or lossy else None
