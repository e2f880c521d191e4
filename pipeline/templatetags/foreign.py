"""Text that strangers wrote, such as a mail server's reply, as a page may show it."""

import re
from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pipeline import sentences

AT_MOST: Final = 600
SENTENCE_AT_MOST: Final = 2_000
"""What strangers said in it was cut when it was written."""
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
    words = sentences.translated(sentence)
    shown = foreign(words, SENTENCE_AT_MOST)
    return format_html('<span lang="en">{}</span>', shown) if sentence and words == sentence else shown
