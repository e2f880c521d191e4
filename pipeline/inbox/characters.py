"""Which reader lives at which address. Pure.

The local part's first word decides: `nosuch-3@…` does not exist, `later-ann@…` asks to try again once, `bounce-…`
takes the mail and sends it back afterwards, `full-…` likewise with a full mailbox, `away-…` answers with a vacation
note, and with `cut-…` the connection breaks after the message was taken, once. Anyone else just reads.
"""

import re
from enum import StrEnum

_WORD = re.compile(r"[a-z]+")


class Character(StrEnum):
    READER = "reader"
    NOSUCH = "nosuch"
    LATER = "later"
    BOUNCE = "bounce"
    FULL = "full"
    AWAY = "away"
    CUT = "cut"


def character(address: str) -> Character:
    """Who lives there."""
    found = _WORD.match(address.lower())
    word = found[0] if found else ""
    return Character(word) if word in list(Character) else Character.READER
