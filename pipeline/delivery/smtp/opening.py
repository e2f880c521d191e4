"""From nothing to a relay that is ready for mail: connect, greet, encrypt, sign in.

Encryption and its verification follow the relay's address and never give way by themselves (RFC 8314 section 4.1).
"""

import re
import socket
import ssl
from base64 import b64encode
from typing import Final

from pipeline.delivery.relay import Relay, Tls
from pipeline.delivery.smtp.commands import Extensions
from pipeline.delivery.smtp.trouble import LoginFailed, RelayRefused, RelayTrouble, RelayUnreachable, TlsFailed
from pipeline.delivery.smtp.wire import LostError, OutOfTurnError, Reply, Timeouts, Wire

_SEND_BUFFER: Final = 1 << 20
_HELO: Final = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")


def open_wire(relay: Relay, helo: str, timeouts: Timeouts) -> tuple[Wire, Extensions]:
    """Connect to the relay and get it ready. Raises a RelayTrouble, with nothing left open behind it."""
    if not _HELO.fullmatch(helo):
        raise ValueError(f"{helo!r} is not a name to greet a relay with")
    opening = _Opening(relay, helo, timeouts)
    try:
        extensions = opening.run()  # which replaces the wire by an encrypted one
    except OutOfTurnError as error:
        opening.wire.close()
        raise RelayRefused(relay, f"does not speak SMTP: {error}", temporary=False) from error
    except LostError as error:
        opening.wire.close()
        raise RelayUnreachable(relay, f"went away before it was ready: {error}", temporary=True) from error
    except RelayTrouble:
        opening.wire.close()
        raise
    return opening.wire, extensions


class _Opening:
    def __init__(self, relay: Relay, helo: str, timeouts: Timeouts) -> None:
        self._relay, self._helo, self._timeouts = relay, helo, timeouts
        sock = _connect(relay, timeouts.connect)
        self.wire = Wire(_encrypt(relay, sock, timeouts) if relay.tls is Tls.IMPLICIT else sock)

    def run(self) -> Extensions:
        greeting = self._read(self._timeouts.greeting)
        if greeting.kind != 2:
            raise self._refusal("refused the connection", greeting)
        extensions = self._ehlo()
        if self._relay.tls in {Tls.REQUIRED, Tls.OPPORTUNISTIC}:
            extensions = self._starttls(extensions)
        if self._relay.username:
            self._login(extensions)
        return extensions

    def _ask(self, command: str) -> Reply:
        self.wire.write([command.encode() + b"\r\n"], self._timeouts.block)
        return self._read(self._timeouts.command)

    def _read(self, timeout: float) -> Reply:
        reply = self.wire.read(timeout)
        if self.wire.has_more:
            raise OutOfTurnError("it said more than it was asked")
        return reply

    def _ehlo(self) -> Extensions:
        reply = self._ask(f"EHLO {self._helo}")
        if reply.kind == 5:  # a relay of before 1995: no extensions
            reply = self._ask(f"HELO {self._helo}")
            if reply.kind == 2:
                return {}
        if reply.kind != 2:
            raise self._refusal("refused our greeting", reply)
        return _extensions(reply)

    def _starttls(self, extensions: Extensions) -> Extensions:
        if "STARTTLS" not in extensions:
            if self._relay.tls is Tls.OPPORTUNISTIC:
                return extensions
            why = "does not offer STARTTLS, which PRESSRUN_SMTP_URL requires (or somebody on the way removed the offer)"
            raise TlsFailed(self._relay, why, temporary=False)
        reply = self._ask("STARTTLS")  # which also refuses anything that was slipped in behind the reply
        if reply.kind != 2 and self._relay.tls is Tls.OPPORTUNISTIC:
            return extensions
        if reply.kind != 2:
            raise TlsFailed(self._relay, "offers STARTTLS and refused it", temporary=reply.kind == 4, reply=reply)
        self.wire = Wire(_encrypt(self._relay, self.wire.socket, self._timeouts))
        return self._ehlo()  # what was offered in the clear no longer counts (RFC 3207 section 4.2)

    def _login(self, extensions: Extensions) -> None:
        offered = extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            reply = self._ask("AUTH PLAIN " + _base64(f"\0{self._relay.username}\0{self._relay.password}"))
        elif "LOGIN" in offered:
            reply = self._login_in_steps()
        else:
            why = f"offers no way to sign in that we know (PLAIN, LOGIN), only: {', '.join(offered) or 'none'}"
            raise LoginFailed(self._relay, why, temporary=False)
        if reply.kind != 2:
            why = f"did not accept the user name {self._relay.username!r} and its password"
            raise LoginFailed(self._relay, why, temporary=reply.kind == 4, reply=reply)

    def _login_in_steps(self) -> Reply:
        reply = self._ask("AUTH LOGIN")
        for answer in (self._relay.username, self._relay.password):
            if reply.kind != 3:
                break
            reply = self._ask(_base64(answer))
        return reply

    def _refusal(self, what: str, reply: Reply) -> RelayRefused:
        return RelayRefused(self._relay, what, temporary=reply.kind == 4, reply=reply)


def _connect(relay: Relay, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection((relay.host, relay.port), timeout)
    except socket.gaierror as error:
        # A name that is not known may be a container that is starting: never a reason to stop for good.
        raise RelayUnreachable(relay, f"has no address: {error.strerror}", temporary=True) from error
    except (OSError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or "no answer came in time"
        raise RelayUnreachable(relay, f"cannot be reached: {what}", temporary=True) from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return sock


def _encrypt(relay: Relay, sock: socket.socket, timeouts: Timeouts) -> socket.socket:
    sock.settimeout(timeouts.greeting)
    try:
        return _context(relay).wrap_socket(sock, server_hostname=relay.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        why = f"showed a certificate that is not to be trusted: {error.verify_message}"
        raise TlsFailed(relay, why, temporary=False) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, TimeoutError, ConnectionError) as error:
        sock.close()
        why = f"went away while encryption was set up: {error.strerror or 'no answer came in time'}"
        raise TlsFailed(relay, why, temporary=True) from error
    except OSError as error:
        sock.close()
        why = f"could not agree on encryption with us: {getattr(error, 'reason', None) or error}"
        raise TlsFailed(relay, why, temporary=False) from error


def _context(relay: Relay) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if relay.tls is Tls.OPPORTUNISTIC:
        # Whoever could forge a certificate could also have removed the offer, so nothing is gained by refusing.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _extensions(reply: Reply) -> Extensions:
    """The lines after the first: a keyword and its parameters (RFC 5321 section 4.1.1.1)."""
    offered: dict[str, str] = {}
    for line in reply.lines[1:]:
        keyword, _, parameters = line.strip().partition(" ")
        offered[keyword.upper()] = parameters.strip()
    return offered


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
