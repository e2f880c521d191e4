"""An SMTP relay as the operator names it: `PRESSRUN_SMTP_URL`. Pure; `delivery.smtp` connects to it."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.errors import PressrunError

CONNECTIONS_BY_DEFAULT: Final = 4
CONNECTIONS_AT_MOST: Final = 256
_PORTS: Final = {"smtp": 25, "smtps": 465}
_PARAMETERS: Final = ("starttls", "rate", "connections")
ALLOWED: Final = (
    "Allowed: smtp://user:password@host:port?starttls=required|opportunistic|never&rate=N&connections=N, or smtps://… "
    "for TLS from the first byte. Rate is messages per second, connections 1 to 256 (default 4). STARTTLS is required "
    "by default, and opportunistic on this machine itself. Write / ? # @ : % of a password as %2F %3F %23 %40 %3A %25."
)


class RelayUrlError(PressrunError, ValueError):
    """The address of a relay cannot be used. Never shows the address, which may hold a password."""


class Tls(StrEnum):
    """How a connection is protected."""

    NEVER = "never"
    OPPORTUNISTIC = "opportunistic"
    """Encrypted where offered, the certificate not looked at (RFC 7435): for relays on this machine."""
    REQUIRED = "required"
    """STARTTLS with a verified certificate, or nothing is sent."""
    IMPLICIT = "implicit"
    """TLS from the first byte with a verified certificate (RFC 8314)."""


@dataclass(frozen=True, slots=True)
class Relay:
    host: str
    port: int
    tls: Tls
    username: str = ""
    password: str = field(default="", repr=False)
    rate: float | None = None
    """Messages per second; None: as fast as it takes them."""
    connections: int = CONNECTIONS_BY_DEFAULT

    @property
    def place(self) -> str:
        """Host and port, for people and logs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)


def parse_relay(url: str, *, variable: str = "PRESSRUN_SMTP_URL") -> Relay:
    """Read a relay's address. Raises RelayUrlError, which names `variable` and what is allowed."""
    try:
        return _parse(url)
    except ValueError as error:
        raise RelayUrlError(f"{variable}: {error}. {ALLOWED}") from error


def _parse(url: str) -> Relay:
    if not url.isprintable() or " " in url:
        raise ValueError("it holds a space or a control character")
    parts = _split(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it must begin with smtp:// or smtps://")
    if not parts.hostname or parts.path not in {"", "/"} or "#" in url:
        raise ValueError("after the host and the port only ?name=value may follow")
    given = _parameters(parts.query)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    tls = _tls(parts, given.get("starttls"))
    _check_credentials(username, password, exposed=tls is Tls.OPPORTUNISTIC and not _is_loopback(parts.hostname))
    return Relay(
        host=parts.hostname,
        port=_port(parts),
        tls=tls,
        username=username,
        password=password,
        rate=_rate(given["rate"]) if "rate" in given else None,
        connections=_connections(given.get("connections", str(CONNECTIONS_BY_DEFAULT))),
    )


def _split(url: str) -> SplitResult:
    """As the library does, but its words may show the password, and ours never do."""
    try:
        parts = urlsplit(url)
        parts.hostname  # noqa: B018 (it is only looked at when asked for)
    except ValueError:
        raise ValueError("what stands between // and the next / is not the name of a host") from None
    if "@" in parts.path + parts.query + parts.fragment:
        raise ValueError("the user name or password holds one of / ? # as it is")
    return parts


def _parameters(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    for name in given:
        if name not in _PARAMETERS:
            raise ValueError(f"{name!r} is not one of {', '.join(_PARAMETERS)}")
    if len(given) < len(pairs):
        raise ValueError("a parameter is given twice")
    return given


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port is not a number from 1 to 65535")
    return port or _PORTS[parts.scheme]


def _tls(parts: SplitResult, starttls: str | None) -> Tls:
    if parts.scheme == "smtps":
        if starttls is not None:
            raise ValueError("smtps:// is encrypted from the first byte, so starttls has no meaning there")
        return Tls.IMPLICIT
    if starttls is None:
        return Tls.OPPORTUNISTIC if _is_loopback(parts.hostname or "") else Tls.REQUIRED
    if starttls not in {Tls.NEVER, Tls.OPPORTUNISTIC, Tls.REQUIRED}:
        raise ValueError(f"starttls={starttls} is not one of required, opportunistic, never")
    return Tls(starttls)


def _check_credentials(username: str, password: str, *, exposed: bool) -> None:
    if bool(username) != bool(password):
        raise ValueError("a user name and a password go together")
    if "\0" in username + password:
        raise ValueError("a user name or password cannot hold NUL")
    if username and exposed:
        raise ValueError("with starttls=opportunistic the password could be read on its way; use starttls=required")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"rate={text} is not a number above 0")
    return rate


def _connections(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= CONNECTIONS_AT_MOST):
        raise ValueError(f"connections={text} is not a number from 1 to {CONNECTIONS_AT_MOST}")
    return int(text)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
