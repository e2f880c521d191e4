"""Sessions over SMTP (RFC 5321) and LMTP (RFC 2033) that hold no more than they may: aiosmtpd's, but for two things.

aiosmtpd keeps a message line by line, so that ten megabytes of empty lines fill three hundred, and all of a line that
never ends. Here it is kept in one piece, and what will be refused is read to its end and not kept. And over LMTP a
message that is refused is refused to each of its recipients, as whoever sends it expects.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, syntax

SIZE_AT_MOST: Final = 10_000_000  # octets, told as SIZE (RFC 1870)
LINE_AT_MOST: Final = 1_000_000  # octets; bounces quote what they like, and RFC 5321's 1,000 would turn them away
SESSIONS_AT_MOST: Final = 50
ROOM: Final = 100_000_000  # octets that all sessions keep together
_TOO_LONG: Final = f"554 5.6.0 A line of it is longer than {LINE_AT_MOST:,} octets."
_TOO_BIG: Final = f"552 5.3.4 It is larger than {SIZE_AT_MOST:,} octets."
_NO_ROOM: Final = "452 4.3.1 Too much is coming in at once; please try again later."
_TOO_MANY: Final = b"421 4.3.2 Too many connections at once; please try again later.\r\n"


@dataclass(slots=True)
class Room:
    """What the sessions of a listener use together."""

    sessions: int = 0
    octets: int = 0


class _Bounded(SMTP):
    line_length_limit = LINE_AT_MOST

    def __init__(self, *args: Any, room: Room, **options: Any) -> None:
        super().__init__(*args, data_size_limit=SIZE_AT_MOST, **options)
        self._room = room
        self._kept = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._room.sessions += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._room.sessions -= 1
        super().connection_lost(error)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 (aiosmtpd's name)
        if await self.check_helo_needed():
            return
        envelope = cast("Envelope", self.envelope)
        if arg or not envelope.rcpt_tos:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            content, refusal = await self._message()
            envelope.content = envelope.original_content = content
            await self.push(self._refused(refusal) if refusal else await self._call_handler_hook("DATA"))
        finally:
            self._let_go()
            self.envelope = Envelope()

    async def _message(self) -> tuple[bytes, str]:
        """Read to the final dot: the message, or why it is not taken."""
        kept, refusal, within = bytearray(), "", False
        while True:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError as error:
                await self._reader.read(error.consumed)
                refusal, within = refusal or _TOO_LONG, True
            else:
                if line == b".\r\n" and not within:
                    return bytes(kept), refusal
                within = False
                refusal = refusal or self._keep(len(line))
                kept += b"" if refusal else line.removeprefix(b".")  # RFC 5321 section 4.5.2
            if refusal and kept:
                kept.clear()
                self._let_go()

    def _keep(self, octets: int) -> str:
        """Take room for so many more; the reply when there is none."""
        if self._kept + octets > SIZE_AT_MOST:
            return _TOO_BIG
        if self._room.octets + octets > ROOM:
            return _NO_ROOM
        self._kept += octets
        self._room.octets += octets
        return ""

    def _let_go(self) -> None:
        self._room.octets -= self._kept
        self._kept = 0

    def _refused(self, refusal: str) -> str:
        return refusal


class _BoundedLmtp(_Bounded, LMTP):
    def _refused(self, refusal: str) -> str:
        return "\r\n".join([refusal] * len(cast("Envelope", self.envelope).rcpt_tos))  # RFC 2033 section 4.2


class _Full(asyncio.Protocol):
    """Turns a connection away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_TOO_MANY)
        transport.close()


def session(handler: object, room: Room, *, lmtp: bool, hostname: str, timeout: float) -> asyncio.Protocol:
    """What serves one connection. `handler` has aiosmtpd's hooks; `timeout` is in seconds since the last command."""
    if room.sessions >= SESSIONS_AT_MOST:
        return _Full()
    kind = _BoundedLmtp if lmtp else _Bounded
    made: asyncio.Protocol = kind(
        handler, room=room, enable_SMTPUTF8=True, hostname=hostname, ident="Pressrun", timeout=timeout
    )
    return made
