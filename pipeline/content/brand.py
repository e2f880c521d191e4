"""A newsletter's brand: which settings there are, what each may be, and what a layout gets of them.

The form, the issue file, preflight and the layouts all read this one table.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from pipeline.content import links
from pipeline.content.colour import READABLE, contrast, is_colour, lightened
from pipeline.content.types import ContentError

FONTS: Final[Mapping[str, str]] = MappingProxyType(
    {"sans": "Arial,Helvetica", "serif": "Georgia,'Times New Roman'", "wide": "Verdana,Tahoma"}
)
"""Latin families that every system has, by the name under which they are chosen."""
_KOREAN: Final = MappingProxyType({"serif": "AppleMyungjo,Batang,serif"})
_KOREAN_SANS: Final = "'Apple SD Gothic Neo','Malgun Gothic',sans-serif"
"""What follows every family, so that Hangul is not left to chance on macOS and Windows; Android has one sans-serif."""


@dataclass(frozen=True, slots=True)
class Paper:
    """The neutral colours of a page."""

    page: str
    card: str
    band: str
    line: str
    ink: str
    quiet: str


LIGHT: Final = Paper(page="#eef2f5", card="#ffffff", band="#f2f6f8", line="#d5dde3", ink="#1d2733", quiet="#56636f")
DARK: Final = Paper(page="#10171e", card="#18222c", band="#212e3a", line="#3b4a58", ink="#e9eef2", quiet="#b3c0cb")


@dataclass(frozen=True, slots=True)
class Brand:
    """The settings of a newsletter as a layout uses them."""

    primary: str
    """Masthead, buttons, section titles."""
    accent: str
    """Links and marks."""
    font: str
    """A CSS font-family, Korean fallbacks and the generic family at its end."""
    width: int
    """Of the page on wide screens, in CSS pixels."""
    logo: str
    logo_dark: str
    logo_width: int
    fill_dark: str
    """`primary` behind white text in dark mode: set apart from the dark page."""
    primary_dark: str
    accent_dark: str
    """The two as text in dark mode."""


@dataclass(frozen=True, slots=True)
class Setting:
    default: str
    fits: Callable[[str], bool]
    rule: str
    """What a value is that does not fit, after the value itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a setting: a pattern with values, so that it can be said in other languages."""

    setting: str
    pattern: str
    values: Mapping[str, object]

    def __str__(self) -> str:
        return self.pattern.format(**self.values)


def _is_address(value: str) -> bool:
    usable = value.startswith(("https://", "http://")) and "{{" not in value
    return not value or (usable and not links.problem(value))


def _within(least: int, most: int) -> Callable[[str], bool]:
    return lambda value: bool(re.fullmatch("[0-9]{1,4}", value)) and least <= int(value) <= most


_COLOUR: Final = "“{value}” is not a colour such as #12355b"
_ADDRESS: Final = "“{value}” is not the address of a picture such as https://example.org/logo.png"
SETTINGS: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "primary": Setting("#12355b", is_colour, _COLOUR),
        "accent": Setting("#0b7a75", is_colour, _COLOUR),
        "font": Setting("sans", FONTS.__contains__, f"“{{value}}” is no font of ours; there are {', '.join(FONTS)}"),
        "width": Setting("600", _within(560, 700), "“{value}” is not a number of pixels from 560 to 700"),
        "logo": Setting("", _is_address, _ADDRESS),
        "logo_dark": Setting("", _is_address, _ADDRESS),
        "logo_width": Setting("160", _within(32, 400), "“{value}” is not a number of pixels from 32 to 400"),
    }
)
"""Every setting by its name. What a newsletter leaves out has its default."""


def problem(name: str, value: str) -> Problem | None:
    """Why a newsletter cannot have this setting, or this value of it; None when it can."""
    setting = SETTINGS.get(name)
    if setting is None:
        known = ", ".join(SETTINGS)
        return Problem(name, "the layout has no setting “{name}”; it has {known}", {"name": name, "known": known})
    return None if setting.fits(value) else Problem(name, setting.rule, {"value": value})


def normal(name: str, value: str) -> str:
    """The value of a setting as it is kept: without blanks around it. Raises ContentError when there is a problem."""
    value = value.strip()
    if wrong := problem(name, value):
        raise ContentError(str(wrong))
    return value


def brand_of(settings: Mapping[str, str]) -> Brand:
    """The brand of a newsletter that has these settings. Raises ContentError as `normal` does."""
    return _brand(tuple(sorted((name, normal(name, value)) for name, value in settings.items())))


def hard_to_read(settings: Mapping[str, str]) -> Iterator[Problem]:
    """The colours in which text is hard to read. Takes what `normal` lets pass.

    The shades of dark mode are derived so that they can be read. What remains is white text on the primary colour,
    which dark mode shares, and both colours as text on a light page.
    """
    for name, pattern in _HARD_TO_READ.items():
        colour = settings.get(name) or SETTINGS[name].default
        ratio = contrast(colour, LIGHT.page)
        if ratio < READABLE:
            yield Problem(name, pattern, {"value": colour, "ratio": f"{ratio:.1f}"})


_HARD_TO_READ: Final = MappingProxyType(
    {
        "primary": "{value} is too light: white text on it, in light and dark mode, and titles in it on a light page "
        "have a contrast of {ratio} to 1 and need 4.5 to be read (WCAG); choose a darker colour",
        "accent": "{value} is too light: links in it on a light page (dark mode has a shade of its own) have a "
        "contrast of {ratio} to 1 and need 4.5 to be read (WCAG); choose a darker colour",
    }
)


@lru_cache(maxsize=64)
def _brand(settings: tuple[tuple[str, str], ...]) -> Brand:
    known = {name: setting.default for name, setting in SETTINGS.items()} | dict(settings)
    primary, accent = known["primary"], known["accent"]
    return Brand(
        primary=primary,
        accent=accent,
        font=f"{FONTS[known['font']]},{_KOREAN.get(known['font'], _KOREAN_SANS)}",
        width=int(known["width"]),
        logo=known["logo"],
        logo_dark=known["logo_dark"],
        logo_width=int(known["logo_width"]),
        fill_dark=lightened(primary, on=DARK.card, ratio=1.7),
        primary_dark=lightened(primary, on=DARK.band, ratio=7),
        accent_dark=lightened(accent, on=DARK.band, ratio=6),
    )
