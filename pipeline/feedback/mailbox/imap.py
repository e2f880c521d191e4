"""A mailbox over IMAP (RFC 3501; MOVE is RFC 6851, UIDPLUS RFC 4315). IMAPClient speaks the protocol."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from imaplib import IMAP4
from itertools import chain
from socket import socket
from typing import Any, Final

from imapclient import SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from pipeline.feedback.mailbox.opening import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    Listed,
    MailboxError,
    NotSettledError,
    SignInError,
    connected,
    context,
    words,
)
from pipeline.feedback.session import SIZE_AT_MOST
from pipeline.models import Mailbox

FETCHED_AT_ONCE: Final = SIZE_AT_MOST
"""Octets of messages in memory; a single one may have as many."""
_COUNTS_AS: Final = 100_000
"""Octets, at the least: a server may tell less than it sends."""
_BODY: Final = f"BODY.PEEK[]<0.{SIZE_AT_MOST + 1}>"
"""PEEK leaves it unread. The bound holds even where a server tells a wrong size."""


class _Protocol(IMAP4):
    """Over a connection that is there, and is watched already; takes nothing bigger than what we ask for."""

    def __init__(self, sock: socket, host: str) -> None:
        self._given = sock
        super().__init__(host)

    def _create_socket(self, timeout: float | None = None) -> socket:  # noqa: ARG002 (the socket has one)
        return self._given

    def read(self, size: int) -> bytes:
        """A literal. Raises IMAP4.abort."""
        if size > SIZE_AT_MOST + 1:
            raise self.abort(f"it sends {size:,} octets at once, which nobody asked for")
        return super().read(size)


class _Client(IMAPClient):  # type: ignore[misc]
    def __init__(self, sock: socket, mailbox: Mailbox) -> None:
        self._given = sock
        tls, timeout = mailbox.security == Mailbox.Security.TLS, SocketTimeout(CONNECT_SECONDS, ANSWER_SECONDS)
        super().__init__(mailbox.host, ssl=tls, timeout=timeout)

    def _create_IMAP4(self) -> _Protocol:  # noqa: N802 (its name there)
        return _Protocol(self._given, self.host)


@contextmanager
def open_imap(mailbox: Mailbox, token: str) -> Iterator["ImapBox"]:
    """Connect, encrypt, sign in, open the folder; and leave in the end. Raises MailboxError."""
    with connected(mailbox) as sock, _Client(sock, mailbox) as client:
        if mailbox.security == Mailbox.Security.STARTTLS:
            client.starttls(context())
        _sign_in(client, mailbox, token)
        yield ImapBox(client, mailbox)


def _sign_in(client: IMAPClient, mailbox: Mailbox, token: str) -> None:
    try:
        if token and client.has_capability("AUTH=OAUTHBEARER"):
            client.oauthbearer_login(mailbox.user, token)
        elif token:
            client.oauth2_login(mailbox.user, token)
        elif client.has_capability("AUTH=PLAIN"):  # LOGIN cannot carry every character
            client.plain_login(mailbox.user, mailbox.password.reveal())
        else:
            client.login(mailbox.user, mailbox.password.reveal())
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        why = f"{mailbox.place} does not let {mailbox.user} in: {words(error)}. Check user and password, or the token."
        raise SignInError(why, needs_person=True) from error


class ImapBox:
    """An open folder."""

    def __init__(self, client: IMAPClient, mailbox: Mailbox) -> None:
        self._client, self._mailbox, self._moved = client, mailbox, False
        self._validity, self._exists = 0, 0
        self._next: int | None = None
        self._select()
        validity, _, uid = mailbox.read_up_to.partition("/")
        self._after = int(uid) if validity == str(self._validity) else 0
        """The highest UID that was listed. New messages get higher ones (RFC 3501 section 2.3.1.1)."""

    def count(self) -> int:
        """How many messages look new."""
        return self._exists - self._first_new() + 1

    def fresh(self, most: int) -> list[Listed]:
        """The next messages by UID. Only these are asked for, however many there are before and behind them."""
        self._select()
        first = self._first_new()
        numbers = range(first, min(first + most, self._exists + 1))
        found = self._ask(list(numbers), ["UID", "RFC822.SIZE"], by_uid=False)
        listed = [Listed(self._key(one[b"UID"]), one[b"RFC822.SIZE"]) for one in found.values()]
        self._after = max(map(_uid, (each.key for each in listed)), default=self._after)
        return sorted(listed, key=lambda each: _uid(each.key))

    def again(self, keys: list[str]) -> list[Listed]:
        """Those of these that are still there."""
        found = self._ask([_uid(key) for key in keys if self._is_of_now(key)], ["RFC822.SIZE"])
        return [Listed(self._key(uid), one[b"RFC822.SIZE"]) for uid, one in found.items()]

    def fetch(self, listed: list[Listed]) -> Iterator[tuple[Listed, bytes | None]]:
        """Each whole message, unmarked; None for one that the server does not hand over."""
        for group in _by_size(listed):
            found = self._bodies([_uid(each.key) for each in group])
            yield from ((each, found.get(_uid(each.key))) for each in group)

    def settle(self, keys: list[str]) -> list[str]:
        """Mark, move or delete. What is not there any more is done, as is what an older UIDVALIDITY numbered."""
        uids = [_uid(key) for key in keys if self._is_of_now(key)]
        try:
            if uids:
                self._settle(uids)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            why = f"{self._mailbox.place} does not let us change the folder {self._mailbox.folder}: {words(error)}."
            raise NotSettledError(f"{why} What is in it is read nevertheless.", needs_person=True) from error
        return keys

    def close(self) -> list[str]:
        """Everything is done already."""
        return []

    def _settle(self, uids: list[int]) -> None:
        match self._mailbox.afterwards:
            case Mailbox.Afterwards.LEAVE:
                self._client.add_flags(uids, [SEEN], silent=True)
            case Mailbox.Afterwards.DELETE:
                self._delete(uids)
            case Mailbox.Afterwards.MOVE:
                self._move(uids, self._mailbox.move_to)

    def _move(self, uids: list[int], folder: str) -> None:
        if not self._moved and not self._client.folder_exists(folder):
            self._client.create_folder(folder)
        self._moved = True
        if self._client.has_capability("MOVE"):
            self._client.move(uids, folder)
        else:
            self._client.copy(uids, folder)
            self._delete(uids)

    def _delete(self, uids: list[int]) -> None:
        self._client.delete_messages(uids, silent=True)
        if self._client.has_capability("UIDPLUS"):  # a plain EXPUNGE would take along what others have marked
            self._client.uid_expunge(uids)

    def _select(self) -> None:
        """Open the folder as it is now. Raises MailboxError where messages have no lasting numbers."""
        try:
            found = self._client.select_folder(self._mailbox.folder)
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            why = f"{self._mailbox.place} does not open the folder {self._mailbox.folder!r}: {words(error)}."
            raise MailboxError(why, needs_person=True) from error
        validity = found.get(b"UIDVALIDITY", 0)
        if self._validity not in (0, validity):
            raise MailboxError(f"{self._mailbox.place} numbered its messages anew while they were read.")
        if not validity or b"UIDNOTSTICKY" in found:
            why = f"{self._mailbox.place} gives messages no lasting numbers, so none could be taken in just once."
            raise MailboxError(why, needs_person=True)
        self._validity, self._exists, self._next = validity, found[b"EXISTS"], found.get(b"UIDNEXT")

    def _first_new(self) -> int:
        """The sequence number of the first message above the highest UID that was listed."""
        if self._next is not None and self._next <= self._after + 1:
            return self._exists + 1
        numbers: Sequence[int] = range(1, self._exists + 1)
        return bisect_right(numbers, self._after, key=self._uid_at) + 1

    def _uid_at(self, number: int) -> int:
        found = self._ask([number], ["UID"], by_uid=False)
        if number not in found:
            raise MailboxError(f"The folder on {self._mailbox.place} changed while it was read.")
        return int(found[number][b"UID"])

    def _ask(self, numbers: list[int], what: list[str], *, by_uid: bool = True) -> dict[int, dict[bytes, Any]]:
        self._client.use_uid = by_uid
        try:
            return dict(self._client.fetch(numbers, what))
        finally:
            self._client.use_uid = True

    def _bodies(self, uids: list[int]) -> dict[int, bytes]:
        """Where the server refuses several at once, one by one: a single broken one holds up no other."""
        try:
            found = self._ask(uids, [_BODY])
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            if len(uids) == 1:
                return {}
            return dict(chain.from_iterable(self._bodies([uid]).items() for uid in uids))
        bodies = {uid: one.get(b"BODY[]<0>") for uid, one in found.items()}
        return {uid: body for uid, body in bodies.items() if isinstance(body, bytes)}

    def _key(self, uid: int) -> str:
        return f"{self._validity}/{uid}"

    def _is_of_now(self, key: str) -> bool:
        return key.startswith(f"{self._validity}/")


def _uid(key: str) -> int:
    return int(key.partition("/")[2])


def _by_size(listed: list[Listed]) -> Iterator[list[Listed]]:
    """Groups that fit into memory together."""
    group, octets = list[Listed](), 0
    for each in listed:
        counts_as = max(each.size, _COUNTS_AS)
        if group and octets + counts_as > FETCHED_AT_ONCE:
            yield group
            group, octets = [], 0
        group.append(each)
        octets += counts_as
    if group:
        yield group
