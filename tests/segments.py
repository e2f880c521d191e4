"""Whether a page or a message is made of a proof's own bytes, with something in its slots and nothing else changed."""

import re
from dataclasses import replace

from pipeline.content.message import message_parts
from pipeline.content.types import Proof

MARK = "QzMarkzQ"


def slots_of_message(proof: Proof, raw: bytes) -> dict[str, bytes] | None:
    """What stands in the slots of a wire message; None when anything outside of them differs."""
    found = re.fullmatch(b"(.*?)".join(map(re.escape, proof.segments)), raw, re.DOTALL)
    return found and dict(zip([slot.name for slot in proof.slots], found.groups(), strict=True))


def slots_of_html(proof: Proof, html: str) -> list[str] | None:
    """What stands in the slots of the decoded HTML, in order; None when anything outside of them differs."""
    marked, _text = message_parts(*_with_marks(proof))
    found = re.fullmatch("(.*?)".join(map(re.escape, marked.split(MARK))), html, re.DOTALL)
    return found and list(found.groups())


def _with_marks(proof: Proof) -> tuple[Proof, dict[str, str]]:
    """The same bytes, each slot filled with the mark."""
    return replace(proof, hash="marks"), {slot.name: MARK for slot in proof.slots}
