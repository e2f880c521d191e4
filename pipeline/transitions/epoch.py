"""The epoch of the books: by which a database that came back from a backup is told from the one that went on.

A marker row says which server, timeline and database the books were last worked on in, a random token, and how many
turns the sweep has made. A restored copy brings its old marker along; the server it runs in, and the turn that a
worker has noted outside the database (`delivery.epoch`), do not go back with it.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from django.db import DatabaseError, transaction

from pipeline.models import AuditEvent, Marker, SendState, Stop
from pipeline.queries.sql import execute, rows

MARKER: Final = "epoch"
_REMEMBERED: Final = 50
"""Earlier tokens by which a note of an epoch that a person has let go on since is known again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database this is. What a hosted server does not tell stays empty, and says nothing."""

    system: str
    """The server's own number, given at its making and carried by its physical copies."""
    timeline: str
    """Changes when a standby is promoted or a backup is played forward to some moment."""
    database: str
    """The database's number within its server: a dump read into a new one gets another."""

    def differs(self, other: "Identity") -> bool:
        pairs = ((self.system, other.system), (self.timeline, other.timeline), (self.database, other.database))
        return any(one and two and one != two for one, two in pairs)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What the marker says."""

    identity: Identity
    token: str
    turn: int
    """Grows with every sweep."""
    earlier: tuple[str, ...] = ()


def identity() -> Identity:
    """Of the database we are connected to."""
    return Identity(
        _told("SELECT system_identifier::text FROM pg_control_system()"),
        _told("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"),
        _told("SELECT oid::text FROM pg_database WHERE datname = current_database()"),
    )


def read_epoch() -> Epoch | None:
    """The marker as it stands; None before the first sweep, and when it says nothing."""
    text = Marker.objects.filter(name=MARKER).values_list("text", flat=True).first()
    try:
        found = json.loads(text or "")
        return Epoch(Identity(**found["identity"]), found["token"], found["turn"], tuple(found["earlier"]))
    except (ValueError, KeyError, TypeError):
        return None


def turn_epoch(found: Epoch | None, here: Identity) -> Epoch:
    """Write down that the books went on by one turn."""
    turned = replace(found, identity=here, turn=found.turn + 1) if found else _new(here)
    _write(turned)
    return turned


def begin_epoch(found: Epoch | None, here: Identity, *, why: str) -> Epoch:
    """Hold every open send for a person, with the reason in words, and begin a new epoch."""
    with transaction.atomic():
        held = [
            int(pk)
            for (pk,) in rows(
                "UPDATE pipeline_send SET state = 'held', state_code = %s, state_reason = %s WHERE state = ANY(%s)"
                " RETURNING id",
                [Stop.RESTORED, _for_a_send(why), _open()],
            )
        ]
        for send_id in held:
            detail = {"why": _for_a_send(why), "code": Stop.RESTORED}
            AuditEvent.objects.create(actor="sweep", action="send.held", subject=f"send:{send_id}", detail=detail)
        AuditEvent.objects.create(
            actor="sweep", action="epoch.changed", subject="database", detail={"why": why, "held": held}
        )
        begun = _new(here, earlier=(*(found.earlier if found else ()), *((found.token,) if found else ())))
        _write(begun)
    return begun


def _for_a_send(why: str) -> str:
    return (
        f"{why} What this send did since that backup may be missing in its books, so going on could write to people a "
        "second time. Compare with the relay's log first. Then resume it, saying that you know, or cancel it."
    )


def _new(here: Identity, earlier: Sequence[str] = ()) -> Epoch:
    return Epoch(here, secrets.token_hex(8), 1, tuple(earlier)[-_REMEMBERED:])


def _write(epoch: Epoch) -> None:
    execute(
        "INSERT INTO pipeline_marker (name, text, at) VALUES (%s, %s, now())"
        " ON CONFLICT (name) DO UPDATE SET text = excluded.text, at = now()",
        [MARKER, json.dumps(asdict(epoch))],
    )


def _told(question: str) -> str:
    try:
        with transaction.atomic():
            return str(rows(question)[0][0])
    except DatabaseError:
        return ""  # hosted servers forbid some of these


def _open() -> list[str]:
    return [str(state) for state in (SendState.SCHEDULED, SendState.STARTING, SendState.SENDING, SendState.PAUSED)]
