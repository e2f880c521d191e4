"""What benchmarks deliver into: Postfix's smtp-sink, a faster sink of ours, a real Postfix that discards; all loopback.

Each is a context manager that gives a `Sink`: its port, and the messages that it has counted itself.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from bench.sink import Tally

_COUNT: Final = re.compile(rb"mesg=\s*(\d+)")
_FREE: Final = 0.01
_MAIN_CF: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
default_transport = discard:
relay_transport = discard:
local_transport = discard:
alias_maps =
local_recipient_maps =
alias_database =
"""
_MASTER_CF: Final = """\
127.0.0.1:{port} inet n - n - 100 smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(slots=True)
class Sink:
    """`count` gives messages since `clear`, and the seconds from the first to the last; None where nobody counts."""

    port: int
    clear: Callable[[], None]
    count: Callable[[], tuple[int, float]] | None


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    port, user = free_port(), ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [program("smtp-sink"), *user, "-c", f"127.0.0.1:{port}", "512"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        counter = _Counter(process.stdout)
        try:
            _wait_for(port)
            yield Sink(port, counter.clear, counter.read)
        finally:
            process.terminate()


class _Counter:
    """Reads what `smtp-sink -c` prints whenever it took a message."""

    def __init__(self, printed: IO[bytes]) -> None:
        self._printed, self._number, self._base, self._first, self._last = printed, 0, 0, 0.0, 0.0
        threading.Thread(target=self._follow, daemon=True).start()

    def clear(self) -> None:
        self._base, self._first = self._number, 0.0

    def read(self) -> tuple[int, float]:
        return self._number - self._base, self._last - self._first

    def _follow(self) -> None:
        while octets := os.read(self._printed.fileno(), 1 << 16):
            if (found := _COUNT.findall(octets)) and (number := int(found[-1])) > self._number:
                self._number, self._last = number, time.monotonic()
                self._first = self._first or self._last


@contextmanager
def our_sink(folder: Path) -> Iterator[Sink]:
    port, file = free_port(), folder / "tally"
    tally = Tally.made(file)

    def count() -> tuple[int, float]:
        number, first, last = tally.read()
        return number, last - first

    with subprocess.Popen([sys.executable, "-m", "bench.sink", str(port), str(file)]) as process:
        try:
            _wait_for(port)
            yield Sink(port, tally.clear, count)
        finally:
            process.terminate()


@contextmanager
def postfix(folder: Path) -> Iterator[Sink]:
    """A Postfix of its own, which takes mail into its queue and then discards it. Needs root, as Postfix does."""
    if os.geteuid() != 0:
        sys.exit("--postfix needs root: Postfix starts as nobody else.")
    port = free_port()
    for name in ("queue", "data", "conf"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "conf" / "main.cf").write_text(_MAIN_CF.format(folder=folder))
    (folder / "conf" / "master.cf").write_text(_MASTER_CF.format(port=port))
    command = [program("postfix"), "-c", str(folder / "conf")]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    try:
        _wait_for(port)
        yield Sink(port, lambda: None, None)
    finally:
        subprocess.run([*command, "stop"], check=True, capture_output=True)


@contextmanager
def delayed(sink: Sink, milliseconds: float) -> Iterator[Sink]:
    """The same sink, farther away."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench.delay", str(port), str(sink.port), str(milliseconds)]) as proxy:
        try:
            _wait_for(port)
            yield Sink(port, sink.clear, sink.count)
        finally:
            proxy.terminate()


def program(name: str) -> str:
    """Where a program of Debian's postfix package is."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        sys.exit(f"{name} is missing; it comes with Debian's postfix package.")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_FREE)
