"""A send's life: scheduled, started, paused, resumed, cancelled, finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now

from pipeline.errors import PressrunError
from pipeline.models import AuditEvent, Send, SendList, SendProof, SendState, Stop, Transport, UnknownLanguage
from pipeline.queries import clock
from pipeline.queries.sql import execute, rows
from pipeline.transitions.counts import release_brakes
from pipeline.transitions.freezing import WAVE_LASTS, freeze
from pipeline.transitions.settling import cancel_leftovers, count_doubts_anew
from pipeline.transitions.waiting import wait_for_the_sweep

LATE_AFTER: Final = timedelta(hours=2)
"""A send found due longer ago than this waits for a person: the world may have moved on (or a backup come back)."""
ANALYSE_FROM: Final = 1_000
"""So many new rows are counted at once for PostgreSQL's planner; by itself it does so within a minute, and until then
it may read all rows of a send to find one."""
SAME_FOR: Final = timedelta(minutes=3)
"""The same approval again within this time is a second click, not a second send."""
_PEOPLE_MAY: Final[Mapping[str, Sequence[str]]] = {
    SendState.PAUSED: (SendState.STARTING, SendState.SENDING),
    SendState.CANCELLED: (
        SendState.DRAFT,
        SendState.SCHEDULED,
        SendState.STARTING,
        SendState.SENDING,
        SendState.PAUSED,
        SendState.HELD,
    ),
}


class WrongStateError(PressrunError):
    """The send is not in a state from which this can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSend:
    """What a person approved."""

    newsletter_id: int
    transport: Transport
    proofs: Mapping[str, str]
    """Language → proof hash, the main one first."""
    lists: Sequence[int]
    excluded: Sequence[int] = ()
    fallback_languages: Sequence[str] = ()
    unknown_language: str = UnknownLanguage.MAIN
    parent_id: int | None = None
    follows: str = ""
    """Which of the parent's deliveries this send is for, in the words of `queries.FOLLOWINGS`."""
    due_at: datetime | None
    """None: now, by the database's clock."""
    undo_for: timedelta = timedelta(0)
    """So much later than now, and until then it can be taken back whole."""
    zone: str = "UTC"
    wall_time: datetime | None = None
    window: str = ""
    """Days and hours in the zone, as `delivery.schedule.Window` writes them; it opens first at `opens_at`."""
    opens_at: datetime | None = None
    urgent: bool = False
    first_wave: bool = False
    valid_for: timedelta
    retry: Sequence[timedelta]
    brakes: bool = True
    limits: Mapping[str, Any] = field(default_factory=dict)
    uncertain_policy: str = Send.UncertainPolicy.RETRY
    approved_by: str
    approval: str = ""
    owner_id: int | None = None


@transaction.atomic
def create_send(new: NewSend) -> Send:
    """Schedule a send of approved proofs. The approver and the hashes go into the audit trail."""
    due_at = new.due_at or clock.now() + new.undo_for
    send = Send.objects.create(
        newsletter_id=new.newsletter_id,
        state=SendState.SCHEDULED,
        transport=new.transport,
        parent_id=new.parent_id,
        follows=new.follows,
        due_at=due_at,
        undo_until=due_at if new.undo_for and not new.due_at else None,
        zone=new.zone,
        wall_time=new.wall_time,
        window=new.window,
        waits_until=new.opens_at,
        urgent=new.urgent,
        first_wave=new.first_wave,
        valid_for=new.valid_for,
        retry=[int(wait.total_seconds()) for wait in new.retry],
        brakes=new.brakes,
        limits=dict(new.limits),
        uncertain_policy=new.uncertain_policy,
        fallback_languages=list(new.fallback_languages),
        unknown_language=new.unknown_language,
        approved_by=new.approved_by,
        approval=new.approval,
        owner_id=new.owner_id,
    )
    SendList.objects.bulk_create(
        [SendList(send=send, list_id=pk, excluded=False) for pk in new.lists]
        + [SendList(send=send, list_id=pk, excluded=True) for pk in new.excluded]
    )
    SendProof.objects.bulk_create(
        [
            SendProof(send=send, language=language, proof_id=proof, position=position)
            for position, (language, proof) in enumerate(new.proofs.items())
        ]
    )
    following = {"parent": new.parent_id, "follows": new.follows} if new.parent_id else {}
    due = {"due_at": due_at.isoformat()}
    _audit(new.approved_by, "send.approved", send.pk, proofs=dict(new.proofs), **due, **following)
    return send


def approved_just_now(approval: str) -> Send | None:
    """The send that the very same approval made within the last minutes, unless it was taken back or cancelled.

    Whoever asks waits for others who ask with the same, until their transaction ends: of many clicks one makes a send.
    """
    execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [approval])
    same = Send.objects.filter(approval=approval, created_at__gt=Now() - SAME_FOR)
    return same.exclude(state=SendState.CANCELLED).order_by("pk").first()


def start_send(send_id: int) -> bool:
    """Freeze the audience of a due send and let it go; False if someone was first.

    One statement writes every person on the lists, each reachable one as pending and each other one as skipped with
    the reason. It is one transaction: a crash leaves the send as it was, and the next sweep starts it.
    """
    with transaction.atomic():
        if not _move(send_id, SendState.STARTING, [SendState.SCHEDULED, SendState.STARTING]):
            return False
        audience, wave = freeze(Send.objects.get(pk=send_id))
        execute(
            "UPDATE pipeline_send SET state = 'sending', started_at = now(), valid_until = now() + valid_for,"
            " audience = %s, wave = %s, wave_until = CASE WHEN %s > 0 THEN now() + %s END WHERE id = %s",
            [audience, wave, wave, WAVE_LASTS, send_id],
        )
        _audit("sweep", "send.started", send_id, audience=audience, **({"wave": wave} if wave else {}))
    if audience >= ANALYSE_FROM:
        execute("ANALYZE pipeline_delivery")
    return True


def hold_late_sends() -> list[int]:
    """Put sends that could have gone too long ago before a person. What waited for its window counts from there."""
    why = "It was due more than two hours ago. Resume it if it should still go out, or cancel it."
    with transaction.atomic():
        held = [
            int(pk)
            for (pk,) in rows(
                "UPDATE pipeline_send SET state = 'held', state_reason = %s, state_code = %s"
                " WHERE state = 'scheduled' AND greatest(due_at, waits_until) < now() - %s RETURNING id",
                [why, Stop.LATE, LATE_AFTER],
            )
        ]
        for send_id in held:
            _audit("sweep", "send.held", send_id, why=why, code=Stop.LATE)
    return held


def hold_send(send_id: int, *, why: str) -> bool:
    """Put a send that is due before a person; False if it has been started or ended meanwhile."""
    with transaction.atomic():
        held = _move(send_id, SendState.HELD, [SendState.SCHEDULED, SendState.STARTING], why, Stop.NOT_READY)
        if held:
            _audit("sweep", "send.held", send_id, why=why, code=Stop.NOT_READY)
    return held


def pause_send(send_id: int, *, actor: str, why: str) -> None:
    """Stop handing over, at the next group of each connection. Raises WrongStateError."""
    _by_a_person(send_id, SendState.PAUSED, actor=actor, why=why)


def pause_if_sending(send_id: int, *, actor: str, why: str, code: str = "") -> bool:
    """Stop a send for a reason that a person must look at; False if it is not going."""
    with transaction.atomic():
        paused = _move(send_id, SendState.PAUSED, _PEOPLE_MAY[SendState.PAUSED], why, code)
        if paused:
            _audit(actor, "send.paused", send_id, why=why, **({"code": code} if code else {}))
    return paused


def resume_send(send_id: int, *, actor: str, why: str = "", restored: bool = False) -> None:
    """Let a paused send go on, or a held one be started now, or go on if it had been started. Raises WrongStateError.

    One that is held because the database came back from a backup goes on only for a person who says that they know.
    """
    with transaction.atomic():
        send = Send.objects.select_for_update(no_key=True).filter(pk=send_id).first()
        if send is None or send.state not in (SendState.PAUSED, SendState.HELD):
            raise _wrong_state(send_id, "resumed", ["paused", "held"])
        if send.state_code == Stop.RESTORED and not restored:
            raise WrongStateError(
                f"Send {send_id} waits because the database came back from a backup or was moved. {send.state_reason} "
                f"To resume it all the same: `pressrun resume {send_id} --restored`. Nothing was changed."
            )
        if send.started_at or send.state == SendState.PAUSED:
            _move(send_id, SendState.SENDING, [send.state])
        else:
            _move(send_id, SendState.SCHEDULED, [send.state])
            execute("UPDATE pipeline_send SET due_at = now() WHERE id = %s", [send_id])
        release_brakes(send_id)
        count_doubts_anew(send_id)
        wait_for_the_sweep(send_id)
        _audit(actor, "send.resumed", send_id, why=why, **({"after": send.state_code} if send.state_code else {}))


def undo_send(send_id: int, *, actor: str, why: str = "") -> None:
    """Take back a send before anybody has been written to: nothing is left but the note. Raises WrongStateError."""
    with transaction.atomic():
        undone = execute(
            "UPDATE pipeline_send SET state = 'cancelled', state_reason = '', state_code = ''"
            " WHERE id = %s AND state = 'scheduled' AND undo_until > now()",
            [send_id],
        )
        if not undone:
            raise WrongStateError(
                f"Send {send_id} cannot be taken back any more: the time for it is over. Nothing was changed. "
                "It can be paused or cancelled."
            )
        _audit(actor, "send.undone", send_id, why=why)


def cancel_send(send_id: int, *, actor: str, why: str) -> None:
    """End a send. What is in a relay's hands stays so; all else is closed as cancelled. Raises WrongStateError."""
    with transaction.atomic():
        _by_a_person(send_id, SendState.CANCELLED, actor=actor, why=why)
        cancel_leftovers(send_id)


def finish_sends() -> list[int]:
    """Close the books of every send without an open delivery."""
    with transaction.atomic():
        done = [
            int(pk)
            for (pk,) in rows(
                "UPDATE pipeline_send s SET state = 'finished', state_reason = '', finished_at = now()"
                " WHERE s.state = 'sending'"
                # One question per partial index, so that none reads the send's closed rows.
                " AND NOT EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id AND d.state = 'pending')"
                " AND NOT EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id AND d.state = 'uncertain')"
                " AND NOT EXISTS (SELECT FROM pipeline_delivery d WHERE d.send_id = s.id"
                "                 AND d.state IN ('claimed', 'in_flight')) RETURNING s.id"
            )
        ]
        for send_id in done:
            _audit("sweep", "send.finished", send_id)
    return done


def _by_a_person(send_id: int, to: str, *, actor: str, why: str) -> None:
    with transaction.atomic():
        if not _move(send_id, to, _PEOPLE_MAY[to], why):
            raise _wrong_state(send_id, to, _PEOPLE_MAY[to])
        _audit(actor, f"send.{to}", send_id, why=why)


def _move(send_id: int, to: str, origins: Sequence[str], why: str = "", code: str = "") -> bool:
    return bool(
        execute(
            "UPDATE pipeline_send SET state = %s, state_reason = %s, state_code = %s WHERE id = %s AND state = ANY(%s)",
            [str(to), why, str(code), send_id, [str(state) for state in origins]],
        )
    )


def _wrong_state(send_id: int, wanted: str, origins: Sequence[str]) -> WrongStateError:
    send = Send.objects.filter(pk=send_id).only("state").first()
    if send is None:
        return WrongStateError(f"There is no send {send_id}. Nothing was changed. `pressrun sends` lists them.")
    allowed = ", ".join(str(state) for state in origins)
    return WrongStateError(
        f"Send {send_id} is {send.state}, so it cannot be {wanted}: that takes one that is {allowed}. "
        "Nothing was changed."
    )


def _audit(actor: str, action: str, send_id: int, **detail: Any) -> None:
    AuditEvent.objects.create(actor=actor, action=action, subject=f"send:{send_id}", detail=detail)
