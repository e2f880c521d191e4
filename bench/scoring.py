"""How a reading of returned mail agrees with what people say of it. Pure.

It knows nothing of ours: no change of the rules moves what they are measured with. A recipient who is not found is
neither caught nor explained. Recipients are those of bounces and of warnings, not those of complaints.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_FAMILIES: Final = (
    "userunknown hasmoved",
    "hostunknown notaccept",
    "suspend",
    "mailboxfull",
    "filtered",
    "expired networkerror systemerror systemfull",
    "speeding toomanyconn",
    "blocked badreputation requireptr",
    "authfailure failedstarttls",
    "spamdetected policyviolation contenterror virusdetected notcompliantrfc securityerror",
    "rejected norelaying",
    "mesgtoobig exceedlimit",
    "syntaxerror onhold undefined mailererror",
)
FAMILY: Final = {word: words for words in _FAMILIES for word in words.split()}
"""Each of the field's common words for a reason → all that call for the same action."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recipient as labelled."""

    names: frozenset[str]
    """The addresses that are right, in lower case: the original one, and what it became on its way. None: whoever."""
    late: bool = False
    """Only delayed: to call that a bounce is wrong."""
    hard: bool | None = None
    """Whether the address is dead; None where that is not known, or arguable."""
    word: str = ""
    """The common word for the reason; empty where that is not known, or arguable."""

    @classmethod
    def of(cls, recipient: Mapping[str, Any]) -> "Wanted":
        """Read `{"address" or null, "also"?, "action"?, "hard", "reason", "disputed"?}`."""
        late = recipient.get("action") == "delayed"
        names = frozenset(name.lower() for name in (recipient["address"], *recipient.get("also", ())) if name)
        if recipient.get("disputed"):
            return cls(names, late)
        return cls(names, late, recipient.get("hard"), recipient.get("reason") or "")


@dataclass(frozen=True, slots=True)
class Label:
    """A message as labelled."""

    kind: str
    """bounce (a warning too, whose recipients are only delayed), complaint, auto-reply or other."""
    wanted: Sequence[Wanted] = ()
    complete: bool = True
    """Whether these are all: only then can an address be one too many."""

    @property
    def failed(self) -> bool:
        """Whether anybody's mail failed: not so where all of it is only delayed."""
        return self.kind == "bounce" and not (self.wanted and all(one.late for one in self.wanted))

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Label":
        """Read `{"kind", "recipients", "recipients_complete"}`."""
        wanted = tuple(map(Wanted.of, line["recipients"])) if line["kind"] == "bounce" else ()
        return cls(line["kind"], wanted, line["recipients_complete"])


@dataclass(frozen=True, slots=True)
class Told:
    """What a reading says of an address."""

    failed: bool = True
    """False: only delayed."""
    hard: bool = False
    word: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message was taken for."""

    kind: str
    """As in Label."""
    told: Mapping[str, Told] = field(default_factory=dict)
    """Of bounces and warnings, by address in lower case."""

    def of(self, wanted: Wanted) -> Told | None:
        """What is said of this recipient, if anything."""
        fits = (told for address, told in self.told.items() if address in wanted.names or not wanted.names)
        return next(fits, None)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def percent(self) -> float | None:
        return round(100 * self.count / self.of, 1) if self.of else None


def score(pairs: Sequence[tuple[Label, Reading]]) -> dict[str, Share]:
    """Each measure over these messages."""
    shares = {}
    for name, measure in MEASURES.items():
        answers = [answer for label, reading in pairs for answer in measure(label, reading)]
        shares[name] = Share(sum(answers), len(answers))
    return shares


def _found(label: Label, reading: Reading) -> Iterable[bool]:
    return (reading.of(wanted) is not None for wanted in label.wanted if wanted.names)


def _precise(label: Label, reading: Reading) -> Iterable[bool]:
    told = reading.told.items() if label.complete else ()
    return (
        any(address in wanted.names and not (said.failed and wanted.late) for wanted in label.wanted)
        for address, said in told
    )


def _kind(label: Label, reading: Reading) -> Iterable[bool]:
    return (reading.kind == label.kind,)


def _dead(label: Label, reading: Reading) -> Iterable[bool]:
    return (_is_hard(reading.of(wanted)) for wanted in label.wanted if wanted.hard is True)


def _false_hard(label: Label, reading: Reading) -> Iterable[bool]:
    return (_is_hard(reading.of(wanted)) for wanted in label.wanted if wanted.hard is False)


def _is_hard(told: Told | None) -> bool:
    return told is not None and told.hard


def _exact(label: Label, reading: Reading) -> Iterable[bool]:
    return (_word(reading.of(wanted)) == wanted.word for wanted in label.wanted if wanted.word)


def _family(label: Label, reading: Reading) -> Iterable[bool]:
    words = ((_word(reading.of(wanted)), wanted.word) for wanted in label.wanted if wanted.word)
    return (FAMILY.get(said, said) == FAMILY.get(word, word) for said, word in words)


def _word(told: Told | None) -> str:
    return told.word if told else ""


def _flagged(label: Label, reading: Reading) -> Iterable[bool]:
    return () if label.failed else (any(said.failed for said in reading.told.values()),)


MEASURES: Final[Mapping[str, Callable[[Label, Reading], Iterable[bool]]]] = {
    "recipients_found": _found,
    "precision": _precise,
    "kind": _kind,
    "dead_caught": _dead,
    "false_hard": _false_hard,
    "reason_exact": _exact,
    "reason_family": _family,
    "false_bounces": _flagged,
}
"""Each measure: a label and a reading → whether, for each thing that it counts.

false_hard: of the addresses that live, those called dead. false_bounces: of the messages that are no bounce or only
warn, those that yield a bounced address all the same.
"""
