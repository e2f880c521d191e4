"""The inbox's Maildir as people read it."""

import os
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

SHOWN: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+")


@dataclass(frozen=True, slots=True)
class Mail:
    name: str
    """The file's name, by which it is asked for."""
    to: str
    subject: str
    date: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str


def newest(folder: Path, *, containing: str = "") -> list[Mail]:
    """The newest messages, up to SHOWN; `containing` narrows them by recipient or subject."""
    found: list[Mail] = []
    for name in _names(folder):
        mail = _read(folder / "new" / name)
        if mail and containing.lower() in f"{mail.to} {mail.subject}".lower():
            found.append(mail)
        if len(found) == SHOWN:
            break
    return found


def one(folder: Path, name: str) -> Mail | None:
    """The message of that name, or None; a name never leads out of the folder."""
    return _read(folder / "new" / name) if _NAME.fullmatch(name) else None


def _names(folder: Path) -> list[str]:
    try:
        entries = list(os.scandir(folder / "new"))
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime_ns, reverse=True)]


def _read(path: Path) -> Mail | None:
    try:
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
    except FileNotFoundError:
        return None
    assert isinstance(message, EmailMessage)
    return Mail(
        name=path.name,
        to=str(message.get("Delivered-To", "")),
        subject=str(message.get("Subject", "")),
        date=str(message.get("Date", "")),
        headers=tuple((name, str(value)) for name, value in message.items()),
        html=_body(message, "html"),
        text=_body(message, "plain"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content() if part else ""
