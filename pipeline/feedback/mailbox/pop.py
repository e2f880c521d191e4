"""A mailbox over POP3 (RFC 1939; STLS is RFC 2595, XOAUTH2 as Google and Microsoft document it).

POP lists everything each time, and deletes only when the session ends in order: until then nothing is settled.
"""

import poplib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from socket import socket
from typing import Any, Final

from pipeline.feedback.mailbox.opening import (
    ANSWER_SECONDS,
    Listed,
    MailboxError,
    SignInError,
    connected,
    context,
    has_gone,
    words,
)
from pipeline.feedback.session import SIZE_AT_MOST
from pipeline.models import Mailbox
from pipeline.queries import known_mailbox_keys

KEY_AT_MOST: Final = 200  # characters of the column; a UIDL has 70
LINE_AT_MOST: Final = SIZE_AT_MOST + 2  # octets; bounces quote what they like, and poplib would turn away 2,049
poplib._MAXLINE = LINE_AT_MOST  # type: ignore[attr-defined]  # noqa: SLF001 (there is no other way to say it)


class _Protocol(poplib.POP3):
    """Over a connection that is there, and is watched already."""

    def __init__(self, sock: socket, host: str) -> None:
        self._given = sock
        try:
            super().__init__(host)
        except Exception:
            self.close()
            raise

    def _create_socket(self, _timeout: Any) -> socket:
        return self._given

    def close(self) -> None:
        """Break off."""
        with suppress(OSError):
            super().close()


@contextmanager
def open_pop(mailbox: Mailbox, token: str) -> Iterator["PopBox"]:
    """Connect, encrypt, sign in, list; and break off unless it was closed in order. Raises MailboxError."""
    with connected(mailbox) as sock, closing(_Protocol(sock, mailbox.host)) as client:
        client.sock.settimeout(ANSWER_SECONDS)
        if mailbox.security == Mailbox.Security.STARTTLS:
            _encrypt(client, mailbox)
        _sign_in(client, mailbox, token)
        yield PopBox(client, mailbox)


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
        self._there = {_key(uidl): number for number, uidl in numbered}
        self._sizes = {key: sizes.get(number, 0) for key, number in self._there.items()}
        known = known_mailbox_keys(mailbox, self._there)
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
                raw = _retrieved(self._client, self._there[each.key])
            except poplib.error_proto as error:
                if has_gone(error):
                    raise
                yield each, None
            else:
                yield each, raw

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


def _key(uidl: bytes) -> str:
    """The UIDL; where it is none by RFC 1939 section 7 and could not be written down, what stands for it."""
    is_one = len(uidl) <= KEY_AT_MOST and all(0x21 <= octet <= 0x7E for octet in uidl)
    return uidl.decode("ascii") if is_one else f"sha256:{sha256(uidl).hexdigest()}"


def _retrieved(client: Any, number: bytes) -> bytes:
    """A message; of one that is too big only so much that this is seen. poplib keeps an object for every line."""
    client._shortcmd(f"RETR {int(number)}")  # noqa: SLF001
    raw = bytearray()
    while (line := client._getline()[0]) != b".":  # noqa: SLF001
        if len(raw) <= SIZE_AT_MOST:
            raw += (line[1:] if line.startswith(b"..") else line) + b"\r\n"
    return bytes(raw)
