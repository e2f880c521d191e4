"""Sends that follow another: whom of it they may be for, in words, and which of that is asked for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pipeline import sending
from pipeline.models import DeliveryState, Issue, Send
from pipeline.queries import ACCEPTED, FAILED, FOLLOWINGS, HELD, NO_EDITION, SUPPRESSED
from pipeline.staff.books import Books

RECENT: Final = 10
"""Issues that are offered for a correction."""


@dataclass(frozen=True, slots=True)
class Following:
    """One thing that may follow a send."""

    which: str
    words: str
    act: str | Promise


@dataclass(frozen=True, slots=True)
class _Choice:
    count: Callable[[Send, Books], int]
    words: Promise
    act: Promise


def _in(*states: DeliveryState) -> Callable[[Send, Books], int]:
    return lambda _send, books: sum(chapter.n for chapter in books.chapters if chapter.state in states)


def _left_out(reason: str) -> Callable[[Send, Books], int]:
    """Whom the editions of today would reach among those left out for a reason; asked only where there are some."""

    def count(send: Send, books: Books) -> int:
        if not any(line.reason == reason for chapter in books.chapters for line in chapter.lines):
            return 0
        reach = sending.reach_of_following(send, reason)
        return reach.reached if reach else 0

    return count


_CHOICES: Final[Mapping[str, _Choice]] = {
    NO_EDITION: _Choice(
        _left_out(NO_EDITION),
        _("%(n)s people were left out for lack of an edition in their language, and now there is one for them."),
        _("Send it to those left out …"),
    ),
    SUPPRESSED: _Choice(
        _left_out(SUPPRESSED),
        _("%(n)s people were left out because nothing went to their addresses, and now they may get mail again."),
        _("Send it to those as well …"),
    ),
    FAILED: _Choice(
        lambda send, books: (
            _in(DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.CANCELLED)(send, books) + books.bounced
        ),
        _("%(n)s people did not get it: refused, given up, cancelled or returned."),
        _("Try those again …"),
    ),
    HELD: _Choice(
        _in(DeliveryState.HELD),
        _("Of %(n)s people nobody knows whether they have it. Some would get it twice."),
        _("Send it to those once more …"),
    ),
    ACCEPTED: _Choice(
        lambda send, books: _in(DeliveryState.ACCEPTED)(send, books) - books.bounced,
        _("%(n)s people have it."),
        _("Send those a correction …"),
    ),
}


def followings(send: Send, books: Books) -> Iterator[Following]:
    """What may follow a send that has started, with the numbers of its books; who is reached is counted on the way."""
    if send.started_at is None:
        return
    for which, choice in _CHOICES.items():
        if (number := choice.count(send, books)) > 0:
            yield Following(which, str(choice.words) % {"n": intcomma(number)}, choice.act)


def asked(request: HttpRequest) -> str:
    """Which of the parent's people the address names; 404 for what is none."""
    which = request.GET.get("to", NO_EDITION)
    if which not in FOLLOWINGS:
        raise Http404
    return which


def issue_for(request: HttpRequest, parent: Send) -> Issue:
    """The issue to follow with: what the parent sent; for a correction any of the newsletter that the address names."""
    number = request.GET.get("issue", "")
    if asked(request) == ACCEPTED and number.isascii() and number.isdecimal() and len(number) < 19:
        issues = Issue.objects.filter(newsletter_id=parent.newsletter_id).select_related("newsletter")
        return get_object_or_404(issues, pk=int(number))
    return get_object_or_404(sending.editions_of(parent)[:1])


def others(request: HttpRequest, parent: Send) -> list[Issue]:
    """Issues that a correction may be, beside the one that was sent."""
    if asked(request) != ACCEPTED:
        return []
    sent = sending.editions_of(parent).values("pk")
    return list(Issue.objects.filter(newsletter_id=parent.newsletter_id).exclude(pk__in=sent).order_by("-pk")[:RECENT])
