"""What is not used of MJML, and why: what mrml gets wrong, what mail programs show badly, what costs readers.

Each reason ends with what to do instead. Everything that the reference compiler knows stands either in `components`
or here; a test compares.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NOT_SHOWN = "most mail programs cannot open and close it"
_NOT_PRINTED = "mjml-python does not print it"
_SCRIPTLESS = "it needs style rules that most mail programs drop"

COMPONENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mj-accordion": f"{_NOT_SHOWN}; write the text out, or link to it",
        "mj-accordion-element": f"{_NOT_SHOWN}; write the text out, or link to it",
        "mj-accordion-title": f"{_NOT_SHOWN}; write the text out, or link to it",
        "mj-accordion-text": f"{_NOT_SHOWN}; write the text out, or link to it",
        "mj-navbar": f"{_SCRIPTLESS}; write links into an mj-text",
        "mj-navbar-link": f"{_SCRIPTLESS}; write links into an mj-text",
        "mj-carousel": "mjml-python gives every carousel the same id, so that two turn each other, and few mail "
        "programs turn one at all; use mj-image",
        "mj-carousel-image": "mjml-python gives every carousel the same id; use mj-image",
        "mj-hero": "mjml-python ignores its inner padding and gives a fluid height below zero, and text on a picture "
        "is unreadable where it is not loaded or colours are turned dark; use an mj-section with background-url",
        "mj-font": "readers would fetch the font from elsewhere, which tells where they are, and most mail programs "
        "ignore it; name fonts that readers have in font-family",
        "mj-include": "errors inside an included file vanish in mjml-python; use {% include %} or {% import %}",
        "mj-html-attributes": "mjml-python refuses it; write the attribute on the element itself, in mj-text or mj-raw",
        "mj-html-attribute": "mjml-python refuses it; write the attribute on the element itself, in mj-text or mj-raw",
        "mj-selector": "mjml-python refuses it; write the attribute on the element itself, in mj-text or mj-raw",
    }
)

_FOUR = ("top", "right", "bottom", "left")
_PLACE = "use background-position"
_WINDOW = "links open where the reader's mail program wants; leave it out"
_SETS = "few mail programs choose among several pictures; give one in src, twice as wide as it is shown"
_NAME = "it is the old form of id; put an id on an element in mj-text"
_VALIGN = "mjml-python prints it as an attribute that no mail program knows"
_CELLS = "mjml-python leaves out what it needs; give the cells a padding in inline.css"
_SIDES = "mjml-python prints some sides and not others; use border"
_RULE = f"{_NOT_PRINTED}; use an mj-divider"
_UNCOUNTED = "mjml-python does not count it when it works out widths; use border"
_YES = "mjml-python takes any value for yes; leave it out"
_BETWEEN_COLUMNS = "there it would stand between the columns, where Outlook allows none but cells"
_BAND = {
    "background-position-x": _PLACE,
    "background-position-y": _PLACE,
    "gutter": f"{_NOT_PRINTED}; give the columns a padding",
    "text-padding": f"{_NOT_PRINTED}; give the mj-text a padding",
}

EVERYWHERE: Final = (
    "mj-all reaches components that cannot have it, and mjml-python then counts widths wrong; set it on a component in "
    "mj-attributes, such as <mj-text … />"
)
"""Why mj-all takes so little."""

ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "mj-class": {
            "css-class": "of several classes mjml-python takes only the first one's; put css-class on the elements"
        },
        "mj-style": {
            "inline": "mjml-python leaves the rules in the page as well, and drops all of them at one slip; put them "
            "into inline.css"
        },
        "mj-raw": {
            "position": "nothing may stand before the doctype, or browsers show the page in old ways; leave it out"
        },
        "mj-body": {"id": f"{_NOT_PRINTED}; use css-class"},
        "mj-wrapper": {**_BAND, "gap": "mjml-python ignores it; give the sections in it a padding"},
        "mj-section": _BAND,
        "mj-column": dict.fromkeys(("inner-border", *(f"inner-border-{side}" for side in _FOUR)), _UNCOUNTED),
        "mj-button": {
            "name": _NAME,
            "target": _WINDOW,
            "title": f"{_NOT_PRINTED}, and the label says what the button does; leave it out",
            "vertical-align": f"{_VALIGN}; use padding",
        },
        "mj-image": {
            **{f"border-{side}": _SIDES for side in _FOUR},
            "name": _NAME,
            "sizes": _SETS,
            "srcset": _SETS,
            "target": _WINDOW,
            "usemap": "keyboards and screen readers cannot use it, and pictures shrink under it; use several pictures",
        },
        "mj-spacer": dict.fromkeys(("border", *(f"border-{side}" for side in _FOUR)), _RULE),
        "mj-text": {
            "background-color": f"{_NOT_PRINTED}; use container-background-color",
            "vertical-align": f"{_VALIGN}; put it on the mj-column",
        },
        "mj-table": {
            "cellpadding": _CELLS,
            "cellspacing": _CELLS,
            "font-weight": f"{_NOT_PRINTED}; use inline.css",
            "role": "an mj-table is a table of facts, and mjml-python drops the role; lay out with mj-column",
            "vertical-align": f"{_VALIGN}; use inline.css",
        },
        "mj-social": {
            "border": f"{_NOT_PRINTED}; put the border into the pictures",
            "mode": "icons stand side by side anyway, and of a vertical list mjml-python ignores where the icons are "
            "to stand; leave it out, or use mj-text",
            "table-layout": f"{_NOT_PRINTED}; leave it out",
            "vertical-align": f"{_VALIGN}; put it on the mj-social-element",
        },
        "mj-social-element": {
            "border": f"{_NOT_PRINTED}; put the border into the picture",
            "icon-position": f"{_NOT_PRINTED}; icons stand before their labels",
            "name": "it would fetch the compiler's own picture from elsewhere; give src and alt",
            "rel": f"{_NOT_PRINTED}; leave it out",
            "sizes": _SETS,
            "srcset": _SETS,
            "target": _WINDOW,
        },
    }
)

NESTING: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("mj-raw", "mjml"): "it would stand outside head and body",
        ("mj-raw", "mj-wrapper"): "there Outlook alone would show it",
        ("mj-raw", "mj-section"): _BETWEEN_COLUMNS,
        ("mj-raw", "mj-group"): _BETWEEN_COLUMNS,
        ("mj-raw", "mj-social"): "there it would stand between the icons, where Outlook allows none but cells",
    }
)
"""Places that the reference compiler allows and ours does not: (child, parent)."""

VALUES: Final[Mapping[tuple[str, str, str], str]] = MappingProxyType(
    {
        ("mj-table", "table-layout", "initial"): "few mail programs know it; use auto or fixed",
        ("mj-table", "table-layout", "inherit"): "the tables around it are the compiler's own; use auto or fixed",
        ("mj-section", "full-width", "false"): _YES,
        ("mj-wrapper", "full-width", "false"): _YES,
        ("mj-image", "fluid-on-mobile", "false"): _YES,
    }
)
"""Values that their kinds do not hold although the reference compiler takes them."""
