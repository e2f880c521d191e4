"""What a layout may use of MJML: the components, where each may stand, its attributes and the kinds of their values.

Ours alone, and narrower than the reference compiler's: what mrml (inside mjml-python) gets wrong or mail programs show
badly is left out, and `bans` says why. A golden test holds what each attribute does to the HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from pipeline.content.mjml import values as v
from pipeline.content.mjml.values import Kind, choice

Attributes: TypeAlias = Mapping[str, Kind]

_SIDES = ("top", "right", "bottom", "left")
_ALIGN, _VALIGN, _DIRECTION = choice("left", "center", "right"), choice("top", "middle", "bottom"), choice("ltr", "rtl")


def _sides(name: str, all_sides: Kind, one_side: Kind) -> Attributes:
    return {name: all_sides, **{f"{name}-{side}": one_side for side in _SIDES}}


_PADDING = _sides("padding", v.INSETS, v.INSET)
_BORDERS = _sides("border", v.BORDER, v.SIDE)
_FONT: Attributes = {
    "color": v.COLOUR,
    "font-family": v.FONTS,
    "font-size": v.PX,
    "font-style": v.STYLE,
    "font-weight": v.WEIGHT,
    "line-height": v.LINE_HEIGHT,
}
_LETTERS: Attributes = {
    "letter-spacing": v.LETTER_SPACING,
    "text-decoration": v.DECORATION,
    "text-transform": v.TRANSFORM,
}
_BACKGROUND: Attributes = {
    "background-color": v.COLOUR,
    "background-url": v.BACKGROUND,
    "background-repeat": choice("no-repeat", "repeat"),
    "background-size": v.BACKGROUND_SIZE,
    "background-position": v.POSITION,
}
_BAND: Attributes = {
    **_PADDING,
    **_BORDERS,
    **_BACKGROUND,
    "border-radius": v.RADIUS,
    "direction": _DIRECTION,
    "full-width": choice("full-width"),
    "text-align": _ALIGN,
}
_CELL: Attributes = {**_PADDING, "align": _ALIGN, "container-background-color": v.COLOUR}
_ICON: Attributes = {"icon-size": v.PX, "icon-height": v.PX, "icon-padding": v.INSETS, "text-padding": v.INSETS}
_COLUMN: Attributes = {
    **_PADDING,
    **_BORDERS,
    "background-color": v.COLOUR,
    "border-radius": v.RADIUS,
    "direction": _DIRECTION,
    "inner-background-color": v.COLOUR,
    "inner-border-radius": v.RADIUS,
    "vertical-align": _VALIGN,
    "width": v.SIZE,
}
_BUTTON: Attributes = {
    **_CELL,
    **_BORDERS,
    **_FONT,
    **_LETTERS,
    "background-color": v.COLOUR,
    "border-radius": v.RADIUS,
    "height": v.SIZE,
    "href": v.URL,
    "inner-padding": v.INSETS,
    "rel": v.ANY_NAME,
    "text-align": _ALIGN,
    "width": v.SIZE,
}
_IMAGE: Attributes = {
    **_CELL,
    "alt": v.TEXT,
    "border": v.BORDER,
    "border-radius": v.RADIUS,
    "fluid-on-mobile": v.BOOLEAN,
    "font-size": v.PX,
    "height": v.PX_OR_AUTO,
    "href": v.URL,
    "max-height": v.SIZE,
    "rel": v.ANY_NAME,
    "src": v.PICTURE,
    "title": v.TEXT,
    "width": v.PX,
}
_DIVIDER: Attributes = {
    **_CELL,
    "border-color": v.COLOUR,
    "border-style": v.BORDER_STYLE,
    "border-width": v.PX,
    "width": v.SIZE,
}
_TABLE: Attributes = {
    **_CELL,
    **{name: _FONT[name] for name in ("color", "font-family", "font-size", "line-height")},
    "border": v.BORDER,
    "table-layout": choice("auto", "fixed"),
    "width": v.PER_CENT_OR_AUTO,
}
_SOCIAL: Attributes = {**_CELL, **_FONT, **_ICON, "border-radius": v.RADIUS, "inner-padding": v.INSETS}


@dataclass(frozen=True, slots=True)
class Component:
    parents: frozenset[str]
    attributes: Attributes
    html: bool = False
    """Whether it holds HTML or text, and not components."""


def _of(parents: str, attributes: Attributes | None = None, *, html: bool = False) -> Component:
    return Component(frozenset(parents.split()), attributes or {}, html)


def _body(parents: str, attributes: Attributes, *, html: bool = False) -> Component:
    return _of(parents, {**attributes, "css-class": v.NAMES, "mj-class": v.NAMES}, html=html)


BODY: Final[Mapping[str, Component]] = MappingProxyType(
    {
        "mj-body": _of("mjml", {"background-color": v.COLOUR, "css-class": v.NAMES, "width": v.PX}),
        "mj-wrapper": _body("mj-body", _BAND),
        "mj-section": _body("mj-body mj-wrapper", _BAND),
        "mj-group": _body(
            "mj-section",
            {"background-color": v.COLOUR, "direction": _DIRECTION, "vertical-align": _VALIGN, "width": v.SIZE},
        ),
        "mj-column": _body("mj-section mj-group", _COLUMN),
        "mj-text": _body(
            "mj-column",
            {**_CELL, **_FONT, **_LETTERS, "align": choice("left", "center", "right", "justify"), "height": v.SIZE},
            html=True,
        ),
        "mj-image": _body("mj-column", _IMAGE),
        "mj-button": _body("mj-column", _BUTTON, html=True),
        "mj-divider": _body("mj-column", _DIVIDER),
        "mj-spacer": _body("mj-column", {**_PADDING, "container-background-color": v.COLOUR, "height": v.PX}),
        "mj-table": _body("mj-column", _TABLE, html=True),
        "mj-social": _body("mj-column", {**_SOCIAL, "text-decoration": v.DECORATION}),
        "mj-social-element": _body(
            "mj-social",
            {
                **_PADDING,
                **_FONT,
                **_ICON,
                "align": _ALIGN,
                "alt": v.TEXT,
                "background-color": v.COLOUR,
                "border-radius": v.RADIUS,
                "href": v.URL,
                "src": v.PICTURE,
                "text-decoration": v.DECORATION,
                "title": v.TEXT,
                "vertical-align": _VALIGN,
            },
            html=True,
        ),
    }
)
"""What stands in the body."""

_KINDS: dict[str, list[Kind]] = {}
for _component in BODY.values():
    for _name, _kind in _component.attributes.items():
        _KINDS.setdefault(_name, []).append(_kind)
_SHARED: Attributes = {
    name: Kind(
        " or ".join(dict.fromkeys(kind.name for kind in kinds)),
        "|".join(dict.fromkeys(f"(?:{kind.pattern})" for kind in kinds)),
        "; or ".join(dict.fromkeys(kind.allowed for kind in kinds)),
        kinds[0].samples,
    )
    for name, kinds in _KINDS.items()
    if name not in {"css-class", "mj-class"}
}

COMPONENTS: Final[Mapping[str, Component]] = MappingProxyType(
    {
        "mjml": _of("", {"lang": v.LANGUAGE, "dir": choice("ltr", "rtl", "auto")}),
        "mj-head": _of("mjml"),
        "mj-title": _of("mj-head", html=True),
        "mj-preview": _of("mj-head", html=True),
        "mj-breakpoint": _of("mj-head", {"width": v.PX}),
        "mj-style": _of("mj-head", html=True),
        "mj-attributes": _of("mj-head"),
        "mj-all": _of("mj-attributes", {**_FONT, **_LETTERS, "padding": choice("0")}),
        "mj-class": _of("mj-attributes", {**_SHARED, "name": v.ANY_NAME}),
        "mj-raw": _of("mj-head mj-body mj-column", html=True),
        **BODY,
    }
)
"""All of them. In mj-attributes, the name of a component in the body stands for its defaults."""
