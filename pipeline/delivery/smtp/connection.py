"""An open connection to a relay, and its end."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from pipeline.delivery.envelope import Envelope, Result
from pipeline.delivery.relay import Relay
from pipeline.delivery.smtp.commands import Extensions
from pipeline.delivery.smtp.exchange import Exchange, never_begun
from pipeline.delivery.smtp.opening import open_wire
from pipeline.delivery.smtp.wire import LostError, Timeouts, Wire

_BY_THE_BOOK: Final = Timeouts()


class Connection:
    """A connection that is ready for mail. For one thread at a time; keep it open between batches."""

    def __init__(self, wire: Wire, extensions: Extensions, timeouts: Timeouts) -> None:
        self._wire, self._extensions, self._timeouts = wire, extensions, timeouts
        self.usable = True
        """False once something went wrong: close it and open another one."""

    @classmethod
    def open(cls, relay: Relay, *, helo: str, timeouts: Timeouts = _BY_THE_BOOK) -> Self:
        """Connect, greet, encrypt and sign in as the relay's address says.

        Raises RelayUnreachable, RelayRefused, TlsFailed or LoginFailed (all RelayTrouble): `str()` is for a person,
        `temporary` says whether trying again may help. ValueError if `helo` cannot be the name of a host.
        """
        wire, extensions = open_wire(relay, helo, timeouts)
        return cls(wire, extensions, timeouts)

    def send(self, envelopes: Sequence[Envelope], *, may_start: Callable[[], bool]) -> list[Result]:
        """Hand messages over: one result for each envelope, in order, whatever happens to the connection.

        `may_start` is asked once for each message whose envelope the relay took, right before its first byte is
        written. If it says no, that message and the rest stay unsent, and the connection is given up: hanging up is
        the only way to withdraw an envelope that waits for its message (RFC 5321 section 4.1.1.4).
        """
        if not self.usable:
            return [never_begun(envelope, "the connection was lost before") for envelope in envelopes]
        self.usable = False  # whatever `may_start` raises, nobody may go on in mid-conversation
        exchange = Exchange(self._wire, self._extensions, self._timeouts, may_start=may_start)
        results = exchange.run(envelopes)
        self.usable = not exchange.is_over
        if exchange.is_over:
            self._wire.close()
        return results

    def close(self) -> None:
        """Say goodbye if there is someone to say it to, and close. May be called again."""
        if self.usable:
            self.usable = False
            with suppress(LostError):  # every result has been given by now; only the courtesy is lost
                self._wire.write([b"QUIT\r\n"], self._timeouts.quit)
                self._wire.read(self._timeouts.quit)
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
