"""The way into a mailbox: encrypted and checked, or not at all; and what can go wrong on it, in words."""

import imaplib
import poplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from socket import create_connection, socket
from time import monotonic
from typing import Final, Protocol

from imapclient.exceptions import CapabilityError

from pipeline.errors import PressrunError
from pipeline.feedback.mime import storable
from pipeline.guarded import watched
from pipeline.models import Mailbox

CONNECT_SECONDS: Final = 15.0
ANSWER_SECONDS: Final = 60.0
"""For each piece of an answer."""
SESSION_SECONDS: Final = 300.0
"""For everything, however slowly it comes. Shorter than what the queue waits for a task."""


class MailboxError(PressrunError):
    """The mailbox cannot be read. What is in it stays there. `needs_person`: waiting does not mend it."""

    def __init__(self, text: str, *, needs_person: bool = False) -> None:
        super().__init__(storable(text))  # it is written down, and may quote a server
        self.needs_person = needs_person


class SignInError(MailboxError):
    """The server does not let us in."""


class NotSettledError(MailboxError):
    """The server does not let us mark, move or delete. Reading goes on."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A message that is in the mailbox."""

    key: str
    """IMAP: UIDVALIDITY/UID; POP: UIDL."""
    size: int
    """Octets, as the server says, which may be wrong."""


class Box(Protocol):
    """An open mailbox. Its methods raise MailboxError."""

    def count(self) -> int:
        """How many messages look new."""

    def fresh(self, most: int) -> list[Listed]:
        """The next messages that have not been dealt with, in the server's order; empty when there are none."""

    def again(self, keys: list[str]) -> list[Listed]:
        """Those of these that are still there."""

    def fetch(self, listed: list[Listed]) -> Iterator[tuple[Listed, bytes | None]]:
        """Each whole message, unmarked; None for one that the server does not hand over."""

    def settle(self, keys: list[str]) -> list[str]:
        """Mark, move or delete what is kept by now; which of it is surely done. Raises NotSettledError too."""

    def close(self) -> list[str]:
        """Leave in order; what is surely done by that."""


def context() -> ssl.SSLContext:
    """Certificates and names are checked; nothing older than TLS 1.2 (RFC 8314 section 4.1, RFC 8996)."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def is_this_machine(host: str) -> bool:
    """Whether it may be spoken to in the clear."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def address_of(mailbox: Mailbox) -> tuple[str, int]:
    """Host and port. Raises MailboxError where passwords would go over a network in the clear."""
    host, _, port = mailbox.place.rpartition(":")
    if mailbox.security == Mailbox.Security.PLAIN and not is_this_machine(host):
        raise MailboxError(
            f"{host} is not this machine, so it is not spoken to without encryption. Choose TLS or STARTTLS.",
            needs_person=True,
        )
    return host, int(port)


@contextmanager
def connected(mailbox: Mailbox) -> Iterator[socket]:
    """A connection, encrypted where that comes first. It ends when the session takes too long, from here on.

    Raises MailboxError, also for what libraries raise inside.
    """
    host, port = address_of(mailbox)
    with told(mailbox):
        plain = create_connection((host, port), CONNECT_SECONDS)
    with plain, _limited(plain, mailbox.place), told(mailbox):
        if mailbox.security == Mailbox.Security.TLS:
            with context().wrap_socket(plain, server_hostname=host) as encrypted:
                yield encrypted
        else:
            yield plain


@contextmanager
def _limited(sock: socket, place: str) -> Iterator[None]:
    """Ends a session that takes too long, whatever it is doing."""
    with watched(sock, monotonic() + SESSION_SECONDS) as late:
        try:
            yield
        except MailboxError as error:
            if late.is_set():
                raise MailboxError(f"{place} is too slow: it was given {SESSION_SECONDS:.0f} seconds.") from error
            raise


@contextmanager
def told(mailbox: Mailbox) -> Iterator[None]:
    """What libraries and sockets raise, as MailboxError."""
    place = mailbox.place
    try:
        yield
    except CapabilityError as error:
        raise MailboxError(f"{place}: {error}. {_plain_words(mailbox)}", needs_person=True) from error
    except ssl.SSLCertVerificationError as error:
        why = f"{place} showed a certificate that is not to be trusted: {error.verify_message}. Nothing was said to it."
        raise MailboxError(why, needs_person=True) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        raise MailboxError(f"The connection to {place} broke.") from error
    except ssl.SSLError as error:
        why = f"No encrypted connection to {place} comes about: {error.reason or error}."
        raise MailboxError(why, needs_person=True) from error
    except TimeoutError as error:
        raise MailboxError(f"{place} does not answer in time.") from error
    except (imaplib.IMAP4.abort, EOFError) as error:
        raise MailboxError(f"The connection to {place} broke: {error}.") from error
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        if has_gone(error):
            raise MailboxError(f"The connection to {place} broke.") from error
        raise MailboxError(f"{place} says: {words(error)}.") from error
    except OSError as error:
        raise MailboxError(f"{place} cannot be reached: {error.strerror or error}.") from error


def has_gone(error: Exception) -> bool:
    """Whether poplib says in its way that there is no connection any more."""
    return words(error) == "-ERR EOF"


def words(error: Exception) -> str:
    """What the server said, from an exception of imaplib or poplib."""
    said = error.args[0] if error.args else error
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).strip().rstrip(".")[:500]


def _plain_words(mailbox: Mailbox) -> str:
    if mailbox.security == Mailbox.Security.STARTTLS:
        return "Without encryption nothing is said to it. Use TLS from the start, if it has that."
    return "Use a server that has it."
