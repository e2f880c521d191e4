"""The one way in which Pressrun asks an address that people wrote: over HTTP, on the public internet, within limits.

Whoever may write an address must not make us knock at doors that only we can reach: our own services, the network
around us, a cloud's metadata. So a name is resolved once, every address that it has must be public, and the connection
goes to the very address that was checked, for each redirect again. No proxies, credentials, cookies or decoding.
"""

import os
import socket
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from threading import Event, Timer
from time import monotonic
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

import dns.exception
import dns.name
import dns.resolver

from pipeline.content import links
from pipeline.content.hosts import Address, is_public, literal
from pipeline.errors import PressrunError

PORTS: Final = {"http": 80, "https": 443}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ADDRESSES_TRIED: Final = 3
_CONNECT_SECONDS: Final = 4.0
"""For one address of several."""


class RefusedError(PressrunError):
    """We do not go there: it is no web address, or not on the public internet."""


class UnreachableError(PressrunError):
    """There is no answer: no such name, no connection, no trust, too slow, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 10.0
    """For everything, redirects too, however slowly it comes."""
    redirects: int = 5
    bytes: int = 0
    """Of the body; what is longer is left unread."""


@dataclass(frozen=True, slots=True)
class Answer:
    url: str
    """Where it came from in the end."""
    status: int
    redirects: int
    body: bytes


def addresses_of(host: str, seconds: float) -> list[Address]:
    """What the DNS says of a name, asked once; IPv4 first, which more networks have. Raises UnreachableError."""
    try:
        found = dns.resolver.Resolver().resolve_name(dns.name.from_text(host), lifetime=seconds)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.exception.SyntaxError) as error:
        raise UnreachableError(f"There is no host {host}.") from error
    except dns.exception.DNSException as error:
        raise UnreachableError(f"The name {host} cannot be looked up: {error}.") from error
    addresses = sorted(map(ip_address, found.addresses()), key=lambda address: address.version)
    if not addresses:
        raise UnreachableError(f"There is no host {host}.")
    return addresses


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    body: bytes | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """Asks within limits. The other fields are for tests, which have no public internet."""

    limits: Limits = Limits()
    resolve: Callable[[str, float], Sequence[Address]] = addresses_of
    may_reach: Callable[[Address], bool] = is_public
    ports: Collection[int] = frozenset(PORTS.values())

    def ask(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        """HEAD, GET or POST an address, following redirects. Raises RefusedError, UnreachableError."""
        deadline, question = monotonic() + self.limits.seconds, _Question(method, body, headers)
        for redirects in range(self.limits.redirects + 1):
            status, target, got = self._once(question, url, deadline)
            if not target:
                return Answer(url, status, redirects, got)
            url = urldefrag(urljoin(url, target)).url
        raise UnreachableError(f"It redirects more than {self.limits.redirects} times.")

    def _once(self, question: "_Question", url: str, deadline: float) -> tuple[int, str, bytes]:
        """Status, where it redirects to, and body, of one request to one address."""
        parts = self._checked(url)
        with self._connected(parts, deadline) as plain, watched(plain, deadline) as late, _told(parts, late):
            sock = _encrypted(plain, parts) if parts.scheme == "https" else plain
            with sock, closing(HTTPConnection(parts.hostname or "", timeout=_left(deadline))) as connection:
                connection.sock = sock
                fixed = {"Host": parts.netloc, "User-Agent": "Pressrun", "Accept": "*/*", "Connection": "close"}
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request(question.method, path, body=question.body, headers={**question.headers, **fixed})
                with connection.getresponse() as response:
                    target = response.getheader("Location", "") if response.status in _REDIRECTS else ""
                    return response.status, target, b"" if target else response.read(self.limits.bytes)

    def _checked(self, url: str) -> SplitResult:
        """The parts of an address that we may ask. Raises RefusedError."""
        if problem := links.problem(url):
            raise RefusedError(f"It leads to {url[:200]!r}: {problem}.")
        parts = urlsplit(links.normal(url))
        if parts.scheme not in PORTS:
            raise RefusedError(f"It leads to a {parts.scheme}: address, and only web addresses are asked.")
        if (parts.port or PORTS[parts.scheme]) not in self.ports:
            raise RefusedError(f"It leads to port {parts.port} of {parts.hostname}; only 80 and 443 are asked.")
        return parts

    def _connected(self, parts: SplitResult, deadline: float) -> socket.socket:
        """A connection to an address that was checked, and to no other."""
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        address = literal(host)
        addresses = [address] if address else self.resolve(host, _left(deadline))
        if not all(map(self.may_reach, addresses)):
            raise RefusedError(f"{host} is not on the public internet, so it is not asked.")
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return socket.create_connection((str(address), port), min(_left(deadline), _CONNECT_SECONDS))
            except OSError as error:
                reason = error
        raise UnreachableError(f"{host} cannot be reached: {reason.strerror or reason}.") from reason


@contextmanager
def watched(sock: socket.socket, deadline: float) -> Iterator[Event]:
    """Ends the connection at the deadline, whatever it is doing; then the event is set.

    A socket's own timeout starts anew with every byte, so a server that drips could keep us for ever.
    """
    late, same = Event(), socket.socket(fileno=os.dup(sock.fileno()))  # an SSLSocket has no dup()

    def end() -> None:
        late.set()
        with suppress(OSError):  # it is over already
            same.shutdown(socket.SHUT_RDWR)

    timer = Timer(_left(deadline), end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()
        same.close()


@contextmanager
def _told(parts: SplitResult, late: Event) -> Iterator[None]:
    """What can go wrong on a connection, in words."""
    host = parts.hostname
    try:
        yield
    except (OSError, HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise UnreachableError(f"{host} takes too long to answer.") from error
        if isinstance(error, ssl.SSLCertVerificationError):
            raise UnreachableError(f"The certificate of {host} is not valid: {error.verify_message}.") from error
        if isinstance(error, ssl.SSLError):
            raise UnreachableError(f"No encrypted connection to {host} comes about: {error.reason}.") from error
        if isinstance(error, HTTPException):
            raise UnreachableError(f"{host} does not answer in HTTP.") from error
        raise UnreachableError(f"The connection to {host} broke: {error.strerror or error}.") from error
    if late.is_set():  # http.client takes an end in the middle of a header for its end
        raise UnreachableError(f"{host} takes too long to answer.")


def _encrypted(sock: socket.socket, parts: SplitResult) -> ssl.SSLSocket:
    """Checked against the name, not the address that it was connected to."""
    return _context().wrap_socket(sock, server_hostname=parts.hostname)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    """Seconds; raises UnreachableError when there are none."""
    if (left := deadline - monotonic()) <= 0:
        raise UnreachableError("It takes too long to answer.")
    return left
