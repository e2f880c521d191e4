"""One look into a mailbox: what is new is taken in, then marked, moved or deleted, in this order.

A message is known by its key on the server, and that is written in the transaction that takes it in. So whatever
breaks, and whenever, it is taken in once: before the commit the message is new to the next look, after it the next
look only marks it. Should the server number everything anew, a message is known by its Message-ID and content.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Final
from zlib import crc32

from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from pipeline import errands, transitions
from pipeline.feedback.mailbox.imap import open_imap
from pipeline.feedback.mailbox.keeping import Kept, keep
from pipeline.feedback.mailbox.oauth import access_token
from pipeline.feedback.mailbox.opening import Box, Listed, MailboxError, NotSettledError, SignInError
from pipeline.feedback.mailbox.pop import open_pop
from pipeline.feedback.session import SIZE_AT_MOST
from pipeline.models import Mailbox
from pipeline.queries import mailbox_messages_to_retry, unsettled_mailbox_messages
from pipeline.queries.sql import alone

logger = logging.getLogger(__name__)
AT_ONCE: Final = 100
"""Messages listed, taken in and marked together."""
LOOK_SECONDS: Final = 60.0
"""After which a look ends; what is left is for the next one."""
LOCK_SPACE: Final = 0x504D  # the first half of the two-part advisory lock; the second is the mailbox's id
ROUND_SPACE: Final = 0x5052_4D42
Progress = Callable[[int, int], None]
"""Told how many messages were dealt with, and how many looked new in the beginning."""


@dataclass(slots=True)
class Looked:
    """What a look came to."""

    counts: Counter[Kept] = field(default_factory=Counter)
    more: bool = False
    """The time was over before the mailbox was."""


def is_any_due() -> bool:
    """Whether a mailbox is to be looked into now."""
    return Mailbox.objects.filter(enabled=True, next_at__lte=Now()).exists()


def look_round(worker: str, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Look into the mailboxes that are due, one after the other: slow ones hold one process of the worker, not all.

    How each look went is written down with its mailbox.
    """
    look_into = partial(_look_or_log, stopping=stopping)
    errands.do_due(round_of(worker), transitions.take_due_mailbox, look_into, stopping=stopping)


def round_of(worker: str) -> tuple[int, int]:
    """The advisory lock of a worker's round."""
    return ROUND_SPACE, crc32(worker.encode()) & 0x7FFF_FFFF


def _look_or_log(mailbox_id: int, *, stopping: Callable[[], bool]) -> None:
    try:
        look(mailbox_id, stopping=stopping)
    except MailboxError as error:
        logger.warning("mailbox %s: %s", mailbox_id, error)


def look(
    mailbox_id: int,
    *,
    stopping: Callable[[], bool] = lambda: False,
    progress: Progress = lambda _done, _of: None,
) -> Looked | None:
    """Take in what is new, for a minute at most. None while somebody else looks into it, or it is switched off.

    How it went is written down with the mailbox. Raises MailboxError in words; what was kept before stays kept.
    """
    with alone(LOCK_SPACE, mailbox_id) as ours:
        mailbox = Mailbox.objects.filter(pk=mailbox_id, enabled=True).first() if ours else None
        if mailbox is None:
            return None
        try:
            looked = _Look(mailbox, stopping, progress).run()
        except MailboxError as error:
            transitions.mailbox_failed(mailbox.pk, why=str(error), needs_person=error.needs_person)
            raise
        except (OperationalError, InterfaceError):
            raise  # where nothing could be written down
        except Exception as error:
            why = f"Reading it failed in a way that Pressrun does not know ({type(error).__name__}). The log has more."
            transitions.mailbox_failed(mailbox.pk, why=why, needs_person=False)
            raise
        transitions.mailbox_worked(mailbox.pk, more=looked.more)
        return looked


def try_out(mailbox: Mailbox) -> int:
    """Sign in, open the folder and leave; how many messages look new. Changes nothing. Raises MailboxError."""
    with _opened(mailbox) as box:
        return box.count()


class _Look:
    def __init__(self, mailbox: Mailbox, stopping: Callable[[], bool], progress: Progress) -> None:
        self._mailbox, self._stopping, self._progress = mailbox, stopping, progress
        self._looked, self._of, self._until = Looked(), 0, monotonic() + LOOK_SECONDS
        self._trouble: NotSettledError | None = None

    def run(self) -> Looked:
        with _opened(self._mailbox) as box:
            self._of = box.count()
            self._settle(box, unsettled_mailbox_messages(self._mailbox))
            self._try_again(box, mailbox_messages_to_retry(self._mailbox))
            while not self._looked.more and (listed := box.fresh(AT_ONCE)):
                self._take(box, listed, are_new=True)
            transitions.mailbox_messages_settled(self._mailbox, box.close())
        if self._trouble:
            raise self._trouble
        return self._looked

    def _try_again(self, box: Box, keys: list[str]) -> None:
        found = box.again(keys) if keys else []
        transitions.forget_left_messages(self._mailbox, set(keys) - {each.key for each in found})
        self._take(box, found)

    def _take(self, box: Box, listed: list[Listed], *, are_new: bool = False) -> None:
        """Keep these, then mark them."""
        became = dict[str, Kept]()
        for one, raw in _fetched(box, listed):
            if self._stopping() or monotonic() > self._until:
                self._looked.more = True
                break
            became[one.key] = keep(self._mailbox, one, raw)
            self._looked.counts[became[one.key]] += 1
            self._progress(self._looked.counts.total(), self._of)
        if are_new and became:
            transitions.mailbox_read_up_to(self._mailbox, list(became)[-1])
        self._settle(box, [key for key, kept in became.items() if kept is not Kept.LEFT])

    def _settle(self, box: Box, keys: list[str]) -> None:
        """Mark, move or delete. Where the server refuses, reading goes on; it is told in the end."""
        if not keys or self._trouble:
            return
        try:
            transitions.mailbox_messages_settled(self._mailbox, box.settle(keys))
        except NotSettledError as error:
            self._trouble = error


def _fetched(box: Box, listed: list[Listed]) -> Iterator[tuple[Listed, bytes | None]]:
    """Each with its bytes, in order; without those where it is too big or not handed over."""
    bodies = box.fetch([each for each in listed if each.size <= SIZE_AT_MOST])
    for each in listed:
        yield (each, None) if each.size > SIZE_AT_MOST else next(bodies)


@contextmanager
def _opened(mailbox: Mailbox) -> Iterator[Box]:
    """The mailbox, open. A kept access token that is not taken any more is replaced, once."""
    with ExitStack() as stack:
        opening = _OPENINGS[mailbox.protocol]
        if mailbox.auth == Mailbox.Auth.PASSWORD:
            box = stack.enter_context(opening(mailbox, ""))
        else:
            kept = mailbox.access_token
            token = access_token(mailbox)
            try:
                box = stack.enter_context(opening(mailbox, token.reveal()))
            except SignInError:
                if token != kept:
                    raise
                box = stack.enter_context(opening(mailbox, access_token(mailbox, fresh=True).reveal()))
        yield box


_OPENINGS: Final[Mapping[str, Callable[[Mailbox, str], AbstractContextManager[Box]]]] = {
    Mailbox.Protocol.IMAP: open_imap,
    Mailbox.Protocol.POP: open_pop,
}
