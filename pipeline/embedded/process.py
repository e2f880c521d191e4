"""A server as processes: started, watched, ended, and found again when nobody remembers them."""

import ctypes
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.embedded.home import EmbeddedError, open_log

START_FAILURES = 3  # in a row, before the keeper gives up
LEFTOVER_PATIENCE = 5.0  # seconds for an orderly end of what a killed keeper left
SETTLED = 10.0  # seconds after which a server counts as well started
# Exit statuses that say nothing against the next start: somebody, or the kernel for want of memory, ended it.
ENDED_FROM_OUTSIDE = (0, -signal.SIGTERM, -signal.SIGKILL)

# How the titles of a server's processes look, its chief's first; its clients (psql, redis-cli) are none of them.
POSTGRES_TITLE = re.compile(r"(.*/)?postgres((?P<chief> -D )|: )")
REDIS_TITLE = re.compile(r"(.*/)?(redis|valkey)-((?P<chief>server)|(?!cli)\S+) .*unixsocket")

log = logging.getLogger(__name__)


def environment() -> dict[str, str]:
    """No PGPORT, LANG or secret of whoever happened to start the keeper."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def die_with_keeper(farewell: signal.Signals) -> Callable[[], None]:
    """A preexec_fn that has the kernel send `farewell` when the keeper is gone, however it went (Linux)."""
    keeper = os.getpid()
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def prepare() -> None:
        if prctl is None:
            return
        prctl(1, int(farewell))  # PR_SET_PDEATHSIG
        if os.getppid() != keeper:  # it went before we asked
            os._exit(1)

    return prepare


@dataclass(slots=True)
class Server:
    """One server under the keeper.

    `before` runs before each start, with the number of starts that failed in a row; `farewell` asks for an
    orderly end, given `patience` seconds; `family` and `tag` tell its processes from all others.
    """

    name: str
    command: list[str]
    log: Path
    farewell: signal.Signals
    patience: float
    family: re.Pattern[str]
    tag: str
    before: Callable[[int], None]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0

    def start(self) -> None:
        self.end_leftovers(LEFTOVER_PATIENCE)
        self.before(self.failures)
        with open_log(self.log) as output:
            self.process = subprocess.Popen(  # noqa: S603  # our own command line
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment(),
                start_new_session=True,
                preexec_fn=die_with_keeper(self.farewell),  # noqa: PLW1509  # the keeper has one thread
            )
        self.started = time.monotonic()
        log.info("%s started as process %d", self.name, self.process.pid)

    def watch(self) -> None:
        """Start the server again if it has died. Raises EmbeddedError when it keeps failing to start."""
        code = self.process.poll() if self.process else None
        if code is None:
            return
        lived = time.monotonic() - self.started
        log.info("%s ended with %d after %.1f s", self.name, code, lived)
        failed = code not in ENDED_FROM_OUTSIDE and lived < SETTLED
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= START_FAILURES:
            raise EmbeddedError(
                f"{self.name} does not start. Nothing was deleted. Its last words, from {self.log}:\n"
                + last_words(self.log)
            )
        if lived < 1:
            time.sleep(0.2)
        self.start()

    def ask_to_end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.farewell)

    def end(self) -> None:
        """Wait for the end that was asked for; by force when it takes too long. Both servers survive that."""
        if self.process:
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.end_leftovers(0)
        if self.process:
            self.process.wait()

    def end_leftovers(self, patience: float) -> None:
        end_processes(self.family, self.tag, farewell=self.farewell, patience=patience)


def last_words(path: Path) -> str:
    """The last lines of a log."""
    with path.open("rb") as lines:
        lines.seek(max(0, path.stat().st_size - 2000))
        return "\n".join(lines.read().decode(errors="replace").splitlines()[-6:])


def end_processes(family: re.Pattern[str], tag: str, *, farewell: signal.Signals, patience: float) -> None:
    """End every process of a server that an earlier keeper or postmaster left, and wait for that.

    The chief by `farewell`: it ends its own, to whom the signal may mean something else. By force, when that
    takes more than `patience` seconds or there is no chief.
    """
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    strangers: set[int] = set()
    while found := {pid: chief for pid, chief in processes(family, tag) if pid not in strangers}:
        chiefs = {pid for pid, chief in found.items() if chief}
        force = not chiefs or time.monotonic() >= deadline
        for pid in found if force else chiefs - asked:
            try:
                os.kill(pid, signal.SIGKILL if force else farewell)
            except ProcessLookupError:
                continue
            except PermissionError:  # another user's, who borrowed the title
                strangers.add(pid)
        asked |= chiefs
        time.sleep(0.02)


def end_all_processes(folder: Path) -> None:
    """End what a killed keeper left of both servers with sockets in `folder`."""
    end_processes(REDIS_TITLE, folder.name, farewell=signal.SIGTERM, patience=LEFTOVER_PATIENCE)
    end_processes(POSTGRES_TITLE, folder.name, farewell=signal.SIGINT, patience=LEFTOVER_PATIENCE)


def processes(family: re.Pattern[str], tag: str) -> Iterator[tuple[int, bool]]:
    """The processes of a `family` whose title carries `tag`, the socket folder's name; True for the chief."""
    for pid, title in titles():
        if tag in title and (match := family.match(title)):
            yield pid, match["chief"] is not None


def titles() -> Iterator[tuple[int, str]]:
    """Number and title of every process; a zombie has no title."""
    proc = Path("/proc")
    if not (proc / "self" / "cmdline").exists():
        yield from _titles_by_ps()
        return
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                yield int(entry.name), title.decode(errors="replace")


def _titles_by_ps() -> Iterator[tuple[int, str]]:
    """For systems without /proc."""
    command = ["ps", "-A", "-ww", "-o", "pid=,command="]
    listing = subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603
    for line in listing.decode(errors="replace").splitlines():
        pid, _, title = line.strip().partition(" ")
        yield int(pid), title.lstrip()
