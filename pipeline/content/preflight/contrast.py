"""Findings of contrast: every text of the compiled page against what is behind it, in light mode and in dark mode.

Only what mail programs are told: style attributes, `bgcolor`, and the rules of the style blocks, those of
`prefers-color-scheme: dark` for dark mode. Over pictures, and for colours that cannot be known, nothing is said.
Programs that turn colours over by themselves (Gmail, Outlook) are not foreseen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from lxml import etree

from pipeline.content.colour import READABLE, contrast
from pipeline.content.preflight import css
from pipeline.content.preflight.colours import hexadecimal
from pipeline.content.preflight.findings import warn
from pipeline.content.preflight.page import Page, own_text
from pipeline.content.types import Finding

_NEEDED_LARGE: Final = 3.0
_LARGE: Final = 24.0
_LARGE_BOLD: Final = 18.66
"""CSS pixels: 18 and 14 points, from where WCAG asks for less."""
_TOLD: Final = 3
"""Pairs of colours told for each mode, the worst first."""
_QUOTED: Final = 40
"""Characters."""
_DARK: Final = "prefers-color-scheme: dark"


@dataclass(frozen=True, slots=True)
class _Look:
    """How an element's text is drawn. A colour is None where it cannot be known."""

    front: str | None = "#000000"
    back: str | None = "#ffffff"
    size: float = 16.0
    bold: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class _Poor:
    text: str
    front: str
    back: str
    ratio: float
    needed: float


def check(page: Page) -> Iterator[Finding]:
    light = _pairs(_poor(page, dark=False))
    for poor in _worst(light):
        pattern = "“{text}”: {front} on {back} has a contrast of {ratio} to 1 and needs {needed}; choose other colours"
        yield warn("contrast", "page", pattern, **_said(poor))
    dark = _pairs(_poor(page, dark=True))
    for poor in _worst({pair: dark[pair] for pair in dark.keys() - light.keys()}):
        pattern = "in dark mode, “{text}”: {front} on {back} has a contrast of {ratio} to 1 and needs {needed}"
        yield warn("contrast-dark", "page", pattern, **_said(poor))


def _said(poor: _Poor) -> dict[str, object]:
    return {**asdict(poor), "ratio": f"{poor.ratio:.1f}"}


def _pairs(found: Iterable[_Poor]) -> dict[tuple[str, str], _Poor]:
    """The first of each pair of colours."""
    pairs: dict[tuple[str, str], _Poor] = {}
    for poor in found:
        pairs.setdefault((poor.front, poor.back), poor)
    return pairs


def _worst(pairs: Mapping[tuple[str, str], _Poor]) -> list[_Poor]:
    return sorted(pairs.values(), key=lambda poor: (poor.ratio, poor.text))[:_TOLD]


def _poor(page: Page, *, dark: bool) -> Iterator[_Poor]:
    meeting = _meeting(page, dark=dark)
    looks: dict[etree._Element | None, _Look] = {None: _canvas(page, dark=dark)}
    for element in page.elements:
        look = _look(looks[element.getparent()], element, meeting.get(element, ()), dark=dark)
        looks[element] = look
        if not (look.shown and look.front and look.back and look.size):
            continue
        needed = _NEEDED_LARGE if look.size >= (_LARGE_BOLD if look.bold else _LARGE) else READABLE
        ratio = _ratio(look.front, look.back)
        if ratio < needed and (text := " ".join(own_text(element).split())) and _WORD.search(text):
            yield _Poor(text[:_QUOTED], look.front, look.back, ratio, needed)


def _canvas(page: Page, *, dark: bool) -> _Look:
    """What a page is drawn on that sets nothing: in dark mode, if it says that it knows of it, nobody can tell."""
    knows = any(
        meta.get("name") == "color-scheme" and "dark" in (meta.get("content") or "") for meta in page.tagged("meta")
    )
    return _Look(None, None) if dark and knows else _Look()


_Met: TypeAlias = tuple[tuple[int, int, int], int, css.Declarations]
"""A rule that means an element: how specific, the how-manieth, what it declares."""


def _meeting(page: Page, *, dark: bool) -> dict[etree._Element, list[_Met]]:
    found: dict[etree._Element, list[_Met]] = {}
    for order, rule in enumerate(page.rules):
        holds = not rule.at or (dark and len(rule.at) == 1 and _DARK in rule.at[0])
        relevant = tuple(each for each in rule.declarations if each[0] in _PROPERTIES)
        for selector in css.selectors(rule.selector) if holds and relevant else ():
            for element in page.matching(selector):
                found.setdefault(element, []).append((selector.specificity, order, relevant))
    return found


def _look(parent: _Look, element: etree._Element, met: Sequence[_Met], *, dark: bool) -> _Look:
    link = "unknown" if dark else "#0000ee"
    bare = (str(element.tag), link if element.tag == "a" and element.get("href") else "", element.get("bgcolor") or "")
    return _drawn(parent, bare, element.get("style") or "", tuple(sorted(met)))


@lru_cache(maxsize=8192)
def _drawn(parent: _Look, bare: tuple[str, str, str], style: str, met: tuple[_Met, ...]) -> _Look:
    tag, link, ground = bare
    own = {**_BY_TAG.get(tag, {}), **({"color": link} if link else {}), **({"background": ground} if ground else {})}
    declared = _cascaded(own, [*(declared for _, _, declared in met), css.declarations(style)])
    look = parent
    for name, value in declared.items():
        look = _with(look, name, value)
    return look


def _cascaded(own: Mapping[str, str], layers: Sequence[css.Declarations]) -> dict[str, str]:
    """What holds in the end: rules by how specific they are, then the style attribute, then what is important."""
    winning = dict(own)
    for important in (False, True):
        for layer in layers:
            for name, value, urgent in layer:
                if urgent is important and name in _PROPERTIES:
                    winning.pop(name, None)  # so that the later of background and background-color comes last
                    winning[name] = value
    return winning


def _with(look: _Look, name: str, value: str) -> _Look:
    match name:
        case "color" if value != "inherit":
            return replace(look, front=hexadecimal(value))
        case "background" | "background-color" | "background-image":
            return replace(look, back=_ground(value, look.back))
        case "font-size":
            return replace(look, size=_size(value, look.size))
        case "font-weight":
            return replace(look, bold=value in {"bold", "bolder", "700", "800", "900"})
        case "display" | "visibility":
            return replace(look, shown=look.shown and value not in {"none", "hidden"})
    return look


def _ground(value: str, behind: str | None) -> str | None:
    """The colour that a background gives; of a picture nobody knows it."""
    if "(" in value and not value.startswith("rgb("):
        return None
    if value in {"transparent", "none", "inherit", "initial"}:
        return behind
    words = [value] if value.startswith("rgb(") else value.split()
    return next((found for word in words if (found := hexadecimal(word))), None)


def _size(value: str, parent: float) -> float:
    found = _LENGTH.fullmatch(value)
    if not found:
        return parent
    number, unit = float(found[1]), found[2]
    return number * {"px": 1, "pt": 4 / 3, "em": parent, "%": parent / 100, "rem": 16}.get(unit, 1)


_ratio = lru_cache(maxsize=1024)(contrast)
_WORD = re.compile(r"\w")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(px|pt|r?em|%)?")
_PROPERTIES: Final = frozenset(
    {"color", "background", "background-color", "background-image", "font-size", "font-weight", "display", "visibility"}
)
_BOLD: Final = {"font-weight": "bold"}
_BY_TAG: Final[Mapping[str, Mapping[str, str]]] = {
    "head": {"display": "none"},
    "h1": {**_BOLD, "font-size": "2em"},
    "h2": {**_BOLD, "font-size": "1.5em"},
    "h3": {**_BOLD, "font-size": "1.17em"},
    **dict.fromkeys(("h4", "h5", "h6", "th", "strong", "b"), _BOLD),
}
"""What every browser gives these elements by itself."""
