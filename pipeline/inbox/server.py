"""Takes mail, keeps it as a Maildir, plays the readers, and sends back what theirs would."""

import asyncio
import logging
import os
import smtplib
import threading
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, cast

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session

from pipeline.inbox.characters import Character, character
from pipeline.inbox.returns import DEAD, FULL, bounce, vacation

logger = logging.getLogger(__name__)
SIZE_AT_MOST: Final = 50_000_000
RETURN_SECONDS: Final = 10


class Inbox:
    """An aiosmtpd handler over a Maildir. Once it has said yes, the message is on the disk."""

    def __init__(self, folder: Path, returns: "Returns") -> None:
        self._folder, self._returns = folder, returns
        self._asked: set[str] = set()
        self._count = 0
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        match character(address):
            case Character.NOSUCH:
                return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
            case Character.LATER if address not in self._asked:
                self._asked.add(address)
                return "450 4.2.1 This mailbox is busy; please try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        body = envelope.content or b""
        assert isinstance(body, bytes)
        name = self._keep(body, envelope)
        for recipient in envelope.rcpt_tos:
            who = character(recipient)
            if who is Character.CUT and recipient not in self._asked:
                self._asked.add(recipient)
                cast("asyncio.Transport", server.transport).abort()
            self._returns.consider(who, body, recipient, envelope.mail_from or "")
        return f"250 2.0.0 Ok: kept as {name}"

    def _keep(self, body: bytes, envelope: Envelope) -> str:
        self._count += 1
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}.{os.getpid()}_{self._count}.inbox.eml"
        head = f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        temporary = self._folder / "tmp" / name
        temporary.write_bytes(head + body)
        temporary.rename(self._folder / "new" / name)
        return name


class Returns:
    """Sends bounces and vacation notes to `host:port`, one after another, from a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._waiting: SimpleQueue[tuple[str, str, bytes]] = SimpleQueue()
        threading.Thread(target=self._run, name="returns", daemon=True).start()

    def consider(self, who: Character, body: bytes, recipient: str, return_path: str) -> None:
        """Queue what this reader's mail system would send back, if anything."""
        now = datetime.now(UTC)
        match who:
            case Character.BOUNCE:
                self._waiting.put(("", return_path, bounce(body, recipient, verdict=DEAD, now=now)))
            case Character.FULL:
                self._waiting.put(("", return_path, bounce(body, recipient, verdict=FULL, now=now)))
            case Character.AWAY:
                self._waiting.put(("", return_path, vacation(body, recipient, return_path, now=now)))

    def _run(self) -> None:
        while True:
            sender, recipient, message = self._waiting.get()
            try:
                with smtplib.SMTP(*self._place, timeout=RETURN_SECONDS) as relay:
                    relay.sendmail(sender, [recipient], message)
            except (OSError, smtplib.SMTPException) as error:
                logger.warning("nothing could be sent back to %s: %s", recipient, error)


def serve(folder: Path, *, host: str, port: int, returns: Returns, ready: Any) -> None:
    """Listen until the loop is stopped. Raises OSError when the port cannot be had."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    controller = UnthreadedController(
        Inbox(folder, returns),
        hostname=host,
        port=port,
        loop=loop,
        server_kwargs={"data_size_limit": SIZE_AT_MOST, "enable_SMTPUTF8": True, "ident": "Pressrun inbox"},
    )
    controller.begin()  # type: ignore[no-untyped-call]
    ready(loop)
    try:
        loop.run_forever()
    finally:
        controller.end()  # type: ignore[no-untyped-call]
        loop.close()
