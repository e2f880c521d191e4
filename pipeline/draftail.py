"""What Wagtail's editor is told otherwise. Loads only after the models."""

from typing import Final

from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter

_SPACES: Final = (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
"""White space for Python's `strip`, but text for an editor."""
_HIDDEN: Final = {code: 0xFDD0 + index for index, code in enumerate(_SPACES)}


class WholeConverter(ContentstateConverter):  # type: ignore[misc]  # Wagtail ships no types
    """Wagtail's, but it keeps no-break and ideographic spaces where a run of text begins or ends.

    They travel as noncharacters (Unicode 23.7), which the rules of an issue's text would refuse from anyone else.
    """

    def from_database_format(self, html: str) -> str:
        state: str = super().from_database_format(html.translate(_HIDDEN))
        for code, hidden in _HIDDEN.items():
            state = state.replace(f"\\u{hidden:04x}", f"\\u{code:04x}")
        return state
