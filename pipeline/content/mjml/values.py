"""What the value of an attribute may be: kinds, each with its pattern, its words and values to try it with."""

import re
from dataclasses import dataclass
from functools import lru_cache

_PX, _SIZE = r"(?:0|[0-9]+px)", r"(?:0|[0-9]+px|(?:100|[0-9]{1,2})%)"
_COLOUR = "#[0-9a-fA-F]{6}"
_FAMILY = r"(?:'[^'\";{}()<>]+'|[A-Za-z][A-Za-z0-9 _-]*)"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value."""

    name: str
    pattern: str
    allowed: str
    """For people: `a colour of six digits, such as #12355b`."""
    samples: tuple[str, ...]
    """Values of this kind that differ from any component's default, for tests."""

    def fits(self, value: str) -> bool:
        return _fits(self.pattern, value)


@lru_cache(maxsize=4096)
def _fits(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value) is not None


def choice(*values: str) -> Kind:
    """One of these words."""
    return Kind(f"enum({','.join(values)})", "|".join(map(re.escape, values)), " or ".join(values), values)


COLOUR = Kind("colour", _COLOUR, "a colour of six digits, such as #12355b", ("#12355b",))
PX = Kind("px", _PX, "whole pixels, such as 16px", ("17px",))
SIZE = Kind("size", _SIZE, "whole pixels or per cent, such as 16px or 50%", ("17px", "40%"))
INSETS = Kind(
    "insets",
    "0|[0-9]+px(?: [0-9]+px){0,3}",
    "one to four of whole pixels, such as 8px 0px; among several, mjml-python counts widths wrong over a bare 0",
    ("3px 5px 7px 9px", "4px"),
)
INSET = Kind(
    "inset", "[0-9]+px", "whole pixels, such as 8px; mjml-python counts widths wrong over a bare 0", ("17px", "0px")
)
PER_CENT_OR_AUTO = Kind("per cent or auto", "(?:100|[0-9]{1,2})%|auto", "whole per cent or auto, such as 50%", ("50%",))
PX_OR_AUTO = Kind("px or auto", f"{_PX}|auto", "whole pixels or auto, such as 320px", ("177px",))
LINE_HEIGHT = Kind(
    "line height",
    r"[0-9]+(?:\.[0-9]+)?(?:px|%)?",
    "a number, pixels or per cent, such as 1.5, 24px or 150%",
    ("1.75", "27px", "150%"),
)
LETTER_SPACING = Kind(
    "letter spacing",
    r"0|normal|-?[0-9]+(?:\.[0-9]+)?(?:px|em)",
    "pixels or em, which may be negative, such as -0.3px",
    ("-0.5px", "0.1em"),
)
BORDER = Kind(
    "border",
    rf"none|0|[0-9]+px (?:solid|dashed|dotted|double) {_COLOUR}",
    "none, or width, style and colour, such as 1px solid #d5dde3",
    ("2px solid #12355b",),
)
SIDE = Kind(
    "border of a side",
    f"[0-9]+px (?:solid|dashed|dotted|double) {_COLOUR}",
    "width, style and colour, such as 1px solid #d5dde3, and for none 0px solid #d5dde3; mjml-python counts widths "
    "wrong otherwise",
    ("2px solid #12355b",),
)
BORDER_STYLE = choice("solid", "dashed", "dotted", "double")
RADIUS = Kind(
    "radius",
    f"{_SIZE}(?: {_SIZE}){{0,3}}",
    "one to four of whole pixels or per cent, such as 8px",
    ("9px", "8px 8px 0 0"),
)
FONTS = Kind(
    "font stack",
    rf"{_FAMILY}(?:\s*,\s*{_FAMILY})*",
    "names of fonts, with single quotes around those of several words, such as 'Noto Sans KR',Arial,sans-serif",
    ("'Noto Sans KR',Georgia,serif",),
)
WEIGHT = Kind("weight", "normal|bold|[1-9]00", "normal, bold or 100 to 900", ("700", "bold"))
STYLE = choice("normal", "italic")
DECORATION = choice("none", "underline", "line-through")
TRANSFORM = choice("none", "uppercase", "lowercase", "capitalize")
INTEGER = Kind("integer", "[0-9]{1,4}", "a whole number, such as 2", ("7",))
URL = Kind(
    "url",
    r"(?:https?://[^\s<>\"]+|mailto:[^\s<>\"]+|tel:[^\s<>\"]+|#[^\s<>\"]+)",
    "an address that begins with https://, http://, mailto:, tel: or #",
    ("https://example.org/page",),
)
PICTURE = Kind(
    "picture", r"https?://[^\s<>\"]+", "the address of a picture, https://…", ("https://example.org/picture.png",)
)
BACKGROUND = Kind(
    "background",
    r"https?://[^\s<>\"'()]+",
    "the address of a picture, https://…, without quotes and parentheses, which premailer loses",
    ("https://example.org/background.png",),
)
POSITION = Kind(
    "position",
    r"(?:left|center|right|top|bottom|[0-9]+px|[0-9]{1,3}%)(?: (?:left|center|right|top|bottom|[0-9]+px|[0-9]{1,3}%))?",
    "left, center, right, top, bottom, pixels or per cent, such as center top",
    ("left bottom",),
)
BACKGROUND_SIZE = Kind(
    "background size",
    rf"auto|cover|contain|{_SIZE}(?: (?:{_SIZE}|auto))?",
    "auto, cover, contain or one or two lengths",
    ("cover",),
)
BOOLEAN = choice("true")
NAMES = Kind("names", r"[A-Za-z][\w-]*(?:\s+[A-Za-z][\w-]*)*", "names of letters, digits and hyphens", ("flow quiet",))
LANGUAGE = Kind("language", r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", "a language (BCP 47), such as en or ko", ("ko",))
TEXT = Kind("text", r"[\s\S]*", "any text", ("some words",))
ANY_NAME = Kind("name", r"[A-Za-z][\w-]*", "a name of letters, digits and hyphens", ("quiet",))
