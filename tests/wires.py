"""A proxy between two programs of a test, whose line can be cut, and can swallow what is said without a word."""

import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self


class Line:
    """For `with`. Listens on a loopback port; `to` is a port of this machine or the path of a socket."""

    def __init__(self, to: int | Path) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._open = threading.Event()
        self._open.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._open.set()

    def lead(self, to: int | Path) -> None:
        """Whoever connects from now on is led there."""
        self._to = to

    def swallow(self) -> None:
        """From now on nothing arrives, on old and new connections, and nobody is told."""
        self._open.clear()

    def deliver(self) -> None:
        """What was swallowed on its way arrives, and all else again."""
        self._open.set()

    def cut(self) -> int:
        """Reset every connection. How many ends there were."""
        ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it, which closes it
        return len(ends)

    def changed(self, octets: bytes) -> bytes:
        """What arrives of what was said; for those who tamper."""
        return octets

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = self._connect()
                except OSError:
                    near.close()
                    continue
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _connect(self) -> socket.socket:
        if isinstance(self._to, int):
            return socket.create_connection(("127.0.0.1", self._to))
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(self._to))
        return far

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while octets := one.recv(65_536):
                self._open.wait()
                if one not in self._ends:  # cut: what comes after can still be read, until the thread wakes
                    break
                other.sendall(self.changed(octets))
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
