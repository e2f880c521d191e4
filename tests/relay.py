"""A relay for tests and benchmarks: takes mail over SMTP, writes down what it took, and misbehaves on request.

    python tests/relay.py --port 0 --log FILE [--delay-ms 20] [--script JSON-or-file] [--maildir DIR] …

It prints `{"port": …}` on stdout. For each recipient of each message that it takes, one
line goes into the log, and to the disk, before the final dot is answered, so that the log is the truth about who
was mailed, whoever is killed: `at` (Unix time), `connection`, `mail_from`, `rcpt`, `message_id`, `size`, `sha256` (of
the bytes on the wire without the closing dot). Half of the delay is spent before that line and half after it, so
that a client that is killed while it waits has been taken at its word or not.

The script says what else is answered than yes. Keys of the inner objects are regular expressions searched in the
sender's (`mail`) or the recipient's address; of the answers each address gets one per attempt, and the last one
repeats:

    {"rcpt": {"^bounce": ["550 5.1.1 No such user"], "^later": ["451 4.7.1 Greylisted", "250 2.1.5 Ok"]},
     "mail": {…}, "data": {…}, "dot": {…}, "connect": ["421 4.3.2 Not now", "220 ready"],
     "cut": {"after_dot": ["^ann@"], "before_keeping": ["^bob@"], "mid_body": ["^eve@"]}}

A line break in an answer separates reply lines; an answer of 421 hangs up. Instead of an answer, `close` ends the
connection after all earlier replies, `cut` resets it with what is still under way, `silent` leaves the client
waiting, and for the dot `keep+cut` and `keep+silent` take the message first. For the dot `slow 9 250 Ok` gives the
answer byte by byte over nine seconds (`slow 9 keep+250 Ok` is the same: it is kept before).
`cut` is a short way to say the same once for each address: after the dot the message has been taken,
before keeping it has not, and mid-body its end was never looked for. `"idle": {"seconds": 2, "says": "421 …"}` is said
to whoever says nothing for so long between two messages. With `--certificate` and `--key` no mail is taken without
STARTTLS, with `--login user:password` none without AUTH PLAIN.
"""

import argparse
import hashlib
import json
import os
import re
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from relay_behaviour import KEYWORDS, Behaviour

END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Ledger:
    """Where taken messages are written down."""

    def __init__(self, log: Path | None = None, maildir: Path | None = None, *, fsync: bool = True) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if log else -1
        self._maildir, self._fsync, self._lock = maildir, fsync, threading.Lock()
        self._count = 0
        for folder in ("tmp", "new", "cur") if maildir else ():
            (maildir / folder).mkdir(parents=True, exist_ok=True)

    def keep(self, session: "Session", body: bytes) -> None:
        found = _MESSAGE_ID.search(body, 0, max(body.find(b"\r\n\r\n"), 0) + 2)
        entry = {
            "at": time.time(),
            "connection": session.number,
            "mail_from": session.sender,
            "message_id": found[1].decode("ascii", "replace") if found else "",
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        entries = [{**entry, "rcpt": recipient} for recipient in session.recipients]
        lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in entries)
        with self._lock:
            self._count += 1
            self._store(body, f"{self._count:08}.{os.getpid()}.relay")
            if self._file < 0:
                self.entries += entries
                return
            os.write(self._file, lines.encode())
            if self._fsync:
                os.fsync(self._file)

    def _store(self, body: bytes, name: str) -> None:
        if self._maildir:
            unstuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n")[2:]
            (self._maildir / "tmp" / name).write_bytes(unstuffed)
            (self._maildir / "tmp" / name).rename(self._maildir / "new" / name)


class HungUpError(Exception):
    """This connection is over, by either side."""


class Session(threading.Thread):
    """One client."""

    def __init__(self, sock: socket.socket, number: int, behaviour: Behaviour, ledger: Ledger) -> None:
        super().__init__(daemon=True, name=f"session {number}")
        self.number, self.sender, self.recipients = number, "", []
        self.commands: list[bytes] = []
        """Everything that was said to us but the messages."""
        self._sock, self._behaviour, self._ledger = sock, behaviour, ledger
        self._received, self._unsaid = bytearray(), bytearray()
        self._refused = ""
        self._secure, self._known = behaviour.tls is not None, False

    def run(self) -> None:
        with suppress(HungUpError, OSError):
            if tls := self._behaviour.tls:
                self._sock = tls.wrap_socket(self._sock, server_side=True)
            self.say(self._behaviour.answer("connect"))
            while True:
                line = self._line()
                self.commands.append(line)
                self._obey(line)
        self._sock.close()

    def say(self, answer: str, *, at_once: bool = False) -> None:
        """Queue a reply: those of one group of commands leave together, as RFC 2920 section 3.2 wants it."""
        if answer in {"silent", "close"}:
            self._flush()
        if answer == "close":
            raise HungUpError
        if answer == "silent":
            while self._sock.recv(65536):
                pass
            raise HungUpError
        if answer == "cut":
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise HungUpError
        self._unsaid += answer.replace("\n", "\r\n").encode() + b"\r\n"
        if at_once or answer.startswith("421") or "\n421" in answer:
            self._flush()
        if answer.startswith("421") or "\n421" in answer:
            self._sock.shutdown(socket.SHUT_WR)
            while self._sock.recv(65536):  # else the reset would overtake the reply
                pass
            raise HungUpError

    def _flush(self) -> None:
        step = 1 if self._behaviour.bytewise else max(len(self._unsaid), 1)
        while self._unsaid:
            self._sock.sendall(self._unsaid[:step])
            del self._unsaid[:step]

    def _more(self) -> None:
        self._flush()
        octets = self._sock.recv(1 << 18)
        if not octets:
            raise HungUpError
        self._received += octets

    def _line(self) -> bytes:
        while (end := self._received.find(b"\r\n")) < 0:
            self._flush()
            self._grow_tired()
            self._more()
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line

    def _grow_tired(self) -> None:
        idle = self._behaviour.script.get("idle")
        if idle and self.sender and not self.recipients:
            readable, _, _ = select.select([self._sock], [], [], idle["seconds"])
            if not readable:
                self.say(idle["says"])

    def _obey(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb in {b"EHLO", b"HELO"}:
            keywords = self._behaviour.offers(secure=self._secure) if verb == b"EHLO" else ()
            lines = ["relay.test", *keywords]
            self.say("\n".join(f"250{' ' if n == len(lines) else '-'}{k}" for n, k in enumerate(lines, 1)))
        elif verb == b"STAR" and self._behaviour.starttls and not self._secure:
            self.say("220 2.0.0 Go ahead", at_once=True)
            self._sock, self._secure = self._behaviour.starttls.wrap_socket(self._sock, server_side=True), True
        elif verb == b"AUTH" and self._behaviour.login:
            self._known = self._behaviour.knows(line[5:])
            self.say("235 2.7.0 Welcome" if self._known else "535 5.7.8 Wrong user name or password")
        elif verb == b"MAIL" and (objection := self._behaviour.objection(secure=self._secure, known=self._known)):
            self._refused = "503 5.5.1 MAIL first"
            self.say(objection)
        elif verb == b"MAIL":
            self.sender, self.recipients, self._refused = _address(line), [], ""
            self._judge("mail", self.sender)
        elif verb == b"RCPT":
            self._rcpt(_address(line))
        elif verb == b"DATA":
            self._data()
        elif verb == b"QUIT":
            self.say("221 2.0.0 Bye", at_once=True)
            raise HungUpError
        else:
            self.recipients, self._refused = [], "503 5.5.1 MAIL first"
            self.say("250 2.0.0 Ok" if verb in {b"RSET", b"NOOP"} else "500 5.5.2 What?")

    def _judge(self, phase: str, address: str) -> bool:
        answer = self._behaviour.answer(phase, address)
        if not answer.startswith(("2", "354")) and phase == "mail":
            self._refused = "503 5.5.1 MAIL first"
        self.say(answer)
        return answer.startswith(("2", "354"))

    def _rcpt(self, address: str) -> None:
        if self._refused:
            self.say(self._refused)
        elif self._judge("rcpt", address):
            self.recipients.append(address)

    def _data(self) -> None:
        if self.recipients:
            if self._judge("data", self.recipients[0]):
                self._message()
        elif self._behaviour.eager:
            self.say("354 Go ahead")
            self._message()
        else:
            self.say(self._refused or "554 5.5.1 No valid recipients")

    def _message(self) -> None:
        body = self._body()
        if not self.recipients:
            self.say("554 5.5.1 No valid recipients")
            return
        how, keep, answer = self._behaviour.answer("dot", self.recipients[0]).rpartition("keep+")
        if answer.startswith("slow "):
            how, answer = answer[:5] + answer[5:].partition(" ")[0], answer[5:].partition(" ")[2]
        self._work()
        if keep or not answer or answer.startswith("2"):
            self._ledger.keep(self, body)
        self._work()
        self.recipients, self._refused = [], "503 5.5.1 MAIL first"
        if how:
            self._drip(answer, float(how.split()[1]))
        else:
            self.say(answer or f"250 2.0.0 Ok: queued as {self.number:04X}{len(self.commands):06X}")

    def _drip(self, answer: str, seconds: float) -> None:
        for octet in f"{answer}\r\n".encode():
            time.sleep(seconds / (len(answer) + 2))
            self._sock.sendall(bytes([octet]))

    def _work(self) -> None:
        if self._behaviour.delay:
            time.sleep(self._behaviour.delay / 2)

    def _body(self) -> bytes:
        """The message with its last CRLF. Each byte is looked at once, by the C library."""
        cut = self.recipients and self._behaviour.answer("body", self.recipients[0])
        seen = 0
        while not self._received.startswith(b".\r\n"):
            if cut and self._received:
                self.say(cut)
            end = self._received.find(END, seen)
            if end >= 0:
                body = bytes(self._received[: end + 2])
                del self._received[: end + len(END)]
                return body
            seen = max(len(self._received) - len(END) + 1, 0)
            self._more()
        del self._received[:3]
        return b""


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "backslashreplace")


class RelayServer:
    """The relay in this process."""

    def __init__(self, behaviour: Behaviour, ledger: Ledger, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour, self.ledger = behaviour, ledger
        self.sessions: list[Session] = []
        self._listener = socket.create_server((host, port), backlog=256)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):  # that the listener was closed
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                session = Session(sock, len(self.sessions) + 1, self.behaviour, self.ledger)
                self.sessions.append(session)
                session.start()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for session in self.sessions:
            with suppress(OSError):
                session._sock.shutdown(socket.SHUT_RDWR)
            session.join()


class RecordingRelay:
    """The relay in a process of its own, for `with`. Options are those of the command line, without dashes."""

    def __init__(self, folder: Path, *, script: Mapping[str, Any] | None = None, **options: object) -> None:
        self.log = folder / "relay.jsonl"
        self._options = {"log": self.log, "script": json.dumps(script or {}), "until_eof": True, **options}
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        for name, value in self._options.items():
            option = f"--{name.replace('_', '-')}"
            command += [option] if value is True else [option, str(value)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = json.loads(self._process.stdout.readline())["port"]
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # which closes its stdin, so that it ends
            pass

    def received(self) -> list[dict[str, Any]]:
        """What the relay has taken so far, one entry per recipient."""
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, count: int, *, timeout: float = 30) -> list[dict[str, Any]]:
        """Wait until that many have been taken in all, and give them. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while self._count() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the relay took {self._count()} of {count} messages in {timeout} seconds")
            time.sleep(0.002)
        return self.received()

    def grown_by(self, count: int, *, timeout: float = 30) -> int:
        """Wait until that many more have been taken than at the time of this call, and say how many there are."""
        return len(self.wait_for(self._count() + count, timeout=timeout))

    def _count(self) -> int:
        return self.log.read_bytes().count(b"\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--script", default="{}", help="JSON, or a file with it")
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--without", action="append", default=[], metavar="KEYWORD", help="do not offer this")
    parser.add_argument("--maildir", type=Path)
    parser.add_argument("--no-fsync", action="store_true", help="for speed, where nobody cuts the power")
    parser.add_argument("--certificate", type=Path, help="with --key: STARTTLS is offered, and demanded")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--login", default="", metavar="USER:PASSWORD", help="AUTH is offered, and demanded")
    parser.add_argument("--until-eof", action="store_true", help="stop when stdin ends, as with its parent")
    given = parser.parse_args()
    without = {*given.without, *(["PIPELINING"] if given.no_pipelining else [])}
    text = given.script if given.script.lstrip().startswith("{") else Path(given.script).read_text()
    behaviour = Behaviour(
        keywords=[keyword for keyword in KEYWORDS if keyword.split()[0] not in without],
        delay=given.delay_ms / 1000,
        script=json.loads(text),
        starttls=_server_tls(given.certificate, given.key) if given.certificate else None,
        login=given.login,
    )
    ledger = Ledger(given.log, given.maildir, fsync=not given.no_fsync)
    server = RelayServer(behaviour, ledger, host=given.host, port=given.port)
    print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)  # noqa: T201
    if given.until_eof:
        threading.Thread(target=server.serve, daemon=True).start()
        sys.stdin.buffer.read()
    else:
        server.serve()


def _server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    main()
