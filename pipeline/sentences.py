"""Sentences of ours with places for values: kept in English in the books, shown in the language of who looks."""

import re
from functools import cache
from typing import Final

from django.utils.translation import gettext

from pipeline.replies.history import IN_A_ROW

OUR_FAULT: Final = (
    "%(answers)s answers of mail servers say that the sender is the problem, not the reader: %(meaning)s. "
    "The last answer: “%(words)s”. Nobody was taken off a list for it, and whoever has not been written to waits. "
    "Show this to whoever looks after the sender's domain (`pressrun doctor` examines it), and resume when it is "
    "mended."
)
OUR_FAULT_UNSAID: Final = (
    "%(answers)s answers of mail servers say that the sender is the problem, not the reader. "
    "Nobody was taken off a list for it, and whoever has not been written to waits. "
    "Show this to whoever looks after the sender's domain (`pressrun doctor` examines it), and resume when it is "
    "mended."
)
DEAD: Final = (
    "%(dead)s of the first %(outcomes)s addresses do not exist. So many make mail providers distrust the sender. "
    "Those mailboxes get nothing more. Was the right list chosen, and is it up to date? "
    "Whoever has not been written to waits; resume if it is as it should be."
)
COMPLAINED: Final = (
    "%(complaints)s of %(outcomes)s readers complained to their mail provider. They get nothing more. "
    "Do the others expect this mail? Whoever has not been written to waits; resume if they do."
)
IN_DOUBT: Final = (
    "%(uncertain)s messages may have arrived without the relay's answer reaching us. They are held, not repeated. "
    "Find out why before you resume."
)
CUT_OFF: Final = (
    "The relay broke the connection %(times)s times after taking a message. Those messages are held, not repeated. "
    "Look at the relay before you resume."
)
OTHERS_TOO: Final = "Others at %(domain)s failed for the same reason in the same sends: it is not this address."
BOUNCED_LATE: Final = "Noted; the address stays, because the mail left more than %(days)s days ago."
COMPLAINED_LATE: Final = "The mail left more than %(days)s days ago. Nothing was done."
WITH_PLACES: Final = (
    OUR_FAULT, OUR_FAULT_UNSAID, DEAD, COMPLAINED, IN_DOUBT, CUT_OFF,
    IN_A_ROW, OTHERS_TOO, BOUNCED_LATE, COMPLAINED_LATE,
)  # fmt: skip

_PLACE: Final = re.compile(r"%\((\w+)\)s")


def translated(sentence: str) -> str:
    """A sentence of ours in the language that is active, with its values; as it is where the catalogue has none."""
    if not sentence:
        return sentence  # for which gettext has the catalogue's own head
    for template in WITH_PLACES:
        if found := _pattern(template).fullmatch(sentence):
            values = {name: gettext(value) for name, value in found.groupdict().items()}
            return gettext(template) % values
    return gettext(sentence)


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    pieces = _PLACE.split(sentence)  # text, name, text, name, … text
    named = (f"(?P<{piece}>.+)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))
    return re.compile("".join(named), re.DOTALL)
