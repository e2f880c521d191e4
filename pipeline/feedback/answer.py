"""An answer of a person, as much of it as another person wants to read. Pure."""

from dataclasses import dataclass
from typing import Final

from pipeline.feedback import mime

TEXT_AT_MOST: Final = 20_000  # characters
LINE_AT_MOST: Final = 300  # of the subject and the name


@dataclass(frozen=True, slots=True)
class Answer:
    """Whoever wrote it may have put anything in all of it."""

    address: str
    """Of whoever is to be answered; empty where there is none."""
    sender: str
    """From, as it stands there."""
    subject: str
    text: str
    attachments: int
    """How many parts are not shown."""


def read_answer(raw: bytes) -> Answer:
    """Read a raw message. Its text parts, else its HTML as text."""
    message = mime.read(raw)
    leaves = list(message.leaves())
    shown = next((found for kind in ("text/plain", "text/html") if (found := _of_kind(leaves, kind))), [])
    written = message.header("reply-to") or message.header("from")
    return Answer(
        address=mime.address_of(written),
        sender=message.header("from")[:LINE_AT_MOST],
        subject=message.header("subject")[:LINE_AT_MOST],
        text="\n".join(part.text().strip() for part in shown)[:TEXT_AT_MOST],
        attachments=sum(not part.kind.startswith("text/") for part in leaves),
    )


def _of_kind(leaves: list[mime.Part], kind: str) -> list[mime.Part]:
    return [part for part in leaves if part.kind == kind]
