"""Runs several processes as one: their lines with their names, one fate for all, and time to end well.

A part that ends with the status for it (a worker that found itself deaf) is started again; any other end is the end.

Each process leads a process group of its own, so that the terminal's Ctrl-C reaches this one alone; where
util-linux is at hand, the kernel also ends them should this one be killed.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import cycle
from queue import Empty, SimpleQueue
from typing import Final, TextIO

GRACE: Final = timedelta(seconds=120)
START_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h, as `pipeline.watchdog` has it; this module starts without Django."""
COLOURS: Final = (36, 33, 32, 35, 34)
STOPPING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Part:
    """One process to run. `last`: it is asked to end only when every other one has, because they lean on it."""

    name: str
    command: tuple[str, ...]
    last: bool = False


def read_procfile(text: str) -> dict[str, tuple[str, ...]]:
    """Lines of `name: command`; blank lines and those that begin with # say nothing."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    pairs = [line.partition(":") for line in lines]
    return {name.strip(): tuple(shlex.split(command)) for name, _, command in pairs}


def run_together(
    parts: Sequence[Part],
    *,
    environment: Mapping[str, str],
    out: TextIO = sys.stdout,
    grace: timedelta = GRACE,
) -> int:
    """Run until a signal comes or one part ends; then end all. Returns 0 when that was asked for and went well."""
    company = Company(parts, out=out, grace=grace.total_seconds())
    with company.listening():
        return company.run({"PYTHONUNBUFFERED": "1", **environment})


class Company:
    """The parts while they run. Threads and signal handlers only report; one loop in one thread acts."""

    def __init__(self, parts: Sequence[Part], *, out: TextIO, grace: float) -> None:
        self._parts = {part.name: part for part in parts}
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._asked: set[str] = set()
        # SimpleQueue is the one queue whose put() is safe inside a signal handler.
        self._news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._out, self._grace = out, grace
        self._deadline: float | None = None
        self._failed = False
        self._environment: Mapping[str, str] = {}
        self._prefix = _prefixes(list(self._parts), coloured=out.isatty() and "NO_COLOR" not in os.environ)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals become news, from before the first part starts until after the last has ended."""
        before = {number: signal.signal(number, self._hear) for number in STOPPING_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, environment: Mapping[str, str]) -> int:
        self._environment = environment
        for part in self._parts.values():
            self._start(part, environment)
        while self._running:
            try:
                self._news.get(timeout=self._deadline and max(0.0, self._deadline - time.monotonic()))()
            except Empty:
                self._give_up()
        return int(self._failed)

    def _start(self, part: Part, environment: Mapping[str, str]) -> None:
        self._running[part.name] = process = subprocess.Popen(  # noqa: S603  (the Procfile is ours)
            [*_dying_with_us(), *part.command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            text=True,
            errors="replace",
        )
        reader = threading.Thread(target=self._read, args=(part.name, process), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(part.name, process, reader), daemon=True).start()

    def _read(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                self._news.put(partial(self._say, line.rstrip("\n"), name))

    def _wait(self, name: str, process: subprocess.Popen[str], reader: threading.Thread) -> None:
        status = process.wait()
        reader.join(timeout=1)  # its last words first; a grandchild may hold the pipe open for longer
        self._news.put(partial(self._ended, name, status))

    def _hear(self, number: int, _frame: object) -> None:
        self._news.put(partial(self._asked_to_stop, signal.Signals(number).name))

    def _ended(self, name: str, status: int) -> None:
        process = self._running.pop(name)
        _signal_group(process, signal.SIGTERM)  # children that it may have left behind
        if status == START_AGAIN and self._deadline is None:
            self._say(f"{name} asked to be started again.")
            self._start(self._parts[name], self._environment)
            return
        how = f"status {status}" if status >= 0 else signal.Signals(-status).name
        polite = name in self._asked and status in {0, -signal.SIGTERM}
        self._failed |= not polite
        if name in self._asked:
            self._say(f"{name} ended." if polite else f"{name} ended with {how}.")
        else:
            self._say(f"{name} ended by itself with {how}; stopping the others.")
        self._stop()

    def _asked_to_stop(self, why: str) -> None:
        if self._deadline is None:
            self._say(f"{why}: stopping. What is on its way to a relay is finished first.")
            self._stop()
        else:
            left = max(0.0, self._deadline - time.monotonic())
            self._say(f"Waiting for {self._waited_for()}, {left:.0f} s at most, so that no copy is left in doubt.")

    def _stop(self) -> None:
        """Ask all but the last ones to end, and those when nobody else is left. Nobody is asked twice."""
        self._deadline = self._deadline or time.monotonic() + self._grace
        first = [name for name in self._running if not self._parts[name].last]
        for name in set(first or self._running) - self._asked:
            self._asked.add(name)
            self._running[name].terminate()

    def _give_up(self) -> None:
        self._say(f"Killing {self._waited_for()}: not ended after {self._grace:.0f} s.")
        self._failed = True
        self._asked.update(self._running)
        self._deadline = time.monotonic() + self._grace
        for process in self._running.values():
            _signal_group(process, signal.SIGKILL)

    def _waited_for(self) -> str:
        return ", ".join(f"{name} (process {process.pid})" for name, process in self._running.items())

    def _say(self, text: str, name: str = "up") -> None:
        with contextlib.suppress(OSError):  # a closed terminal is no reason to leave the parts alone
            print(self._prefix[name] + text, file=self._out, flush=True)


def _prefixes(names: Sequence[str], *, coloured: bool) -> dict[str, str]:
    width = max(map(len, ["up", *names]))
    plain = {name: f"{name:{width}} | " for name in names}
    shown = {n: f"\033[{code}m{p}\033[0m" for (n, p), code in zip(plain.items(), cycle(COLOURS), strict=False)}
    return {"up": f"{'up':{width}} | ", **(shown if coloured else plain)}


def _dying_with_us() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
