"""Reads each message in a process of its own, within limits: what a hostile one can break is that process alone.

`understand` here gives what `pipeline.feedback.understand` gives. One reader serves a process for all its messages;
one that dies or overruns is replaced, its message tried once more in a fresh one, and told as unread if that fails too.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from socket import socketpair
from threading import Lock
from time import monotonic
from typing import Final

from pipeline.errors import PressrunError
from pipeline.feedback.mime import SIZE_AT_MOST
from pipeline.feedback.understood import Kind, Understood
from pipeline.feedback.wire import (
    ANSWER_AT_MOST,
    LENGTH,
    MEMORY_AT_MOST,
    OUT_OF_MEMORY,
    SECONDS_AT_MOST,
    NoAnswerError,
    decode,
    frame,
)

WITHIN: Final = 10.0  # seconds by the clock for one message; a busy machine may take some
START_WITHIN: Final = 60.0  # seconds
TRIES: Final = 2
_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from pipeline.feedback.reader import main; main()"
_PIECE: Final = 65536
_HOME: Final = str(Path(__file__).resolve().parents[2])


class NoReaderError(PressrunError):
    """The process that reads mail cannot be started. That is no message's fault: nothing has been read."""


class _DiedError(Exception):
    """The reader ended over a message, or had to be ended. Says why, for people."""


class _Process:
    """One process and our end of the line to it. Only the standard library is in its reach, and this package."""

    def __init__(self) -> None:
        self.line, theirs = socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(  # noqa: S603 (only our own words)
                    [sys.executable, "-I", "-S", "-c", _START, _HOME],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                    start_new_session=True,
                )
            except OSError:
                self.line.close()
                raise

    def wait_until_ready(self) -> None:
        self._receive(monotonic() + START_WITHIN)

    def ask(self, raw: bytes) -> Understood:
        """What the message is. Raises _DiedError; the process is of no use then."""
        deadline = monotonic() + WITHIN
        try:
            self.line.settimeout(WITHIN)
            self.line.sendall(frame(raw))
            return decode(self._receive(deadline))
        except TimeoutError as error:
            raise _DiedError(f"it took longer than {WITHIN:g} seconds") from error
        except NoAnswerError as error:
            raise _DiedError("its reader was taken over") from error
        except OSError as error:  # the line is closed
            self.process.kill()  # one that closed the line and goes on; what has ended keeps its own status
            raise _DiedError(_REASONS.get(self.process.wait(), "its reader broke down")) from error

    def end(self) -> None:
        self.line.close()
        self.process.kill()
        self.process.wait()

    def disown(self) -> None:
        """It belongs to the process that we were forked from, and must see that one's end of the line close."""
        self.line.close()
        self.process.poll()

    def _receive(self, deadline: float) -> bytes:
        """The content of the one frame that is due. Mostly it comes in one piece."""
        received, size = b"", LENGTH
        while len(received) < size:
            self.line.settimeout(max(deadline - monotonic(), 0.001))
            piece = self.line.recv(_PIECE)
            if not piece:
                raise ConnectionResetError
            received += piece
            size = LENGTH + int.from_bytes(received[:LENGTH])
            if not len(received) <= size <= ANSWER_AT_MOST:
                raise NoAnswerError
        return received[LENGTH:]


_REASONS: Final[Mapping[int, str]] = {
    OUT_OF_MEMORY: f"it needs more than {MEMORY_AT_MOST // 2**20} MB of memory",
    -signal.SIGXCPU: f"it takes more than {SECONDS_AT_MOST} seconds of a processor",
}


class Reader:
    """One process at a time, started when there is something to read. For any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: _Process | None = None

    def understand(self, raw: bytes) -> Understood:
        """Say what a raw message is; `unread` is set where that could not be found out within the limits.

        Raises NoReaderError.
        """
        why = ""
        with self._lock:
            for _ in range(TRIES):
                try:
                    return self._started().ask(raw[:SIZE_AT_MOST])
                except _DiedError as death:
                    why = str(death)
                    self._end()
        return Understood(Kind.OTHER, rule="unread", unread=why)

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def forget(self) -> None:
        """In a forked process: whatever was going on is going on elsewhere."""
        self._lock = Lock()
        if self._process:
            self._process.disown()
        self._process = None

    def _started(self) -> _Process:
        if self._process is None:
            try:
                self._process = _Process()
                self._process.wait_until_ready()
            except (OSError, NoAnswerError) as error:
                self._end()
                raise NoReaderError(
                    "The process that reads returned mail does not start. Nothing was taken in; it may be offered "
                    "again. Look whether this machine has memory and processes to spare."
                ) from error
        return self._process

    def _end(self) -> None:
        if self._process:
            self._process.end()
        self._process = None


_READER: Final = Reader()
understand: Final = _READER.understand
atexit.register(_READER.close)
os.register_at_fork(after_in_child=_READER.forget)
