"""A mailbox over POP3 (RFC 1939; STLS is RFC 2595, XOAUTH2 as Google and Microsoft document it).

POP lists everything each time, and deletes only when the session ends in order: until then nothing is settled.
"""

import poplib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from pipeline.feedback.mailbox.opening import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    Listed,
    MailboxError,
    SignInError,
    address_of,
    context,
    has_gone,
    limited,
    told,
    words,
)
from pipeline.feedback.session import SIZE_AT_MOST
from pipeline.models import Mailbox
from pipeline.queries import known_mailbox_keys

LINE_AT_MOST: Final = SIZE_AT_MOST + 2  # octets; bounces quote what they like, and poplib would turn away 2,049
poplib._MAXLINE = LINE_AT_MOST  # type: ignore[attr-defined]  # noqa: SLF001 (there is no other way to say it)


@contextmanager
def open_pop(mailbox: Mailbox, token: str) -> Iterator["PopBox"]:
    """Connect, encrypt, sign in, list; and break off unless it was closed in order. Raises MailboxError."""
    host, port = address_of(mailbox)
    with told(mailbox):
        if mailbox.security == Mailbox.Security.TLS:
            client: poplib.POP3 = poplib.POP3_SSL(host, port, timeout=CONNECT_SECONDS, context=context())
        else:
            client = poplib.POP3(host, port, timeout=CONNECT_SECONDS)
    client.sock.settimeout(ANSWER_SECONDS)
    try:
        with limited(client.sock, mailbox.place), told(mailbox):
            if mailbox.security == Mailbox.Security.STARTTLS:
                _encrypt(client, mailbox)
            _sign_in(client, mailbox, token)
            yield PopBox(client, mailbox)
    finally:
        with suppress(OSError):
            client.close()


def _encrypt(client: poplib.POP3, mailbox: Mailbox) -> None:
    if "STLS" not in client.capa():
        why = f"{mailbox.place} does not offer STLS, so nothing was said to it. Use TLS from the start, if it has that."
        raise MailboxError(why, needs_person=True)
    client.stls(context())


def _sign_in(client: poplib.POP3, mailbox: Mailbox, token: str) -> None:
    try:
        if token:
            _show_token(client, mailbox.user, token)
        else:
            client.user(mailbox.user)
            client.pass_(mailbox.password.reveal())
    except poplib.error_proto as error:
        why = f"{mailbox.place} does not let {mailbox.user} in: {words(error)}. Check user and password, or the token."
        raise SignInError(why, needs_person="[IN-USE]" not in words(error)) from error  # RFC 2449 section 8.1.1


def _show_token(client: Any, user: str, token: str) -> None:
    """In two steps: a token is longer than a command may be (RFC 5034 section 4)."""
    client._shortcmd("AUTH XOAUTH2")  # noqa: SLF001 (poplib has no word for it)
    shown = b64encode(f"user={user}\1auth=Bearer {token}\1\1".encode()).decode()
    if not client._shortcmd(shown).startswith(b"+OK"):  # noqa: SLF001
        client._shortcmd("")  # noqa: SLF001  (it tells why in base64, and refuses after an empty answer)


class PopBox:
    """A maildrop, locked for us until we leave."""

    def __init__(self, client: poplib.POP3, mailbox: Mailbox) -> None:
        self._client, self._mailbox, self._deleted = client, mailbox, list[str]()
        sizes = {number: int(size) for number, size in map(bytes.split, client.list()[1])}
        numbered = [line.split(maxsplit=1) for line in client.uidl()[1]]
        self._there = {key.decode("ascii", "replace"): number for number, key in numbered}
        self._sizes = {key: sizes.get(number, 0) for key, number in self._there.items()}
        known = known_mailbox_keys(mailbox)
        self._new = [key for key in self._there if key not in known]

    def count(self) -> int:
        """How many messages look new."""
        return len(self._new)

    def fresh(self, most: int) -> list[Listed]:
        """The next messages that have not been dealt with."""
        now, self._new = self._new[:most], self._new[most:]
        return self.again(now)

    def again(self, keys: list[str]) -> list[Listed]:
        """Those of these that are still there."""
        return [Listed(key, self._sizes[key]) for key in keys if key in self._there]

    def fetch(self, listed: list[Listed]) -> Iterator[tuple[Listed, bytes | None]]:
        """Each whole message; None for one that the server does not hand over."""
        for each in listed:
            try:
                lines = self._client.retr(int(self._there[each.key]))[1]
            except poplib.error_proto as error:
                if has_gone(error):
                    raise
                yield each, None
            else:
                yield each, b"\r\n".join(lines) + b"\r\n"

    def settle(self, keys: list[str]) -> list[str]:
        """What is left as it is, is done; what is to be deleted, when the session ends in order."""
        if self._mailbox.afterwards != Mailbox.Afterwards.DELETE:
            return keys
        there = [key for key in keys if key in self._there]
        for key in there:
            self._client.dele(int(self._there[key]))
        self._deleted += there
        return [key for key in keys if key not in self._there]

    def close(self) -> list[str]:
        """Now it is deleted."""
        self._client.quit()
        return self._deleted
