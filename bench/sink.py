"""A mail sink of our own, faster than smtp-sink: takes everything, keeps nothing, counts in shared memory.

`python -m bench.sink PORT FILE` listens on loopback. FILE is mapped: messages (8 bytes), when the first and the last
one were taken (two doubles on the monotonic clock).
"""

import contextlib
import mmap
import selectors
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Final

TALLY: Final = struct.Struct("qdd")
_RECEIVE: Final = 1 << 20
_END: Final = b"\r\n.\r\n"
_GREETING: Final = b"220 sink\r\n"
_EHLO: Final = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n"


class Tally:
    """The mapped count."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), TALLY.size)

    @classmethod
    def made(cls, file: Path) -> "Tally":
        file.write_bytes(bytes(TALLY.size))
        return cls(file)

    def add(self, messages: int) -> None:
        number, first, _ = self.read()
        now = time.monotonic()
        TALLY.pack_into(self._map, 0, number + messages, first or now, now)

    def read(self) -> tuple[int, float, float]:
        """Messages since it was cleared, and when the first and the last were taken."""
        number, first, last = TALLY.unpack_from(self._map, 0)
        return number, first, last

    def clear(self) -> None:
        TALLY.pack_into(self._map, 0, 0, 0.0, 0.0)


class _Session:
    """One connection: a little parser that takes commands and messages as they come, however they are cut."""

    def __init__(self) -> None:
        self._left = b""
        self._in_message = False

    def take(self, octets: bytes) -> tuple[bytes, int, bool]:
        """What to answer, how many messages were finished, whether it is over."""
        answers, messages, at, octets = list[bytes](), 0, 0, self._left + octets
        while True:
            if self._in_message:
                end = octets.find(_END, at)
                if end < 0:
                    # The end may be cut in two: keep what may be its beginning, forget the rest.
                    self._left = octets[max(at, len(octets) - len(_END) + 1) :]
                    return b"".join(answers), messages, False
                at, self._in_message, messages = end + len(_END), False, messages + 1
                answers.append(b"250 2.0.0 taken\r\n")
                continue
            end = octets.find(b"\r\n", at)
            if end < 0:
                self._left = octets[at:]
                return b"".join(answers), messages, False
            verb = octets[at : at + 4].upper()
            at = end + 2
            if verb == b"DATA":
                answers.append(b"354 go on\r\n")
                self._in_message = True
                at -= 2  # a message may begin with the dot that ends it
            elif verb == b"QUIT":
                answers.append(b"221 2.0.0 bye\r\n")
                return b"".join(answers), messages, True
            else:
                answers.append(_EHLO if verb == b"EHLO" else b"250 2.0.0 ok\r\n")


def serve(port: int, tally: Tally) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    listener.setblocking(False)
    with selectors.DefaultSelector() as ready:
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is listener:
                    _greet(listener, ready)
                else:
                    _answer(key, ready, tally)


def _greet(listener: socket.socket, ready: selectors.BaseSelector) -> None:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(_GREETING)
    ready.register(client, selectors.EVENT_READ, _Session())


def _answer(key: selectors.SelectorKey, ready: selectors.BaseSelector, tally: Tally) -> None:
    client, session = key.fileobj, key.data
    assert isinstance(client, socket.socket)
    over = True
    with contextlib.suppress(OSError):  # who hangs up has hung up
        if octets := client.recv(_RECEIVE):
            answer, messages, over = session.take(octets)
            if messages:
                tally.add(messages)
            client.sendall(answer)
    if over:
        ready.unregister(client)
        client.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Tally(Path(sys.argv[2])))
