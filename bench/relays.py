"""What benchmarks deliver into: Postfix's smtp-sink, a faster sink of ours, a real Postfix that discards; all loopback.

Each is a context manager that gives a `Sink`: its port, and the messages that it has counted itself.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.sink import Tally

_COUNT: Final = re.compile(rb"mesg=\s*(\d+)")
_FREE: Final = 0.01
_PRINTED_AT_MOST: Final = 200  # bytes, of one count
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
    with (
        tempfile.NamedTemporaryFile(prefix="pressrun-counted-", mode="ab") as printed,
        subprocess.Popen(command, stdout=printed) as process,
    ):
        counter = _Counter(Path(printed.name))
        try:
            _wait_for(port)
            yield Sink(port, counter.clear, counter.read)
        finally:
            process.terminate()


class _Counter:
    """Looks at what `smtp-sink -c` prints whenever it took a message.

    It prints into a file: whoever waited at a pipe would be woken by every message, and take a tenth of a processor
    from what is measured.
    """

    def __init__(self, printed: Path) -> None:
        self._printed, self._base, self._first = printed, 0, 0.0

    def clear(self) -> None:
        self._base, self._first = self._number(), 0.0
        threading.Thread(target=self._await_first, args=[self._printed.stat().st_size], daemon=True).start()

    def read(self) -> tuple[int, float]:
        return self._number() - self._base, self._printed.stat().st_mtime - self._first

    def _await_first(self, size: int) -> None:
        while self._printed.stat().st_size == size:
            time.sleep(_FREE)
        self._first = time.time()

    def _number(self) -> int:
        with self._printed.open("rb") as printed:
            printed.seek(max(0, printed.seek(0, os.SEEK_END) - _PRINTED_AT_MOST))
            found = _COUNT.findall(printed.read())
        return int(found[-1]) if found else 0


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
