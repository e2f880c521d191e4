"""The redirect as it is served: real processes, real threads, every click in the books after a stop."""

import http.client
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from house import ISSUE, House, until
from relay import RecordingRelay

CLICKS, VISITORS = 40, 8
PAGE = "https://example.org/bridge?day=1&b=%20#top"
TARGET = "https://example.org/bridge?day=1&b=%20&utm_source=city#top"
COUNTED = ISSUE.replace("  language: en\n", "  language: en\n  links: counted\n  utm: {utm_source: city}\n", 1) + (
    f"\n[Look at it]({PAGE}){{.button}}\n"
)
HOSTILE = (
    b"/c/%s/https://evil.example/", b"/c/%s?next=https://evil.example", b"//evil.example/c/%s",
    b"https://evil.example/c/%s", b"/c//evil.example", b"/c/%s@evil.example", b"/c/%s\\@evil.example", b"/c/\xff%s",
    b"/c/%s%%0d%%0aLocation:%%20https://evil.example", b"/c/%s/%%0d%%0aLocation:%%20https://evil.example",
)  # fmt: skip


class Served:
    """A house with one counted link, and its pages."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.import_people(["kim@example.com"])
        house.run("send", str(house.write_issue(COUNTED)), "--list", "all", "--at", "2099-01-01T00:00:00Z")
        [(self.key, self.target, _)] = self.rows()
        self.web = house.start("web", "--port", "0")
        told = until(lambda: re.search(r"Pages on (http://[^/]+)/", house.log("web")), what="the ready line")
        self.address = (urlsplit(told[1]).hostname, urlsplit(told[1]).port)

    def rows(self) -> list[tuple[str, str, int]]:
        with self.house.database() as database:
            return database.execute("SELECT key, target, clicks FROM pipeline_trackedlink").fetchall()

    def ask(self, path: str, method: str = "GET") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()

    def raw(self, target: bytes) -> bytes:
        """The whole answer to a request line that no client would send."""
        with socket.create_connection(self.address, timeout=60) as wire:
            wire.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: wire.recv(65_536), b""))

    def stop(self) -> None:
        self.web.send_signal(signal.SIGTERM)
        self.web.wait(60)


@pytest.fixture
def served(make_house, tmp_path) -> Iterator[Served]:
    with RecordingRelay(tmp_path) as relay:
        yield Served(make_house(SMTP_URL=f"{relay.url}?starttls=never"))


def test_every_click_is_in_the_books_after_a_stop_and_nothing_else_is(served):
    def visit(_visitor: int) -> set[tuple[int, str | None]]:
        answers = [served.ask(f"/c/{served.key}/{number}") for number in range(CLICKS)]
        served.ask(f"/c/{served.key}", "HEAD")
        served.ask(f"/c/{served.key[::-1]}")
        return {(answer.status, answer.getheader("Location")) for answer in answers}

    with ThreadPoolExecutor(VISITORS) as visitors:
        assert set().union(*visitors.map(visit, range(VISITORS))) == {(302, TARGET)}
    answer = served.ask(f"/c/{served.key}")
    assert answer.getheader("Set-Cookie") is None
    served.stop()
    assert served.rows() == [(served.key, TARGET, VISITORS * CLICKS + 1)]


def test_no_request_leads_to_another_site(served):
    for path in HOSTILE:
        answer = served.raw(path % served.key.encode() if b"%s" in path else path)
        head = answer.partition(b"\r\n\r\n")[0]
        assert answer.startswith(b"HTTP/1.1 "), path
        assert set(re.findall(rb"(?im)^location: *(\S+)", head)) <= {TARGET.encode()}, path
        assert b"evil" not in head, path
