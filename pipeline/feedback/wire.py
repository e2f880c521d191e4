"""What a reader and its parent agree on: limits, frames of `length · content`, `Understood` as JSON in them. Pure.

Never pickle: who reads hostile mail may have been taken over, and pickle would hand that on. What comes back is values
of known types and lengths, or an error.
"""

import json
from typing import Any, Final

from pipeline.feedback.mime import storable
from pipeline.feedback.understood import Kind, Recipient, Understood
from pipeline.replies.reasons import Fault, Meaning, Reason

MEMORY_AT_MOST: Final = 64 * 2**20  # octets of address space beyond what a reader starts with
SECONDS_AT_MOST: Final = 2  # of a processor, for one message
OUT_OF_MEMORY: Final = 3  # exit status
LENGTH: Final = 4  # octets, of a frame's length
ANSWER_AT_MOST: Final = 2_000_000  # octets
RECIPIENTS_AT_MOST: Final = 1000


class NoAnswerError(Exception):
    """It is not what a reader tells: somebody else speaks."""


def frame(content: bytes) -> bytes:
    """Put its length before it."""
    return len(content).to_bytes(LENGTH) + content


def encode(understood: Understood) -> bytes:
    """Write it down; `decode` gives the same value back."""
    return json.dumps(_fields(understood), ensure_ascii=False, default=_fields).encode()


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def decode(answer: bytes) -> Understood:
    """Read what `encode` wrote. Raises NoAnswerError when it is anything else."""
    try:
        return _understood(json.loads(answer))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise NoAnswerError from error


def _understood(told: dict[str, Any]) -> Understood:
    people = told.pop("recipients")[:RECIPIENTS_AT_MOST]
    return Understood(kind=Kind(told.pop("kind")), recipients=tuple(map(_recipient, people)), **_texts(told))


def _recipient(told: dict[str, Any]) -> Recipient:
    return Recipient(meaning=_meaning(told.pop("meaning")), **_texts(told))


def _meaning(told: dict[str, Any]) -> Meaning:
    reason, fault, hard = Reason(told.pop("reason")), Fault(told.pop("fault")), told.pop("hard")
    return Meaning(reason=reason, fault=fault, hard=hard is True, **_texts(told))


def _texts(told: dict[str, Any]) -> dict[str, str]:
    return {name: storable(value) for name, value in told.items()}
