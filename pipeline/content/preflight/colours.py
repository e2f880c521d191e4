"""Colours as mail pages write them, and the contrast between two of them (WCAG 2.2, relative luminance)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

Colour: TypeAlias = tuple[float, float, float]
"""Red, green, blue, from 0 to 1."""

BLACK: Final[Colour] = (0.0, 0.0, 0.0)
WHITE: Final[Colour] = (1.0, 1.0, 1.0)


@lru_cache(maxsize=1024)
def colour(text: str) -> Colour | None:
    """The colour that a value begins with or consists of; None for one that is not known here, or see-through."""
    text = text.strip().lower()
    if found := _HEX.fullmatch(text):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        return _of(int(digits[at : at + 2], 16) for at in (0, 2, 4))
    if found := _RGB.fullmatch(text):
        return _of(min(255, int(found[at])) for at in (1, 2, 3))
    return colour(_NAMED[text]) if text in _NAMED else None


def hexadecimal(value: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in value)


@lru_cache(maxsize=1024)
def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(value: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in value)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _of(parts: Iterable[int]) -> Colour:
    red, green, blue = (part / 255 for part in parts)
    return red, green, blue


_HEX = re.compile("#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_NAMED: Final = {
    "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff",
    "maroon": "#800000", "red": "#ff0000", "purple": "#800080", "fuchsia": "#ff00ff", "green": "#008000",
    "lime": "#00ff00", "olive": "#808000", "yellow": "#ffff00", "navy": "#000080", "blue": "#0000ff",
    "teal": "#008080", "aqua": "#00ffff", "orange": "#ffa500",
}  # fmt: skip
"""Those of HTML 4, and orange: what layouts use. Any other is left unjudged."""
