"""The bytes of an SMTP connection: write them, read replies, with a time limit on each wait.

Nothing here knows what a command means; the verdicts are made in `connection`.
"""

import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from math import ceil
from time import monotonic
from typing import Final, NamedTuple

_RECEIVE: Final = 16_384
_LINE_AT_MOST: Final = 4_096
_LINES_AT_MOST: Final = 200
_ROUNDED_TO: Final = 8  # parts of a second, so that it is the same wait from one message to the next
_REPLY_LINE: Final = re.compile(rb"[2-5][0-9]{2}(?:[ -].*)?", re.DOTALL)
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait in each phase: the minima of RFC 5321 section 4.5.3.2, except for `connect` and `quit`.

    `dot` must not be shortened outside tests: giving up on a relay that is still storing makes duplicates.
    """

    connect: float = 30
    greeting: float = 300
    command: float = 300
    """EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET."""
    data: float = 120
    block: float = 600
    """For the relay to take any further byte of a message: as long as for the dot, so that one wait serves both."""
    dot: float = 600
    quit: float = 2

    def scaled(self, share: float) -> "Timeouts":
        """All of them times `share`, for tests; none gets shorter than a second by it."""
        return Timeouts(*(max(seconds * share, min(seconds, 1.0)) for seconds in astuple(self)))


class LostError(Exception):
    """The connection is of no more use. Internal: it becomes a Result or a RelayTrouble, never anything else's."""


class OutOfTurnError(LostError):
    """The relay said something that no command of ours can have been answered with."""


class Reply(NamedTuple):
    """One reply, of one or more lines."""

    code: int
    text: str
    """Word for word, lines joined by newlines, each with its code. Bytes that are no text are shown escaped."""

    @property
    def kind(self) -> int:
        """The first digit: 2 yes, 3 go on, 4 not now, 5 no."""
        return self.code // 100

    @property
    def enhanced(self) -> str:
        """The RFC 3463 code, or nothing."""
        found = _ENHANCED.match(self.text, 4)
        return found[0] if found else ""

    @property
    def lines(self) -> list[str]:
        """The lines without their codes."""
        return [line[4:] for line in self.text.split("\n")]


class Wire:
    """A connected socket and what it has received but not yet given out."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""
        self._patience = -1.0
        """Seconds that the socket waits as it stands. To tell it costs a system call, and this thread its turn."""

    @property
    def socket(self) -> socket.socket:
        return self._sock

    @property
    def has_more(self) -> bool:
        """Something was received that nobody has read: it was not asked for."""
        return bool(self._received)

    def write(self, pieces: Sequence[bytes], timeout: float) -> int:
        """Hand bytes to the network and say how many it took: fewer than all means that the connection is lost.

        `timeout` is for each step forward, not for the whole: a large message over a slow line takes its time.
        """
        self._wait_at_most(timeout)
        taken = 0
        # The count tells of a failure; what the relay had to say about it, and why, is found on reading.
        with suppress(OSError):
            if not isinstance(self._sock, ssl.SSLSocket):  # which has no sendmsg: there the pieces are copied first
                taken = self._sock.sendmsg(pieces)
            if taken < sum(map(len, pieces)):
                left = memoryview(b"".join(pieces))[taken:]
                while left:
                    sent = self._sock.send(left)
                    left, taken = left[sent:], taken + sent
        return taken

    def read(self, timeout: float) -> Reply:
        """Read one whole reply within `timeout` seconds, however slowly it trickles. Raises LostError."""
        deadline = monotonic() + timeout
        lines = [self._line(deadline)]
        while lines[-1][3:4] == b"-":
            lines.append(self._line(deadline))
            if len(lines) > _LINES_AT_MOST or lines[-1][:3] != lines[0][:3]:
                raise OutOfTurnError(f"its reply never ended or changed its code: {_readable(lines[-1])[:200]}")
        return Reply(int(lines[0][:3]), _readable(b"\n".join(lines)))

    def take(self, expected: re.Pattern[bytes]) -> bool:
        """Whether all that was received, and nobody has read, is what is expected; then it is read."""
        as_expected = expected.fullmatch(self._received) is not None
        if as_expected:
            self._received = b""
        return as_expected

    def overhear(self) -> bytes:
        """What has arrived unasked, without waiting. Raises LostError if the other side has hung up."""
        if not self._received:
            self._wait_at_most(0)
            try:
                self._take()
            except (BlockingIOError, ssl.SSLWantReadError):
                return b""
            except OSError as error:
                raise LostError(f"the connection was lost ({_plain(error)})") from error
        return self._received

    def close(self) -> None:
        self._sock.close()

    def _line(self, deadline: float) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > _LINE_AT_MOST:
                raise OutOfTurnError("it sent a line without end")
            self._wait(deadline)
        line, self._received = self._received[:end].removesuffix(b"\r"), self._received[end + 1 :]
        if not _REPLY_LINE.fullmatch(line):
            raise OutOfTurnError(f"it said what is not SMTP: {_readable(line)[:200]}")
        return line

    def _wait(self, deadline: float) -> None:
        remaining = deadline - monotonic()
        try:
            if remaining <= 0:
                raise TimeoutError  # noqa: TRY301 (a wait that trickled away ends like one that stood still)
            self._wait_at_most(ceil(remaining * _ROUNDED_TO) / _ROUNDED_TO)
            self._take()
        except TimeoutError as error:
            raise LostError("no answer came in time") from error
        except OSError as error:
            raise LostError(f"the connection was lost ({_plain(error)})") from error

    def _wait_at_most(self, seconds: float) -> None:
        if seconds != self._patience:
            self._sock.settimeout(seconds)
            self._patience = seconds

    def _take(self) -> None:
        octets = self._sock.recv(_RECEIVE)
        if not octets:
            raise LostError("the relay closed the connection")
        self._received += octets


def _readable(octets: bytes) -> str:
    """Text that any database and terminal can hold: controls and what is not UTF-8 are shown escaped."""
    text = octets.decode("utf-8", "backslashreplace")
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


def _plain(error: OSError) -> str:
    return error.strerror or type(error).__name__
