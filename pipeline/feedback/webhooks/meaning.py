"""What an event says, as the same `Understood` that returned mail gives. Pure.

The words of the recipient's server go through the one classifier. What the provider thinks of them may make that
softer and never harder: it has seen the server's answer and not our history, and its "hard" often only says that it
will not try again. Where no words are given, its own term for it counts, as far as its documentation says what that
means. Its block list says nothing about the address: nothing was tried, and why the address is on it is long ago.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from pipeline.feedback.dsn import Action
from pipeline.feedback.understand import Kind, Recipient, Understood
from pipeline.feedback.webhooks.paths import values
from pipeline.feedback.webhooks.reading import Event
from pipeline.providers import PROVIDERS
from pipeline.replies import Meaning, Reason, classify
from pipeline.replies.reasons import WORDS
from pipeline.replies.reasons import meaning as meaning_of

SOFT: Final = "soft"
LISTED: Final = "listed"
BOUNCE: Final = "bounce"
DELAY: Final = "delay"
REPLY: Final = "reply"
NOTHING: Final = "nothing"
_VERDICTS: Final = frozenset({SOFT, LISTED, BOUNCE, DELAY, REPLY, NOTHING})

_KINDS: Final[Mapping[str, Kind]] = {
    "bounced": Kind.BOUNCE,
    "failed": Kind.BOUNCE,
    "rejected": Kind.BOUNCE,
    "deferred": Kind.DELAY,
    "complained": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "autoresponded": Kind.AUTO_REPLY,
    "delivered": Kind.OTHER,
}
"""By `anymail.signals.EventType`. The others (queued, sent, opened, clicked, subscribed …) are passed over: programs
open mails and follow links too, and nothing is done for them."""


class _Row(NamedTuple):
    path: str
    values: frozenset[str]
    verdict: str


def understand_event(event: Event) -> Understood | None:
    """Say what it is about; None: nothing that Pressrun does anything for."""
    verdicts = list(_verdicts(event))
    kind = _kind(event, verdicts)
    if kind is None:
        return None
    rule = f"{PROVIDERS[event.provider].title}: {event.type}"
    told: tuple[Recipient, ...] = ()
    if kind in {Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT}:
        action = Action.DELAYED if kind is Kind.DELAY else Action.FAILED
        said = _said(event)
        told = (Recipient(event.recipient, event.status, action, said, _meaning(event, kind, verdicts)),)
    return Understood(kind, told, returned_id=event.signed_id, rule=rule)


def is_arrival(understood: Understood) -> bool:
    """Whether it only says that the mail has arrived."""
    return understood.kind is Kind.OTHER


def _kind(event: Event, verdicts: list[str]) -> Kind | None:
    if NOTHING in verdicts:
        return None
    if REPLY in verdicts:
        return Kind.AUTO_REPLY
    if DELAY in verdicts:
        return Kind.DELAY
    kind = _KINDS.get(event.type)
    if kind is Kind.COMPLAINT and (LISTED in verdicts or "filtered" in verdicts):
        return Kind.BOUNCE
    if kind is None and LISTED in verdicts:
        return Kind.BOUNCE
    return kind


def _meaning(event: Event, kind: Kind, verdicts: list[str]) -> Meaning:
    if kind is Kind.COMPLAINT:
        return classify("")
    if LISTED in verdicts or (event.type == "rejected" and BOUNCE not in verdicts):
        return meaning_of("onhold", "the relay's own block list")
    meaning = classify(event.words, enhanced=event.status)
    if meaning.reason is Reason.UNKNOWN:
        word = next((verdict for verdict in verdicts if verdict in WORDS), "")
        if word:
            meaning = meaning_of(word, f"the relay's word for it, {word}")
            meaning = replace(meaning, hard=meaning.hard and not event.words)
        elif kind is Kind.DELAY:
            meaning = meaning_of("expired", meaning.rule, temporary=True)
    return replace(meaning, hard=meaning.hard and kind is Kind.BOUNCE and SOFT not in verdicts)


def _said(event: Event) -> str:
    """What is shown of it: the server's words, else the provider's."""
    return event.words or event.description


def _verdicts(event: Event) -> Iterator[str]:
    for row in _table().get(event.provider, ()):
        if any(value.lower() in row.values for value in values(event.raw, row.path)):
            yield row.verdict


@cache
def _table() -> dict[str, list[_Row]]:
    return read_table(files("pipeline.feedback.webhooks").joinpath("words.tsv").read_text(encoding="utf-8"))


def read_table(text: str) -> dict[str, list[_Row]]:
    """Parse the rows by provider. Raises ValueError naming the line."""
    found: dict[str, list[_Row]] = {name: [] for name in PROVIDERS}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != 4 or columns[0] not in found or not (columns[3] in _VERDICTS or columns[3] in WORDS):
            raise ValueError(f"words.tsv line {number}: expected provider, path, values and meaning: {line!r}")
        provider, path, said, verdict = columns
        found[provider].append(_Row(path, frozenset(said.split("|")), verdict))
    return found
