"""The keeper: one small process that runs PostgreSQL and Redis for as long as somebody uses them.

How nobody ever meets services that are about to end: a user holds `users.lock` shared before anything else;
the keeper ends for want of users only while it holds that lock exclusively, and gives it up with its life.
So a user either comes first, and the keeper stays, or waits until that keeper is gone and starts another.
Two keepers at once are impossible: `keeper.lock` is taken by whoever starts one, and handed over to it.
"""

import fcntl
import logging
import os
import shutil
import signal
import time
from pathlib import Path
from types import FrameType

from pipeline.embedded.home import EmbeddedError, Home, make_socket_folder, still_named, try_lock
from pipeline.embedded.process import Server
from pipeline.embedded.servers import find_binaries, postgres_server, redis_server

LINGER = 5.0  # seconds without users before the services end
POLL = 0.2  # seconds between looks at users and servers

log = logging.getLogger(__name__)


def serve(home: Home, lock: int) -> int:
    """Be the keeper, detached, from here on; `lock` holds `keeper.lock`. Gives the exit status."""
    if os.fork():
        os._exit(0)  # whoever started us waits for this process only and never meets a zombie
    os.set_inheritable(lock, False)
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    try:
        Keeper(home, lock).run()
    except (EmbeddedError, OSError) as error:
        log.exception("The keeper gives up")
        home.failure.write_text(str(error))
        return 1
    return 0


class Keeper:
    """The life of one keeper."""

    def __init__(self, home: Home, lock: int) -> None:
        self.home = home
        self.lock = lock
        self.told_to_end = False
        self.idle_since: float | None = None

    def run(self) -> None:
        """Raises EmbeddedError when a server cannot be started."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)
        self.home.hurry.unlink(missing_ok=True)
        folder = make_socket_folder(self.home)
        binaries = find_binaries()
        servers = [redis_server(self.home, folder, binaries), postgres_server(self.home, folder, binaries)]
        try:
            self._watch(servers)
        finally:
            _end(servers, folder)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.told_to_end = True
        if not self.home.unready.exists():
            self.home.unready.touch()  # at once: whoever comes now must wait for the next keeper

    def _watch(self, servers: list[Server]) -> None:
        for server in servers:
            server.start()
        self._answer_for_them()
        while not self.told_to_end and still_named(self.lock, self.home.keeper_lock):
            for server in servers:
                server.watch()
            if self._nobody_left():
                log.info("nobody uses the services any more")
                return
            time.sleep(POLL)

    def _answer_for_them(self) -> None:
        self.home.unready.unlink(missing_ok=True)
        if self.told_to_end:
            self.home.unready.touch()

    def _nobody_left(self) -> bool:
        """Whether to end; if so, `users.lock` is held until this process has ended."""
        users = try_lock(self.home.users_lock, fcntl.LOCK_EX)
        if users is None:
            self.idle_since = None
            self.home.hurry.unlink(missing_ok=True)
            return False
        now = time.monotonic()
        self.idle_since = self.idle_since or now
        if now - self.idle_since >= LINGER or self.home.hurry.exists():
            return True
        os.close(users)
        return False


def _end(servers: list[Server], folder: Path) -> None:
    for server in servers:
        server.ask_to_end()
    for server in servers:
        server.end()
    shutil.rmtree(folder, ignore_errors=True)
    log.info("ended")
