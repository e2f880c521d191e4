"""A small S3 service in this process: PUT, GET, HEAD and DELETE by path, all in memory, and trouble on demand."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


class BucketServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.trouble = 0
        """A status to answer everything with."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    server = BucketServer()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: BucketServer

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._allowed():
            self.server.objects[self._key()] = body
            self.server.headers[self._key()] = dict(self.headers)
            self._answer(HTTPStatus.OK)

    def do_GET(self) -> None:
        if not self._allowed():
            return
        found = self.server.objects.get(self._key())
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(HTTPStatus.OK, found)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        if self._allowed():
            self.server.objects.pop(self._key(), None)
            self._answer(HTTPStatus.NO_CONTENT)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/")

    def _allowed(self) -> bool:
        """Every request is signed, for the key that the test gave."""
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=KEY/")
        if signed and not self.server.trouble:
            return True
        self._answer(self.server.trouble or HTTPStatus.FORBIDDEN, b"<Error><Code>AccessDenied</Code></Error>")
        return False

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Last-Modified", "Sun, 22 Nov 2026 09:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
