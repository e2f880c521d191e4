"""The play badge: a dark disc with a white ring and a white triangle, drawn into a picture that leads to a video.

It is part of the picture because most mail programs show nothing that is laid over one. Dark and white both stand out
by more than 4.5 to 1 against one another, so it can be read on any picture.
"""

from typing import Final

from PIL import Image, ImageDraw

_SHARE: Final = 0.32
"""Of the picture's shorter side."""
_SMALLEST: Final = 48
_LARGEST: Final = 176
_FINER: Final = 4
"""Drawn so many times larger, then scaled down, for smooth edges."""
_DISC: Final = (12, 18, 28, 216)
_SHADOW: Final = (0, 0, 0, 64)
_WHITE: Final = (255, 255, 255, 255)


def with_badge(picture: Image.Image) -> Image.Image:
    """The picture, RGB or RGBA, with the badge in its middle; as large as before."""
    across = diameter(picture.size)
    left, top = (picture.width - across) // 2, (picture.height - across) // 2
    drawn = picture.convert("RGBA")
    drawn.alpha_composite(_badge(across), (left, top))
    return drawn if picture.mode == "RGBA" else drawn.convert("RGB")


def diameter(size: tuple[int, int]) -> int:
    """How wide the badge of a picture is, in its pixels; on a small one it takes more of the room."""
    short = min(size)
    return max(1, min(_LARGEST, max(_SMALLEST, round(short * _SHARE)), round(short * 0.8)))


def _badge(across: int) -> Image.Image:
    size = across * _FINER
    badge = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(badge)
    draw.ellipse(_ring(size, 0.0), fill=_SHADOW)
    draw.ellipse(_ring(size, 0.02), fill=_WHITE)
    draw.ellipse(_ring(size, 0.065), fill=_DISC)
    # The middle of a triangle's weight lies at a third of its height: so far to the right it looks centred.
    draw.polygon([(size * x, size * y) for x, y in ((0.39, 0.29), (0.39, 0.71), (0.735, 0.5))], fill=_WHITE)
    return badge.resize((across, across), Image.Resampling.BOX)


def _ring(size: int, margin: float) -> tuple[float, float, float, float]:
    inset = size * margin
    return inset, inset, size - 1 - inset, size - 1 - inset
