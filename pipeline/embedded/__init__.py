"""PostgreSQL and Redis without installing either: started when first used, ended when nobody uses them.

`attach` is all that a command needs. The keeper (`keeper.py`) owns both servers; this side only holds the
lock that keeps it alive, starts it when there is none, and waits for true answers. DESIGN section 3.
"""

import atexit
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pipeline.embedded.home import (
    DATABASE,
    PORT,
    REDIS_SOCKET,
    ROLE,
    EmbeddedError,
    Home,
    explain,
    is_private,
    mark,
    noted_folder,
    prepare,
    still_named,
    try_lock,
)

__all__ = ["EmbeddedError", "Endpoints", "attach", "detach"]

PATIENCE = 120.0  # seconds; a first start takes two, crash recovery of a large database more
PAUSE = 0.05  # seconds between questions
LAUNCHES = 5  # keepers started by one attach; only kills can take more than one

T = TypeVar("T")

_held: dict[Home, int] = {}  # the descriptors that hold `users.lock` shared, also in forked children


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the services are: a libpq connection URI and a kombu URL, both over private sockets."""

    database_url: str
    broker_url: str


def attach(home: Path, *, database: bool = True, broker: bool = True) -> Endpoints:
    """Use the services of `home` until the process and its forked children end, or `detach`.

    Both services run; it returns when those that are wanted have answered a query. May be called again at any
    time, cheaply: the URLs stay the same, and a keeper that was killed is replaced. Raises EmbeddedError.
    """
    place = prepare(home)
    try:
        _hold(place)
        return _await_services(place, database=database, broker=broker)
    except OSError as error:
        raise EmbeddedError(explain(error, place)) from error


def detach(*, stop: bool = False) -> None:
    """Give up every home of this process; its keeper ends some seconds after the last user.

    With `stop`, the services end at once if nobody else uses them, and it returns when they have.
    """
    for home in tuple(_held):
        os.close(_held.pop(home))
        with suppress(FileNotFoundError):  # somebody deleted the home, so there is nothing to end
            if stop:
                _hurry(home)
            _clear_up(home)


def _hold(home: Home) -> None:
    """Hold `users.lock` shared; waits for a keeper that is ending."""
    if home in _held:
        if still_named(_held[home], home.users_lock):
            return
        os.close(_held.pop(home))  # the home was deleted and is being made anew
    if not _held:
        atexit.unregister(detach)
        atexit.register(detach)
    _held[home] = _wait_for(
        lambda: try_lock(home.users_lock, fcntl.LOCK_SH),
        f"The embedded services of {home.root} are ending and do not come to an end; see {home.keeper_log}.",
    )


def _await_services(home: Home, *, database: bool, broker: bool) -> Endpoints:
    from pipeline.embedded.launch import launch

    launches = 0

    def look() -> Endpoints | None:
        nonlocal launches
        lock = try_lock(home.keeper_lock, fcntl.LOCK_EX)
        if lock is None:  # a keeper lives
            return _answering(home, database=database, broker=broker)
        try:
            _complain_of_failure(home, launches)
            launches += 1
            launch(home, lock)
        finally:
            os.close(lock)
        return None

    return _wait_for(look, f"The embedded services of {home.root} do not answer; see {home.log}.")


def _complain_of_failure(home: Home, launches: int) -> None:
    if launches and home.failure.exists():
        raise EmbeddedError(home.failure.read_text())
    if launches >= LAUNCHES:
        raise EmbeddedError(f"The keeper of the embedded services ended {launches} times; see {home.keeper_log}.")


def _wait_for(ask: Callable[[], T | None], failure: str) -> T:
    deadline = time.monotonic() + PATIENCE
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(failure)
        time.sleep(PAUSE)
    return answer


def _answering(home: Home, *, database: bool, broker: bool) -> Endpoints | None:
    """The endpoints, once the services have answered; None until then."""
    folder = noted_folder(home)
    if folder is None or home.unready.exists() or not is_private(folder, home):
        return None
    query = f"host={quote(str(folder))}&port={PORT}&user={ROLE}"
    url = f"postgresql:///{DATABASE}?{query}"
    if (database and not _database_answers(url)) or (broker and not _broker_answers(folder / REDIS_SOCKET)):
        return None
    if home.unready.exists():  # they answered, but the keeper was told to end meanwhile
        return None
    return Endpoints(url, f"redis+socket://{quote(str(folder / REDIS_SOCKET))}?virtual_host=0")


def _database_answers(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:  # starting, recovering or restarting
        return False
    return True


def _broker_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")  # while it loads its file: -LOADING
        except OSError:
            return False


def _hurry(home: Home) -> None:
    """Have the keeper end at once, unless there are other users, and wait for that."""
    mark(home.hurry)

    def settled() -> bool | None:
        lock = try_lock(home.keeper_lock, fcntl.LOCK_EX)
        if lock is not None:
            os.close(lock)
            return True
        return None if home.hurry.exists() else True  # a keeper with users takes the mark away

    _wait_for(settled, f"The embedded services of {home.root} do not end; see {home.keeper_log}.")
    home.hurry.unlink(missing_ok=True)


def _clear_up(home: Home) -> None:
    """Sweep up behind a keeper that was killed, when nobody else is there; a living one does it itself."""
    keeper = try_lock(home.keeper_lock, fcntl.LOCK_EX)
    if keeper is None:
        return
    users = try_lock(home.users_lock, fcntl.LOCK_EX)
    if users is not None:
        _sweep(home)
        os.close(users)
    os.close(keeper)


def _sweep(home: Home) -> None:
    from pipeline.embedded.process import end_all_processes

    folder = noted_folder(home)
    if folder and is_private(folder, home):
        end_all_processes(folder)
        shutil.rmtree(folder, ignore_errors=True)
