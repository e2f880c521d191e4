"""Messages that say in their first line what they are, and rules that a test may change."""

from collections.abc import Mapping

import pytest

from pipeline.feedback import apply, reading
from pipeline.feedback.understand import Kind, Recipient, Understood
from pipeline.replies.reasons import meaning


class Rulebook:
    """Takes `bounce mailboxfull` for that, `bounce userunknown 4xx` for one that is not final, `reply` for a reply."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._new: dict[str, str] = {}
        monkeypatch.setattr(apply, "understand", self.understand)
        monkeypatch.setattr(reading, "understand", self.understand)

    def change(self, new: Mapping[str, str] = {}, **more: str) -> None:
        """From now on: `bounce_mailboxfull="reply"`."""
        self._new = {said.replace("_", " "): now for said, now in {**new, **more}.items()}

    def understand(self, raw: bytes) -> Understood:
        said = raw.decode().partition("\n")[0]
        kind, *words = self._new.get(said, said).split()
        if kind == "unread":
            return Understood(Kind.OTHER, unread="the machine is too small")
        told: tuple[Recipient, ...] = ()
        if kind in {"bounce", "delay", "complaint"}:
            means = meaning(words[0] if words else "undefined", f"rule {words}", temporary=words[1:] == ["4xx"])
            told = (Recipient("", "", "failed" if kind != "delay" else "delayed", f"they said {said}", means),)
        return Understood(Kind(kind), told)
