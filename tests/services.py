"""A PostgreSQL and a Redis of a test's own, held by a process that ends with it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import psycopg

ROOT = Path(__file__).parent.parent
HOLDER = """
import json, sys, signal
from pathlib import Path
from pipeline.embedded import attach, detach
found = attach(Path(sys.argv[1]))
print(json.dumps({"database": found.database_url, "broker": found.broker_url}), flush=True)
sys.stdin.read()
detach(stop=True)
"""


class Services:
    """For `with`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(self._home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.urls = json.loads(self._holder.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        with self._holder:  # which closes its stdin, so that it ends
            pass

    def end_database(self, how: signal.Signals) -> None:
        """SIGQUIT: at once, as a crash."""
        os.kill(self.database_pid(), how)

    def database_pid(self) -> int:
        return int((self._home / "services" / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def database_answers(self) -> bool:
        try:
            with psycopg.connect(self.urls["database"], connect_timeout=2) as session:
                return bool(session.execute("SELECT 1").fetchone())
        except psycopg.Error:
            return False
