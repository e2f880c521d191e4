"""A web server that answers as a script says, byte by byte if it must, for tests of what asks the web."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TypeAlias

Reply: TypeAlias = bytes | Callable[[socket.socket], None]
"""What goes out, or who writes it."""


def ok(body: bytes = b"", **headers: str) -> bytes:
    return answer(200, body, **headers)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    named = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + body


class WebServer:
    """`replies` by path, or by method and path (`HEAD /`); the rest is 404. `asked` are the heads of the requests,
    `bodies` what came after them."""

    def __init__(
        self, replies: dict[str, Reply], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.replies, self.tls, self.asked, self.connections = replies, tls, list[str](), 0
        self.bodies = list[bytes]()
        self._peers: list[socket.socket] = []
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def abandon(self) -> None:
        """Break off every conversation."""
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def lines(self) -> list[str]:
        return [head.partition("\r\n")[0] for head in self.asked]

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._peers.append(peer)
            self._threads.append(threading.Thread(target=self._answer, args=(peer,), daemon=True))
            self._threads[-1].start()

    def _answer(self, plain: socket.socket) -> None:
        with plain:
            try:
                with self.tls.wrap_socket(plain, server_side=True) if self.tls else plain as peer:
                    self._converse(peer)
            except OSError:
                return  # the client went away, which is what some tests are about

    def _converse(self, peer: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := peer.recv(4096)):
                return
            head += piece
        head, _, body = head.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        while length and len(body) < int(length[1]) and (piece := peer.recv(4096)):
            body += piece
        self.bodies.append(body)
        self.asked.append(head.decode("latin-1") + "\r\n\r\n")
        method, path, _ = self.lines()[-1].split(" ")
        reply = self.replies.get(f"{method} {path}", self.replies.get(path, answer(404)))
        if callable(reply):
            reply(peer)
        else:
            peer.sendall(reply)
