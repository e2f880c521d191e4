"""A database that came back from a backup writes to nobody until a person says so; other changes block nothing."""

import datetime as dt
import logging
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone
from newsroom import a_send

from pipeline import transitions
from pipeline.commands.doctor import checks
from pipeline.delivery import epoch
from pipeline.delivery.batch import Worker, run_batch
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Issue, Marker, Send
from pipeline.transitions.epoch import Identity, begin_epoch, identity, read_epoch
from pipeline.transitions.sends import WrongStateError

pytestmark = pytest.mark.django_db
HERE = Identity("7400000000000000001", "00000001", "16384")


@pytest.fixture
def sends(scene) -> dict[str, Send]:
    """One send in each state in which something could still go out, and one that is over."""
    made = {"sending": scene.send}
    for state in ("scheduled", "paused", "finished"):
        made[state] = a_send(Issue.objects.get(), scene.list, started=state != "scheduled")
        Send.objects.filter(pk=made[state].pk).update(state=state)
    Send.objects.filter(state="scheduled").update(due_at=timezone.now() + dt.timedelta(days=1))
    return made


def states(sends: dict[str, Send]) -> dict[str, str]:
    return {name: Send.objects.get(pk=send.pk).state for name, send in sends.items()}


def as_they_were(sends: dict[str, Send]) -> bool:
    return states(sends) == {name: name for name in sends}


def go_back() -> None:
    """Like reading yesterday's dump into this very database: the rows are as they were then."""
    yesterday = Marker.objects.get(name="epoch").text
    for _ in range(3):
        epoch.guard()
    Marker.objects.filter(name="epoch").update(text=yesterday)


def move_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HOME", folder)


def test_a_new_installation_and_many_sweeps_are_no_news(sends):
    for _ in range(3):
        epoch.guard()
    assert as_they_were(sends)
    assert read_epoch().turn == 3
    assert epoch.look() == ""
    assert not AuditEvent.objects.filter(action="epoch.changed").exists()


def test_what_a_backup_brings_back_waits_for_a_person_who_knows(sends):
    epoch.guard()
    go_back()
    assert "3 turns behind" in epoch.look()
    sweep()
    assert states(sends) == {"sending": "held", "scheduled": "held", "paused": "held", "finished": "finished"}
    for name in ("sending", "scheduled", "paused"):
        send = Send.objects.get(pk=sends[name].pk)
        assert send.state_code == "restored"
        assert "restored from a backup" in send.state_reason
        assert "write to people a second time" in send.state_reason
        assert AuditEvent.objects.get(subject=f"send:{send.pk}", action="send.held").detail["code"] == "restored"
        with pytest.raises(WrongStateError, match=f"pressrun resume {send.pk} --restored"):
            transitions.resume_send(send.pk, actor="ada")
        transitions.resume_send(send.pk, actor="ada", restored=True)
        assert AuditEvent.objects.filter(subject=f"send:{send.pk}").latest("id").detail["after"] == "restored"
    assert states(sends) == {
        "sending": "sending",
        "scheduled": "scheduled",
        "paused": "sending",
        "finished": "finished",
    }
    epoch.guard()
    assert states(sends)["sending"] == "sending", "it was held once, and not again"


@pytest.mark.parametrize("field", ["system", "timeline", "database"])
def test_another_server_is_noticed_without_any_note(sends, field, monkeypatch, tmp_path):
    epoch.guard()
    move_to(tmp_path, monkeypatch)
    marker = Marker.objects.get(name="epoch")
    now = getattr(identity(), field)
    assert now
    assert f'"{field}": "{now}"' in marker.text
    Marker.objects.update(text=marker.text.replace(f'"{field}": "{now}"', f'"{field}": "4711"'))
    epoch.guard()
    assert states(sends)["sending"] == "held"
    epoch.guard()
    assert AuditEvent.objects.filter(action="epoch.changed").count() == 1


def test_a_server_that_does_not_tell_is_no_other_server(sends, monkeypatch):
    epoch.guard()
    monkeypatch.setattr(epoch, "identity", lambda: Identity("", "", ""))
    epoch.guard()
    assert as_they_were(sends)


def test_a_new_machine_and_one_that_lags_behind_are_no_news(sends, monkeypatch, tmp_path):
    first = settings.HOME
    epoch.guard()
    move_to(tmp_path, monkeypatch)
    for _ in range(3):
        epoch.guard()
    move_to(first, monkeypatch)
    assert epoch.look() == ""
    epoch.guard()
    assert as_they_were(sends)


def test_any_machine_that_saw_more_tells_and_the_others_then_know(sends, monkeypatch, tmp_path):
    first = settings.HOME
    epoch.guard()
    move_to(tmp_path, monkeypatch)
    epoch.guard()
    go_back()
    move_to(first, monkeypatch)
    assert epoch.look() == "", "this one saw no more than that"
    move_to(tmp_path, monkeypatch)
    epoch.guard()
    assert states(sends)["sending"] == "held"
    transitions.resume_send(sends["sending"].pk, actor="ada", restored=True)
    move_to(first, monkeypatch)
    epoch.guard()
    assert states(sends)["sending"] == "sending"


def test_a_home_that_is_a_copy_is_news_only_with_its_database_in_it(sends, monkeypatch):
    epoch.guard()
    [note] = (settings.HOME / "epoch").iterdir()
    text = note.read_text()
    kept = note.with_suffix(".keep")
    note.rename(kept)  # so that its inode is not given to the copy
    note.write_text(text)
    assert epoch.look() == ""
    kept.rename(note)
    note.with_suffix(".copy").write_text(note.read_text())
    note.with_suffix(".copy").replace(note)
    monkeypatch.setenv("PRESSRUN_EMBEDDED", "1")
    epoch.guard()
    assert states(sends)["sending"] == "held"
    assert "This home and its database are a copy" in Send.objects.get(pk=sends["sending"].pk).state_reason
    assert epoch.look() == ""


def test_a_home_that_cannot_be_written_to_is_told_of_and_stops_no_mail(sends, caplog):
    (settings.HOME / "epoch").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        epoch.guard()
    assert as_they_were(sends)
    assert "cannot be noted" in caplog.text


def test_a_note_that_makes_no_sense_says_nothing(sends, caplog):
    epoch.guard()
    [note] = (settings.HOME / "epoch").iterdir()
    note.write_text("[]")
    epoch.guard()
    assert as_they_were(sends)
    assert "cannot be read" in caplog.text


def test_nothing_starts_while_the_books_cannot_be_compared(sends, monkeypatch):
    def broken() -> None:
        raise OperationalError("the database is going down")

    Send.objects.filter(pk=sends["scheduled"].pk).update(due_at=timezone.now())
    monkeypatch.setattr(epoch, "guard", broken)
    with pytest.raises(OperationalError):
        sweep()
    assert as_they_were(sends)


def test_a_batch_that_comes_before_the_sweep_does_nothing(sends):
    epoch.guard()
    go_back()
    assert run_batch(sends["sending"].pk, Worker("here:1:2", "here:1:", 1, lambda: False)) is False
    assert set(Delivery.objects.values_list("state", flat=True)) == {"pending"}


def test_doctor_tells_before_and_after(sends):
    def said() -> list[tuple[str, str]]:
        return [(str(found.verdict), found.detail) for found in checks._books()]

    epoch.guard()
    assert said()[0][0] == "ok"
    go_back()
    [(verdict, detail)] = said()
    assert (verdict, "holds every open send" in detail) == ("bad", True)
    sweep()
    [(verdict, detail)] = said()
    assert verdict == "warn"
    assert "--restored" in detail
    assert str(sends["scheduled"].pk) in detail


def test_earlier_epochs_are_remembered_but_not_without_end():
    found = None
    for _ in range(60):
        found = begin_epoch(found, HERE, why="again")
    assert len(found.earlier) == 50
    assert read_epoch() == found
