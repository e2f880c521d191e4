"""Colours as mail pages write them, brought into one form."""

import re
from functools import lru_cache
from typing import Final


@lru_cache(maxsize=1024)
def hexadecimal(value: str) -> str | None:
    """A colour as `#rrggbb`; None for one that is not known here, or see-through."""
    text = value.strip().lower()
    if found := _HEX.fullmatch(text):
        return text if len(found[1]) == 6 else "#" + "".join(digit * 2 for digit in found[1])
    if found := _RGB.fullmatch(text):
        return "#" + "".join(f"{min(255, int(found[at])):02x}" for at in (1, 2, 3))
    return _NAMED.get(text)


_HEX = re.compile("#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_NAMED: Final = {
    "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff",
    "maroon": "#800000", "red": "#ff0000", "purple": "#800080", "fuchsia": "#ff00ff", "green": "#008000",
    "lime": "#00ff00", "olive": "#808000", "yellow": "#ffff00", "navy": "#000080", "blue": "#0000ff",
    "teal": "#008080", "aqua": "#00ffff", "orange": "#ffa500",
}  # fmt: skip
"""Those of HTML 4, and orange: what layouts use. Any other is left unjudged."""
