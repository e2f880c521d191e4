"""A whole Pressrun in a folder of its own, worked from outside as a person would: by its commands, in processes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import psycopg
from clerk import Clerk

ROOT = Path(__file__).parent.parent
ISSUE = """\
---
newsletter:
  slug: city
  name: City Letter
  sender: {name: City Desk, address: desk@city.example}
  postal_address: 1 Town Square, Sejong
  language: en
number: 1
date: 2026-11-22
language: en
title: The first issue
subject: 'News for {{ first_name | default("you") }}'
preheader: What is new in the city
---
# News

## A bridge opens {source="City Hall" date=2026-11-20}

Dear {{ first_name | default("reader") }}, the bridge is open.
"""


class House:
    """Commands, processes, and the database of one installation."""

    def __init__(self, folder: Path, *, database_url: str, broker_url: str, **variables: str) -> None:
        self.folder, self.database_url, self.broker_url = folder, database_url, broker_url
        self.folder.mkdir(parents=True, exist_ok=True)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PRESSRUN_")}
        given = {
            "HOME": str(folder / "home"),
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
            "SECRET_KEY": "a key for tests, forty characters long..",
            "SWEEP": "1s",
            **variables,
        }
        self.environment = clean | {"PYTHONPATH": str(ROOT), **{f"PRESSRUN_{name}": given[name] for name in given}}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._clerk: Clerk | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._clerk:
            self._clerk.leave()
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, *words: str, status: int | None = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a surprising exit status fails with what it said.

        All are run by one process, which takes a second or two to start, and each then some milliseconds.
        """
        self._clerk = self._clerk or Clerk(self.folder, self.environment)
        return _expect(status, self._clerk.run(words, stdin))

    def run_alone(self, *words: str, status: int | None = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Likewise in a process of its own, as a shell does, with the environment as it is now."""
        done = subprocess.run(
            [*self._command(), *words],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            timeout=180,
            check=False,
        )
        text = subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())
        return _expect(status, text)

    def json(self, *words: str, status: int | None = 0) -> Any:
        """Run a command with --json and read its one document."""
        return json.loads(self.run(*words, "--json", status=status).stdout)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a long-running command in a session of its own; what it says goes into a file."""
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._command(), *words],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def write_issue(self, text: str = ISSUE) -> Path:
        path = self.folder / "issue.md"
        path.write_text(text, encoding="utf-8")
        return path

    def import_people(self, emails: Iterable[str], to: str = "all") -> None:
        path = self.folder / f"{to}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "first_name"])
            writer.writerows([email, f"N{number}"] for number, email in enumerate(emails))
        self.run("import", str(path), "--list", to, "--create")

    def database(self) -> psycopg.Connection[Any]:
        """A connection of our own to the books."""
        return psycopg.connect(self.database_url, autocommit=True)

    def _command(self) -> list[str]:
        return [sys.executable, "-c", "import sys; from pipeline.cli import main; sys.exit(main())"]


def _expect(status: int | None, text: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if status is not None:
        assert text.returncode == status, f"pressrun {' '.join(text.args)}\n{text.stdout}\n{text.stderr}"
    return text


def until(condition: Callable[[], Any], *, seconds: float = 60, what: str = "it") -> Any:
    """Wait for a condition and give its value back; fail with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)
    return value


def children(pid: int) -> list[int]:
    """The processes that a process started and that live."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def kill(pid: int) -> bool:
    """kill -9; False if it was gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def reasons(document: Mapping[str, Any]) -> dict[str, int]:
    """state/reason → people, of a status document."""
    return {
        f"{state}/{reason}": number
        for state, per_reason in document["reasons"].items()
        for reason, number in per_reason.items()
    }
