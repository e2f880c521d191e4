"""Text that strangers wrote, such as a mail server's reply, as a page may show it."""

import re
from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

AT_MOST: Final = 600
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Controls, and what turns the direction of reading around or hides: `evil\u202egpj.exe` reads as `evilexe.jpg`."""
register = template.Library()


@register.filter
def foreign(text: str, most: int = AT_MOST) -> str:
    """Give the beginning of it, with what nobody sees made visible as its number. The template escapes the rest."""
    kept = text[:most].replace("\r\n", "\n")
    seen = _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", kept)
    return f"{seen}…" if len(text) > most else seen


@register.filter
def told(sentence: str) -> SafeString | str:
    """A sentence of ours that is kept in English, in the reader's language if the catalogue has it."""
    words = gettext(sentence) if sentence else sentence
    return words if not sentence or words != sentence else format_html('<span lang="en">{}</span>', foreign(sentence))
