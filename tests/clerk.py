"""Run as a program inside a house: gets ready once, then runs one command after another as lines of JSON ask for them.

Most of the time of a command is its start, so that a test of many commands spends it once. What each of them does,
prints and returns is what `pressrun` does, prints and returns.
"""

import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path


class Clerk:
    """The process, as its house sees it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        with (folder / "clerk.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env=environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, words: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Have one command run, and give what it said."""
        self._process.stdin.write(json.dumps([list(words), stdin.decode("latin-1")]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the clerk is gone ({self._process.wait()})"
        status, out, err = json.loads(answer)
        return subprocess.CompletedProcess(words, status, out, err)

    def leave(self) -> None:
        with self._process:  # which closes its stdin, so that it ends
            pass


def obey(words: Sequence[str], stdin: bytes) -> tuple[int, str, str]:
    """Run one command in this process."""
    from pipeline.cli import main as pressrun

    said = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with redirect_stdout(said[0]), redirect_stderr(said[1]):
        try:
            status = pressrun(words)
        except SystemExit as wrong_usage:
            status = int(wrong_usage.code or 0)
        except Exception:  # noqa: BLE001 (as Python itself would end with it)
            traceback.print_exc()
            status = 1
    return status, *(each.buffer.getvalue().decode() for each in said)


def main() -> None:
    from pipeline.commands import environment

    environment.prepare()
    environment.prepare = lambda **_: None
    from django.db import connections

    asked, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    for line in asked:
        words, stdin = json.loads(line)
        answer = obey(words, stdin.encode("latin-1"))
        connections.close_all()  # as the end of a process does
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
