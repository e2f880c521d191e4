"""Whether the books are those that this machine last worked with, or an older copy that would send once more.

Each worker notes the turn of the books in a small file below PRESSRUN_HOME, one per database. A database that comes
back from a backup does not bring that file along: it then shows an earlier turn than was noted, or runs in another
server than its own marker says. Either way every open send is held for a person, who resumes it knowingly, and a new
epoch begins, so that nothing is blocked for good.

A file that is not there says nothing: a new machine, a moved home, a second worker. One that was copied along with an
embedded database (its inode is not the one it was written to) is a sign that the whole home came from a backup.
"""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from pipeline.transitions.epoch import Epoch, Identity, begin_epoch, identity, read_epoch, turn_epoch

logger = logging.getLogger(__name__)
_CURE: Final = "If that is what you did, or you know why, nothing is wrong: each send says how it goes on."


@dataclass(frozen=True, slots=True)
class Note:
    """What this machine wrote down about the books."""

    token: str
    turn: int
    copied: bool = False
    """The file is a copy of the one that was written."""


def guard() -> None:
    """Go on by one turn, or hold every open send because the books are not those of the last turn.

    For the sweep, before it does anything else. Raises what the database raises; then nothing must be started.
    """
    here, found, why = _compare()
    if why:
        logger.error("open sends wait for a person: %s", why)
        found = begin_epoch(found, here, why=f"{why} {_CURE}")
    else:
        found = turn_epoch(found, here)
    write_note(here, found)


def look() -> str:
    """Why the next sweep would hold open sends; nothing if it would not. Notes how far the books are if all is well.

    For who works on the books without sweeping, so that every machine's note keeps up with them.
    """
    here, found, why = _compare()
    if found and not why:
        write_note(here, found)
    return why


def _compare() -> tuple[Identity, Epoch | None, str]:
    """The note is read first: the books may go on meanwhile, and must not seem to be behind it for that."""
    here = identity()
    note = read_note(here)
    found = read_epoch()
    return here, found, difference(found, here, note, embedded=_embedded())


def difference(found: Epoch | None, here: Identity, note: Note | None, *, embedded: bool) -> str:
    """What says that these books are not those that were last worked with, in words; empty if nothing does. Pure."""
    if found is None:
        return "What was worked on here before is gone from the books: the database is an older one." if note else ""
    if found.identity.differs(here):
        return (
            "The books were last worked on in another database server or database: this one was restored from a "
            "backup, moved, upgraded, or is a standby that took over."
        )
    if note is None or note.token in found.earlier:
        return ""
    return _against(note, found, embedded=embedded)


def _against(note: Note, found: Epoch, *, embedded: bool) -> str:
    if note.copied:
        return "This home and its database are a copy: moved, or restored from a backup." if embedded else ""
    if note.token != found.token:
        return "The books are older than what this machine last saw of them: the database was restored from a backup."
    if note.turn > found.turn:
        return (
            f"The books stand {note.turn - found.turn:,} turns behind what this machine last saw of them: the database "
            "was restored from a backup, or has lost what it had confirmed."
        )
    return ""


def read_note(here: Identity) -> Note | None:
    """The note of this machine about a database; None when there is none that can be read."""
    path = _path(here)
    try:
        with path.open(encoding="utf-8") as file:
            found: Mapping[str, object] = json.load(file)
            inode = os.fstat(file.fileno()).st_ino
        return Note(str(found["token"]), int(str(found["turn"])), copied=found["inode"] != inode)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("the note about the database cannot be read and says nothing this time: %s (%s)", path, error)
        return None


def write_note(here: Identity, epoch: Epoch) -> None:
    """Note how far the books are. A home that cannot be written to is told of, and does not stop the mail."""
    path = _path(here)
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with passing.open("w", encoding="utf-8") as file:
            inode = os.fstat(file.fileno()).st_ino
            json.dump({"token": epoch.token, "turn": epoch.turn, "inode": inode}, file)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    except OSError as error:
        with suppress(OSError):
            passing.unlink(missing_ok=True)
        logger.warning("how far the books are cannot be noted in %s (%s)", path, error.strerror)


def _path(here: Identity) -> Path:
    """Below the home, which is not part of what a database backup brings back."""
    return Path(settings.HOME) / "epoch" / f"{here.system or 'server'}-{here.database or 'database'}.json"


def _embedded() -> bool:
    return os.environ.get("PRESSRUN_EMBEDDED") == "1"
