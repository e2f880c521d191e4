"""What was looked at, and how it is. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"
    """It could not be found out. Never counts as good."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is about, how it is, and why, in words that say what to do."""

    name: str
    verdict: Verdict
    detail: str
