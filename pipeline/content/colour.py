"""Colours as numbers: contrast as WCAG 2 defines it, and the shade of a colour that can be read on another."""

import colorsys
import re
from typing import Final

_COLOUR = re.compile("#[0-9a-fA-F]{6}")
READABLE: Final = 4.5
"""The least contrast of text to what is behind it (WCAG 2.2, 1.4.3)."""
_STEPS: Final = 40


def is_colour(text: str) -> bool:
    """Whether it is written `#rrggbb`; mail programs know no other form equally well."""
    return bool(_COLOUR.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """1.0 (the same) to 21.0 (black and white), for two colours written `#rrggbb`."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lightened(colour: str, *, on: str, ratio: float = READABLE) -> str:
    """The shade of `colour` that is light enough for this contrast to `on` and no lighter; white if no other is."""
    shades = (_shade(colour, step / _STEPS) for step in range(_STEPS + 1))
    return next((shade for shade in shades if contrast(shade, on) >= ratio), "#ffffff")


def _shade(colour: str, lighter: float) -> str:
    """Hue and saturation stay, so that a dark blue becomes a light blue and not a grey."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in _parts(colour)))
    shade = colorsys.hls_to_rgb(hue, lightness + (1 - lightness) * lighter, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in shade)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
