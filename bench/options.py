"""What a person may say to a benchmark."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    rounds: int = 5
    recipients: int = 8_000
    dkim: bool = False
    """Of deliver: sign with RSA-2048."""
    postfix: bool = False
    """Of deliver: into a real Postfix, over 4 connections."""
    sink: str = "smtp-sink"
    """Of deliver: `smtp-sink`, or `ours`, which is faster."""
    rtt: float = 0
    """Of deliver: milliseconds that each round trip takes longer."""
    corpus: Path | None = None
    """Of feedback: labelled messages."""
