"""premailer, set up for pages whose style rules are ours. Importing it brings cssutils: half a second."""

import logging
from typing import Any, Final

from premailer import Premailer

_KEPT: Final = 64
_parsed: dict[tuple[str, int], Any] = {}


class Inliner(Premailer):
    """Every option that would change more than style attributes is off (see `content.inline`)."""

    def __init__(self, page: str, rules: str) -> None:
        super().__init__(
            page,
            css_text=[rules],
            keep_style_tags=False,
            strip_important=False,
            allow_network=False,
            disable_link_rewrites=True,
            disable_validation=True,
            remove_classes=False,
            disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
            align_floating_images=False,
            remove_unset_properties=False,
            cache_css_parsing=True,
            cssutils_logging_level=logging.CRITICAL,
        )

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> Any:
        """Take the same rules apart once: cssutils spends a fifth of a compile on writing them out again."""
        key = (css_body, ruleset_index)
        if key not in _parsed:
            if len(_parsed) >= _KEPT:
                _parsed.clear()
            _parsed[key] = super()._parse_style_rules(css_body, ruleset_index)
        return _parsed[key]

    def _style_to_basic_html_attributes(self, *_: object, **__: object) -> None:
        """Write no attributes beside the styles, and do not look for any: all of them are switched off above."""
