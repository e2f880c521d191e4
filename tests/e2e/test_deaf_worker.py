"""A worker whose connection to the queue has gone half open hears nothing, ends itself, and is started again."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from broker import Broker
from house import House, children, until
from relay import RecordingRelay
from webserver import WebServer, ok

ENDED_ITSELF = 75


class Wire:
    """Stands before the broker. Made deaf, it passes nothing more on the connections that wait for messages."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._waiting: set[int] = set()
        self._deaf: set[int] = set()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def deafen(self) -> None:
        self._deaf |= self._waiting

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                number = len(self._sockets)
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(one, other, number), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, number: int) -> None:
        with suppress(OSError):
            while octets := one.recv(65536):
                if b"BRPOP" in octets:
                    self._waiting.add(number)
                if number not in self._deaf:
                    other.sendall(octets)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def broker(tmp_path: Path):
    with Broker(tmp_path) as running:
        yield running


def start_worker(house: House):
    worker = house.start("worker", "--children", "1")
    until(lambda: len(children(worker.pid)) >= 2, what="the worker's start")
    return worker


def finished(house: House, send: int) -> bool:
    with house.database() as database:
        found = database.execute("SELECT state FROM pipeline_send WHERE id = %s", [send]).fetchone()
    return found == ("finished",)


def test_a_deaf_worker_ends_itself_and_one_without_a_queue_does_not(
    make_house: Callable[..., House], broker: Broker, tmp_path: Path
):
    with RecordingRelay(tmp_path) as relay, Wire(broker.port) as wire, WebServer({"/hook": ok()}) as chat:
        house = make_house(
            broker_url=f"redis://127.0.0.1:{wire.port}/0",
            SMTP_URL=relay.url,
            LEASE="2s",
            ALERT_URL=f"http://127.0.0.1:{chat.port}/hook",
        )
        house.import_people(["kim@example.com", "lee@example.com"])
        worker = start_worker(house)
        first = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        until(lambda: finished(house, first), what="the first send")

        wire.deafen()
        again = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        assert worker.wait(90) == ENDED_ITSELF
        assert "This worker hears nothing" in house.log("worker")
        assert not finished(house, again)

        worker = start_worker(house)
        until(lambda: finished(house, again), what="the second send")
        broker.stop()
        until(lambda: any(b'"kind": "broker"' in body for body in chat.bodies), what="the alert that the queue is away")
        assert worker.poll() is None
        broker.start()
        last = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        until(lambda: finished(house, last), seconds=90, what="the last send")
        assert len(relay.received()) == 6
        assert worker.poll() is None
        assert sum(b'"kind": "broker"' in body for body in chat.bodies) == 1
