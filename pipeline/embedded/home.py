"""Where the embedded services live: the folders, locks and notes of one home."""

import fcntl
import json
import os
import pwd
import secrets
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ROLE = DATABASE = "pressrun"
PORT = 5432  # only a part of the socket's name; nothing listens on the network
REDIS_SOCKET = "redis.sock"
LOG_LIMIT = 5_000_000  # bytes; a longer log becomes NAME.1 when it is next opened
TEMP_LIMIT = 60  # bytes; leaves room for our folder and a socket in the 104 to 108 of sun_path (unix(7))


class EmbeddedError(Exception):
    """The embedded services cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home. `root` is absolute and free of symbolic links."""

    root: Path

    @property
    def users_lock(self) -> Path:
        """Held shared by everyone who uses the services, exclusively by a keeper that ends for want of them."""
        return self.root / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held exclusively by the living keeper."""
        return self.root / "keeper.lock"

    @property
    def keeper_log(self) -> Path:
        return self.root / "keeper.log"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def services(self) -> Path:
        """Everything of the servers. They run as the owner of this folder."""
        return self.root / "services"

    @property
    def postgres(self) -> Path:
        return self.services / "postgres"

    @property
    def redis(self) -> Path:
        return self.services / "redis"

    @property
    def note(self) -> Path:
        """Where the socket folder is."""
        return self.services / "sockets.json"

    @property
    def failure(self) -> Path:
        """Why the last keeper gave up, in a sentence for people."""
        return self.services / "failure"

    @property
    def unready(self) -> Path:
        """Exists while no keeper answers for the servers, though they may speak.

        From a launch until what another keeper left has ended, and from a signal to end onwards.
        """
        return self.services / "unready"

    @property
    def hurry(self) -> Path:
        """Made by a user who leaves and wants the services to end at once, if nobody else is there."""
        return self.services / "hurry"


def prepare(path: Path) -> Home:
    """Make the folders of a home that are missing. Raises EmbeddedError when that cannot be."""
    home = Home(Path(os.path.realpath(path)))
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        for folder in (home.services, home.log):
            folder.mkdir(mode=0o700, exist_ok=True)
        owner = home.services.stat().st_uid
    except OSError as error:
        raise EmbeddedError(explain(error, home)) from error
    if os.geteuid() not in (0, owner):
        raise EmbeddedError(
            f"{home.services} belongs to {account_name(owner)}, and this is {account_name(os.geteuid())}. "
            "Nothing was changed. Run as that user, or set PRESSRUN_HOME to a folder of your own."
        )
    return home


def explain(error: OSError, home: Home) -> str:
    """What stands in the way of using a home, and what to do about it."""
    where = error.filename or home.root
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        kind = "file" if isinstance(error, IsADirectoryError) else "folder"
        what = f"something else is where Pressrun needs a {kind}: {where}. Move it away"
    elif isinstance(error, PermissionError):
        what = f"{account_name(os.geteuid())} may not write {where}. Give that user the right to"
    else:
        what = f"{error.strerror}: {where}. Mend that"
    return f"The home {home.root} cannot be used: {what}, or set PRESSRUN_HOME to another folder."


def account_name(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user number {uid}"


def try_lock(path: Path, kind: int) -> int | None:
    """Lock `path` (made when missing) as `kind`, LOCK_SH or LOCK_EX; None while others stand against it.

    The lock lives as long as the returned descriptor and its copies in forked children: it is given up by
    closing, never by LOCK_UN, which would take it from those children too.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if still_named(descriptor, path):
            return descriptor
    os.close(descriptor)
    return None


def still_named(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file: a home can be deleted, and even made anew, under us."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def mark(path: Path) -> None:
    """Make an empty file, in place of one that may be another user's."""
    path.unlink(missing_ok=True)
    path.touch()


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; a long one is first put aside as NAME.1, over the one before."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def noted_folder(home: Home) -> Path | None:
    """The socket folder as last noted; None if never, or if the home was moved or copied since."""
    try:
        note = json.loads(home.note.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return Path(note["folder"]) if note["home"] == str(home.root) else None


def is_private(folder: Path, home: Home) -> bool:
    """Whether `folder` is a real directory of the services' owner and closed to everyone else."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    owned = found.st_uid == home.services.stat().st_uid
    return stat.S_ISDIR(found.st_mode) and owned and not found.st_mode & 0o077


def make_socket_folder(home: Home) -> Path:
    """Make, or take back after a crash, the folder of the sockets.

    The same path serves for the life of a home, so that users outlive their keeper. It is noted before it
    is made, so that a kill in between leaves no folder that nobody knows of.
    """
    folder = noted_folder(home)
    if folder and _claim(folder, home):
        return folder
    folder = _short_temp() / f"pressrun-{secrets.token_hex(6)}"
    draft = home.note.with_suffix(".new")
    draft.write_text(json.dumps({"folder": str(folder), "home": str(home.root)}))
    draft.replace(home.note)
    folder.mkdir(mode=0o700)
    return folder


def _claim(folder: Path, home: Home) -> bool:
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    return is_private(folder, home)


def _short_temp() -> Path:
    """A temporary folder with a path short enough for sockets."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108  # private folders are made in it
        if len(os.fsencode(candidate)) <= TEMP_LIMIT and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    raise EmbeddedError(
        "There is no temporary folder with a path short enough for a socket. "
        f"Set TMPDIR to a writable folder whose path has at most {TEMP_LIMIT} bytes."
    )
