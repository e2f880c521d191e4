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

_BACKGROUND_XY = "use background-position"
_WINDOW = "links open where the reader's mail program wants; leave it out"
_SETS = "few mail programs choose among several pictures; give one in src, twice as wide as it is shown"
_NAME = "it is the old form of id; put an id on an element in mj-text"

ATTRIBUTES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("mj-body", "id"): f"{_NOT_PRINTED}; use css-class",
        (
            "mj-style",
            "inline",
        ): "mjml-python leaves the rules in the page as well and drops them all at one slip; put them into inline.css",
        (
            "mj-raw",
            "position",
        ): "nothing may stand before the doctype, or browsers show the page in old ways; leave it out",
        ("mj-wrapper", "gap"): "mjml-python ignores it; give the sections in it a padding",
        **{
            (band, name): reason
            for band in ("mj-wrapper", "mj-section")
            for name, reason in {
                "background-position-x": _BACKGROUND_XY,
                "background-position-y": _BACKGROUND_XY,
                "gutter": f"{_NOT_PRINTED}; give the columns a padding",
                "text-padding": f"{_NOT_PRINTED}; give the mj-text a padding",
            }.items()
        },
        ("mj-button", "name"): _NAME,
        ("mj-button", "target"): _WINDOW,
        ("mj-button", "title"): f"{_NOT_PRINTED}, and the label says what the button does; leave it out",
        (
            "mj-button",
            "vertical-align",
        ): "mjml-python prints it as an attribute that no mail program knows; use padding",
        **{
            ("mj-image", f"border-{side}"): "mjml-python prints some sides and not others; use border"
            for side in ("top", "right", "bottom", "left")
        },
        ("mj-image", "name"): _NAME,
        ("mj-image", "sizes"): _SETS,
        ("mj-image", "srcset"): _SETS,
        ("mj-image", "target"): _WINDOW,
        ("mj-image", "usemap"): "keyboards and screen readers cannot use it, and pictures shrink under it; use several "
        "pictures",
        **{
            ("mj-spacer", name): f"{_NOT_PRINTED}; use an mj-divider"
            for name in ("border", "border-top", "border-right", "border-bottom", "border-left")
        },
        ("mj-text", "background-color"): f"{_NOT_PRINTED}; use container-background-color",
        (
            "mj-text",
            "vertical-align",
        ): "mjml-python prints it as an attribute that no mail program knows; put it on the mj-column",
        ("mj-table", "cellpadding"): "mjml-python leaves out what it needs; give the cells a padding in inline.css",
        ("mj-table", "cellspacing"): "mjml-python leaves out what it needs; give the cells a padding in inline.css",
        ("mj-table", "font-weight"): f"{_NOT_PRINTED}; use inline.css",
        ("mj-table", "role"): "an mj-table is a table of facts, and mjml-python drops the role; lay out with mj-column",
        (
            "mj-table",
            "vertical-align",
        ): "mjml-python prints it as an attribute that no mail program knows; use inline.css",
        ("mj-social", "border"): f"{_NOT_PRINTED}; use border-radius or the picture itself",
        ("mj-social", "table-layout"): f"{_NOT_PRINTED}; leave it out",
        (
            "mj-social",
            "vertical-align",
        ): "mjml-python prints it as an attribute that no mail program knows; put it on the mj-social-element",
        ("mj-social-element", "border"): f"{_NOT_PRINTED}; put the border into the picture",
        ("mj-social-element", "icon-position"): f"{_NOT_PRINTED} for vertical lists; icons stand before their labels",
        ("mj-social-element", "name"): "it would fetch the compiler's own picture from elsewhere; give src and alt",
        ("mj-social-element", "rel"): f"{_NOT_PRINTED}; leave it out",
        ("mj-social-element", "sizes"): _SETS,
        ("mj-social-element", "srcset"): _SETS,
        ("mj-social-element", "target"): _WINDOW,
    }
)

VALUES: Final[Mapping[tuple[str, str, str], str]] = MappingProxyType(
    {
        (
            "mj-social",
            "mode",
            "vertical",
        ): "mjml-python ignores where its icons are to stand; use horizontal, or mj-text",
        ("mj-section", "full-width", "false"): "mjml-python takes any value for yes; leave it out",
        ("mj-wrapper", "full-width", "false"): "mjml-python takes any value for yes; leave it out",
        ("mj-image", "fluid-on-mobile", "false"): "mjml-python takes any value for yes; leave it out",
    }
)
"""Values that their kinds do not hold although the reference compiler takes them."""
