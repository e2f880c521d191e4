"""How wide things are: the room that a column has for its pictures, by the compiler's own arithmetic.

Takes what `rules` has let pass: whole pixels and whole per cents, and components that stand where they may.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pipeline.content.mjml.elements import Element

_PADDING: Final = {"mj-wrapper": "20px 0", "mj-section": "20px 0", "mj-image": "10px 25px"}
"""The compiler's own, where a layout gives none."""
_BODY: Final = "600px"
_PIXELS = re.compile("[0-9]+")

Get = Callable[[Element, str], str]
"""An attribute as it applies to an element; empty when nothing sets it."""


def resolver(elements: Sequence[Element]) -> Get:
    """Attributes with the defaults of mj-attributes: the element's own, its classes, its component, mj-all."""
    everywhere: dict[str, Mapping[str, str]] = {}
    classes: dict[str, Mapping[str, str]] = {}
    for element in elements:
        if element.parent is not None and element.parent.tag == "mj-attributes":
            known, name = (
                (classes, element.attributes.get("name", ""))
                if element.tag == "mj-class"
                else (everywhere, element.tag)
            )
            known[name] = {**known.get(name, {}), **element.attributes}

    def get(element: Element, name: str) -> str:
        called = reversed(element.attributes.get("mj-class", "").split())
        levels = (element.attributes, *(classes.get(each, {}) for each in called))
        levels = (*levels, everywhere.get(element.tag, {}), everywhere.get("mj-all", {}))
        return next((level[name] for level in levels if name in level), "")

    return get


def room(image: Element, get: Get) -> float:
    """The pixels that an mj-image has for its picture."""
    return _within(image, _outer(image, get), get)


def _outer(element: Element, get: Get) -> float:
    """The width of an element with its padding and borders."""
    parent = element.parent
    if element.tag == "mj-body" or parent is None:
        return float(_pixels(get(element, "width") or _BODY))
    whole = _outer(parent, get) if parent.tag == "mj-group" else _within(parent, _outer(parent, get), get)
    return _share(element, whole, get) if element.tag in {"mj-column", "mj-group"} else whole


def _share(column: Element, whole: float, get: Get) -> float:
    written = get(column, "width")
    if written.endswith("%"):
        return whole * _pixels(written) / 100
    neighbours = column.parent.children if column.parent is not None else ()
    return float(_pixels(written)) if written else whole / sum(each.tag != "mj-raw" for each in neighbours)


def _within(element: Element, outer: float, get: Get) -> float:
    """What is left of a width between padding and borders."""
    sides = sum(_padding(element, side, get) + _border(element, side, get) for side in ("left", "right"))
    return outer - sides


def _padding(element: Element, side: str, get: Get) -> int:
    if one := get(element, f"padding-{side}"):
        return _pixels(one)
    parts = (get(element, "padding") or _PADDING.get(element.tag, "0")).split()
    right = parts[min(1, len(parts) - 1)]
    return _pixels(parts[3] if side == "left" and len(parts) == 4 else right)


def _border(element: Element, side: str, get: Get) -> int:
    return _pixels(get(element, f"border-{side}") or get(element, "border"))


def _pixels(length: str) -> int:
    found = _PIXELS.match(length)
    return int(found[0]) if found else 0
