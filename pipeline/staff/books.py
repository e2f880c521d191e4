"""A send's books in words for people: what the pages of sends show. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from pipeline import replies
from pipeline.models import OPEN_STATES, DeliveryState, Reason, Send, SendState
from pipeline.queries import Complaints, Count, Pace, complaints_in, counts, feedback_counts, next_work, pace_of
from pipeline.queries.work import A_DECISION

REPLIES: Final[Mapping[str, str | Promise]] = {
    replies.Reason.NO_SUCH_MAILBOX: _("there is no such mailbox"),
    replies.Reason.NO_SUCH_DOMAIN: _("there is no such domain"),
    replies.Reason.MAILBOX_DISABLED: _("the mailbox is disabled"),
    replies.Reason.MAILBOX_FULL: _("the mailbox is full"),
    replies.Reason.RECIPIENT_FILTER: _("the recipient's filter refused it"),
    replies.Reason.TEMPORARY: _("a passing fault on the way"),
    replies.Reason.RATE_LIMITED: _("too much mail at once"),
    replies.Reason.REPUTATION: _("our sending address has a bad name"),
    replies.Reason.AUTHENTICATION: _("our mail could not be proved genuine"),
    replies.Reason.POLICY: _("taken for spam or against the rules there"),
    replies.Reason.SENDER_REFUSED: _("our sender was refused"),
    replies.Reason.TOO_BIG: _("the message is too big"),
    replies.Reason.SYNTAX: _("the address or the message was not understood"),
    replies.Reason.UNKNOWN: _("no known reason"),
}
_FACTS: Final = {
    "delayed": _("warned that it takes longer"),
    "complained": _("complained, where their provider tells us"),
    "clicked": _("followed a link"),
    "unsubscribed": _("left through this mail"),
    "retried": _("tried once more, for it may have arrived"),
}
WAITS: Final[Mapping[str, Promise]] = {
    A_DECISION: _("a decision about the many dead addresses"),
    "the next try": _("the next try"),
    "evidence of what may have arrived": _("evidence of what may have arrived"),
    "the relay's limit for this hour is used up": _("the relay's limit for this hour is used up"),
    "the relay's limit for this day is used up": _("the relay's limit for this day is used up"),
}
TOLD_APART: Final = ("the hours in which", "what becomes of the first wave")
"""What the page tells more about at another place."""
_ORDER: Final = {state.value: position for position, state in enumerate(DeliveryState)}
GOING: Final = (SendState.SCHEDULED, SendState.STARTING, SendState.SENDING, SendState.PAUSED, SendState.HELD)
"""States in which the page looks again by itself."""


@dataclass(frozen=True, slots=True)
class Line:
    reason: str
    label: str | Promise
    n: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """All deliveries in one state, by reason."""

    state: str
    label: str | Promise
    n: int
    lines: tuple[Line, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a send that does nothing waits for."""

    words: str | Promise
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Books:
    chapters: tuple[Chapter, ...]
    total: int
    settled: int
    audience: int
    returns: tuple[Line, ...]
    """What came back, beside the states: a bounce leaves a delivery handed over."""
    bounced: int
    complaints: Complaints
    pace: Pace
    waiting: Waiting | None

    @property
    def add_up(self) -> bool:
        return self.total == self.audience


def books_of(send: Send) -> Books:
    """The books at one moment: one statement counts everything."""
    counted, came_back = counts(send.pk), feedback_counts(send.pk)
    chapters, (words, until) = tuple(_chapters(counted)), next_work(send.pk)
    return Books(
        chapters=chapters,
        total=sum(chapter.n for chapter in chapters),
        settled=sum(chapter.n for chapter in chapters if not chapter.open),
        audience=send.audience,
        returns=tuple(_returns(came_back)),
        bounced=sum(came_back["bounced"].values()),
        complaints=complaints_in(came_back),
        pace=pace_of(send, counted, timezone.now(), until=until),
        waiting=_waiting(send, words, until),
    )


def _waiting(send: Send, words: str, until: datetime | None) -> Waiting | None:
    """In the words of `queries.next_work`; what people or Pressrun stopped says why by itself."""
    if send.state != SendState.SENDING or not words or words.startswith(TOLD_APART):
        return None
    return Waiting(_waiting_words(words), until)


def _waiting_words(words: str) -> str | Promise:
    head, relay, reason = words.partition("the relay: ")
    if words.startswith(A_DECISION):
        return format_lazy("{}{}", WAITS[A_DECISION], words.removeprefix(A_DECISION))
    return format_lazy("{}: {}", _("the relay"), reason) if relay and not head else WAITS.get(words, words)


def _returns(found: Mapping[str, Any]) -> Iterator[Line]:
    for reason, number in found["bounced"].items():
        yield Line(reason, format_lazy("{}: {}", _("bounced"), reason_label(reason)), number)
    for fact, label in _FACTS.items():
        if found[fact]:
            yield Line(fact, label, found[fact])


def reason_label(reason: str) -> str | Promise:
    """The reason in plain words; one that has none is shown as it is."""
    if reason in Reason.values:
        return Reason(reason).label
    return REPLIES.get(reason, reason)


def _chapters(counted: Sequence[Count]) -> list[Chapter]:
    ordered = sorted(counted, key=lambda count: _ORDER[count.state])
    return [_chapter(state, list(lines)) for state, lines in groupby(ordered, key=lambda count: count.state)]


def _chapter(state: str, counted: Sequence[Count]) -> Chapter:
    lines = tuple(Line(each.reason, reason_label(each.reason), each.n) for each in counted)
    return Chapter(state, DeliveryState(state).label, sum(line.n for line in lines), lines, state in OPEN_STATES)
