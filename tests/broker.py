"""A Redis of a test's own, which it may flush, end and begin again."""

import socket
import subprocess
from pathlib import Path
from typing import Self

import redis
from house import until

from pipeline.embedded.servers import _find_redis


class Broker:
    """For `with`. It listens on a loopback port, keeps nothing on disk, and so comes back empty."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder, self._options = folder, options

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        fixed = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        with (self._folder / "redis.log").open("ab") as log:
            command = [str(_find_redis()), *fixed, *self._options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self.answers, what="the start of Redis")

    def stop(self) -> None:
        """As a cut of the power would: nothing is written, nobody is told."""
        self._process.kill()
        self._process.wait()

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def keys(self) -> set[bytes]:
        with redis.Redis.from_url(self.url) as client:
            return set(client.keys())
