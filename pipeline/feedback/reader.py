"""The process that reads hostile mail: bytes in, what they mean out, and nothing else in its reach.

`bounded` starts it, with an empty environment and one line to its parent. Before the first message it gives up for
good what a reader does not need: opening files or connections, starting processes, writing files, more than 64 MB.
It knows no keys and no database, and ends with that line, however its parent dies.
"""

import codecs
import os
import resource
import signal
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from pipeline.feedback import mime
from pipeline.feedback.understand import understand
from pipeline.feedback.wire import LENGTH, MEMORY_AT_MOST, OUT_OF_MEMORY, SECONDS_AT_MOST, encode, frame
from pipeline.replies import classify

_BUFFER: Final = 65536
BROKEN: Final = 4  # exit status: an exception, so a defect of ours


def main() -> NoReturn:
    """Answer each message until there are no more. The first frame, empty, says: ready."""
    line = os.fdopen(0, "rb", _BUFFER), os.fdopen(0, "wb", closefd=False)
    _give_up()
    status = BROKEN
    try:
        _serve(*line)
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


def _serve(given: BinaryIO, answers: BinaryIO) -> None:
    answer = b""
    while True:
        answers.write(frame(answer))
        answers.flush()
        head = given.read(LENGTH)
        raw = given.read(int.from_bytes(head))
        if not head:
            return
        _allow(SECONDS_AT_MOST)
        answer = encode(understand(raw))


def _give_up() -> None:
    """Hard limits: they cannot be raised again. Whatever is read from files is read before."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # for the parent, who still wants the answer
        signal.signal(signum, signal.SIG_IGN)
    os.dup2(1, 2)  # what hinders the start is told on stderr, what comes later is not
    for charset in mime.CHARSETS:
        codecs.lookup(charset)
    classify("")  # reads its tables
    memory = _in_use() + MEMORY_AT_MOST
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(what, (0, 0))


def _in_use() -> int:
    """Octets of address space."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _allow(seconds: int) -> None:
    """So much more of a processor; the kernel ends it after that (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, resource.RLIM_INFINITY))
