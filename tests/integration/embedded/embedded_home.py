"""A home with embedded services as a test sees it: its users, its processes, who kills them, and what is left."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from house import until

PROJECT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PROJECT)}
NOBODY = 65534

# A command: it uses both services, and finds what all earlier ones wrote.
COMMAND = """
import socket, sys
from pathlib import Path
from urllib.parse import unquote, urlsplit
import psycopg
from pipeline import embedded
places = embedded.attach(Path(sys.argv[1]))
with psycopg.connect(places.database_url) as db:
    db.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
    db.execute("INSERT INTO visits DEFAULT VALUES")
    print(db.execute("SELECT count(*) FROM visits").fetchone()[0])
with socket.socket(socket.AF_UNIX) as broker:
    broker.connect(unquote(urlsplit(places.broker_url).path))
    broker.sendall(b"INCR visits\\r\\n")
    assert broker.recv(99).startswith(b":")
if "stop" in sys.argv:
    embedded.detach(stop=True)
"""


def run(home: Path, *words: str, python: tuple[str, ...] = (sys.executable,)) -> subprocess.CompletedProcess[str]:
    arguments = [*python, "-c", COMMAND, str(home), *words]
    return subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=False)


def visit(home: Path, *words: str, python: tuple[str, ...] = (sys.executable,)) -> int:
    """Run the next command; gives the number of visits so far."""
    done = run(home, *words, python=python)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@dataclass
class User:
    """A process that holds the services up."""

    program: subprocess.Popen[str]
    database_url: str
    broker_url: str

    def kill(self) -> None:
        self.program.kill()
        self.close()

    def close(self) -> None:
        self.program.terminate()
        self.program.wait()
        self.program.stdout.close()


USERS: list[User] = []


def user_of(home: Path, python: tuple[str, ...] = (sys.executable,), **environment: str) -> User:
    program = subprocess.Popen(
        [*python, "-m", "pipeline.embedded", str(home)],
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    urls = [program.stdout.readline().strip() for _ in range(2)]
    user = User(program, *urls)
    USERS.append(user)
    if not all(urls):
        user.close()
        pytest.fail("the user could not attach")
    return user


def folder_of(home: Path) -> Path:
    return Path(json.loads((home / "services" / "sockets.json").read_text())["folder"])


def living(home: Path) -> dict[int, str]:
    """Every process that has to do with a home, by its title, except users."""
    marks = [f"embedded {home.resolve()} --lock", f"{home.resolve()}/"]
    if (home / "services" / "sockets.json").exists():
        marks.append(folder_of(home).name)
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(mark in title for mark in marks):
            found[int(entry.parent.name)] = title
    return found


def one(home: Path, pattern: str) -> int | None:
    return next((pid for pid, title in living(home).items() if re.search(pattern, title)), None)


TITLES = {
    "keeper": r"pipeline\.embedded .* --lock",
    "postmaster": r"/postgres -D",
    "backend": r"postgres: .*\[local\]",
    "walwriter": r"postgres: .* walwriter",
    "redis": r"redis-server unixsocket",
}


def kill(home: Path, *names: str) -> None:
    """Kill these in this order, with no time in between."""
    for pid in [one(home, TITLES[name]) for name in names]:
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def nothing_left(home: Path) -> bool:
    return not living(home) and not folder_of(home).exists()


def end(home: Path) -> None:
    """Have the services end, if they run."""
    keeper = one(home, TITLES["keeper"]) if home.exists() else None
    if keeper:
        os.kill(keeper, signal.SIGTERM)
        until(lambda: nothing_left(home))


def only_these_programs(folder: Path, *names: str) -> str:
    """A PATH on which there is nothing else."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)
