"""Listens for returned mail, over SMTP (RFC 5321) and LMTP (RFC 2033). Meant to stand behind a real mail server.

"250" is said only when the message is committed to the database; whatever hinders that is "451", so that the other
side keeps it and comes again. It takes mail to our bounce domain alone, and never sends any: not even in answer.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from pipeline.errors import PressrunError
from pipeline.feedback.apply import RETURN_PREFIX, UNSUBSCRIBE_PREFIX, WAY_BACK_PREFIX, take_in
from pipeline.feedback.session import Room, session

RECIPIENTS_AT_MOST: Final = 50  # each is stored by itself
THREADS: Final = 2  # each with a database connection
IDLE_AT_MOST: Final = 120.0  # seconds
LEAVE_WITHIN: Final = 10.0  # seconds that a message being written has when we are told to stop
_DEFECT: Final = "451 4.3.0 Something is wrong here. Nothing was taken; please try again later."

logger = logging.getLogger(__name__)


class CannotListenError(PressrunError):
    """The port is not to be had."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int
    """0 takes a free one."""
    lmtp: bool = False

    @property
    def protocol(self) -> str:
        return "lmtp" if self.lmtp else "smtp"


@dataclass
class Intake:
    """aiosmtpd's handler: one per endpoint. Without slots: Python 3.11.2 cannot list the members of a class remade."""

    protocol: str
    threads: ThreadPoolExecutor
    room: Room
    busy: set[asyncio.Future[None]] = field(default_factory=set)
    """Messages being written."""

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        refusal = refusal_of(address)
        if refusal:
            return refusal
        if len(envelope.rcpt_tos) >= RECIPIENTS_AT_MOST:
            return "452 4.5.3 Too many recipients at once; send it to the others separately."
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answers = [await self._store(envelope, address) for address in envelope.rcpt_tos]
        if isinstance(server, LMTP):
            return "\r\n".join(answers)  # one for each recipient, RFC 2033 section 4.2
        return next((answer for answer in answers if not answer.startswith("250")), answers[0])

    async def handle_exception(self, error: Exception) -> str:
        """A defect of ours must not become somebody's lost mail."""
        logger.error("inbound: a session failed; the sender was asked to come again", exc_info=error)
        return _DEFECT

    async def _store(self, envelope: Envelope, address: str) -> str:
        write = partial(self._take_in, cast("bytes", envelope.content), address, (envelope.mail_from or "").strip("<>"))
        future = asyncio.get_running_loop().run_in_executor(self.threads, write)
        self.busy.add(future)
        try:
            await asyncio.shield(future)
        except DatabaseError as error:
            logger.warning("inbound: the database is away (%s); the sender was asked to come again", error)
            return "451 4.3.0 The database is away. Nothing was taken; please try again later."
        except Exception:  # of this recipient alone: over LMTP each waits for an answer of its own
            logger.exception("inbound: a message could not be taken in; the sender was asked to come again")
            return _DEFECT
        finally:
            self.busy.discard(future)
        return "250 2.0.0 Ok: stored"

    def _take_in(self, raw: bytes, address: str, sender: str) -> None:
        close_old_connections()  # one that died with the database is replaced
        path = f"Return-Path: <{sender}>\r\n".encode("utf-8", "replace")  # RFC 5321 section 4.4: who delivers adds it
        take_in(path + raw, source=self.protocol, envelope_to=address, envelope_from=sender, now=datetime.now(UTC))


def refusal_of(address: str) -> str:
    """The reply that turns a recipient away; empty for one of ours. Whether a token is good is not told here."""
    local, _, domain = address.lower().rpartition("@")
    if domain != settings.BOUNCE_DOMAIN:
        return f"550 5.7.1 This server takes mail for {settings.BOUNCE_DOMAIN} only and relays nothing."
    if not local.startswith((RETURN_PREFIX, UNSUBSCRIBE_PREFIX, WAY_BACK_PREFIX)) and local != "postmaster":
        return "550 5.1.1 No such mailbox: only return paths and unsubscribe addresses are here."
    return ""


async def serve(endpoints: Sequence[Endpoint], *, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Listen until `stop`; then take no more, and give what is being written its time.

    `ready` gets one line when all ports are open. Raises CannotListenError.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="inbound") as threads:
        room = Room()
        intakes = [Intake(endpoint.protocol, threads, room) for endpoint in endpoints]
        servers = [await _listen(*pair) for pair in zip(endpoints, intakes, strict=True)]
        where = (f"{_name(server)} ({one.protocol.upper()})" for server, one in zip(servers, endpoints, strict=True))
        ready(f"inbound: listening on {', '.join(where)}")
        await stop.wait()
        for server in servers:
            server.close()
        writing = [future for intake in intakes for future in intake.busy]
        if writing:
            await asyncio.wait(writing, timeout=LEAVE_WITHIN)
            await asyncio.sleep(0.1)  # the sessions' turn to say 250; one that is not heard costs a second offer only


async def _listen(endpoint: Endpoint, intake: Intake) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(partial(_session, endpoint, intake), endpoint.host, endpoint.port, backlog=20)
    except OSError as error:
        raise CannotListenError(
            f"{endpoint.host}:{endpoint.port} cannot be listened on ({error.strerror or error}). Nothing was started. "
            "Stop the program that holds it, or choose another with --port or --lmtp-port."
        ) from error


def _session(endpoint: Endpoint, intake: Intake) -> asyncio.Protocol:
    name = settings.BOUNCE_DOMAIN
    return session(intake, intake.room, lmtp=endpoint.lmtp, hostname=name, timeout=IDLE_AT_MOST)


def _name(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def until_told(endpoints: Sequence[Endpoint], *, signals: Sequence[int], ready: Callable[[str], None]) -> None:
    """Serve until one of the signals arrives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    await serve(endpoints, stop=stop, ready=ready)
