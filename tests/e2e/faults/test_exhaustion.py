"""F-11, F-23, F-39: no room on a disk, no session in the database, no file descriptor is left for a while."""

import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from house import ROOT, House, kill, until
from services import Services
from small_disk import SmallDisk
from stage import Pace, Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(400)]
SAMPLE = ROOT / "docs" / "sample" / "issue-20.en.md"


@contextmanager
def no_more_files(pids: list[int], *, spare: int) -> Iterator[None]:
    """Each of these processes can open so many more, and keeps what it has open."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    try:
        for pid, (_, hard) in before.items():
            taken = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
            free = (number for number in range(hard) if number not in taken)
            most = next(number for place, number in enumerate(free) if place == spare)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, hard))
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("spare", [0, 2])
def test_workers_that_cannot_open_another_file_go_on_when_they_can(stage: Stage, spare):
    """F-39: neither a session of the database nor a connection to the relay; and the one without the other."""
    stage.answer()
    stage.import_people(PEOPLE)
    said = stage.house.log("worker").count("Too many open files")
    with no_more_files([stage.worker.pid, *stage.children()], spare=spare):
        stage.send()
        until(lambda: stage.house.log("worker").count("Too many open files") > said + 1, what="the trouble")
        assert stage.relay.received() == []
    ledger = stage.finish()
    assert {(row["state"], row["attempts"]) for row in ledger.values()} == {("accepted", "1")}
    assert stage.copies() == Counter(PEOPLE)


def test_a_database_without_a_free_session_makes_everybody_wait_and_nothing_else(
    own_stage: Stage, own_services: Services
):
    """F-11: who works goes on, and who begins anew waits until there is one."""
    stage = own_stage
    stage.answer(delay_ms=5)
    stage.import_people(PEOPLE)
    stage.send(query="connections=4&rate=60")
    stage.relay.wait_for(20)
    with ExitStack() as greedy, stage.house.database() as looking:
        assert looking.info.parameter_status("is_superuser") == "on"  # so that none is held back from us
        (room,) = looking.execute("SELECT current_setting('max_connections')::int").fetchone()
        ours = [looking]

        def take_all() -> None:
            with suppress(psycopg.OperationalError):  # as soon as there is none left
                while True:
                    ours.append(greedy.enter_context(psycopg.connect(own_services.urls["database"])))

        def starved() -> bool:
            """Whether all sessions are ours. That of a killed child is free a moment later; a new one may win it."""
            for pid in stage.children():
                kill(pid)
            take_all()
            return len(ours) == room

        take_all()
        stage.relay.grown_by(10)
        until(starved, what="the end of everybody's work")
        handed = len(stage.relay.received())
        over = stage.house.log("worker").count("too many clients") + 3
        until(lambda: stage.house.log("worker").count("too many clients") > over, what="trying again and again")
        assert len(stage.relay.received()) == handed
    stage.through(f"{stage.relay.url}?connections=4", sends=[stage.send_id])
    ledger = stage.finish()
    assert {row["state"] for row in ledger.values()} == {"accepted"}
    assert stage.copies().keys() == {*PEOPLE}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with SmallDisk(tmp_path / "disk", megabytes=320) as small:
        yield small


def test_a_database_whose_disk_is_full_stops_the_sending_and_goes_on_when_there_is_room(disk: SmallDisk, tmp_path):
    """F-23."""
    with Services(disk.place / "services") as services:
        urls = {"database_url": services.urls["database"], "broker_url": services.urls["broker"]}
        with House(tmp_path / "house", **urls, **Pace().variables()) as house:
            house.run_alone("migrate")
            with Stage(house, tmp_path) as stage:
                stage.work()
                stage.answer(delay_ms=5)
                stage.import_people(PEOPLE)
                stage.send(query="connections=4&rate=60")
                stage.relay.wait_for(20)
                disk.fill()
                until(lambda: "could not extend file" in stage.house.log("worker"), what="the full disk")
                handed = len(stage.relay.received())
                until(lambda: stage.house.log("worker").count("could not extend file") > 3, what="trying again")
                assert len(stage.relay.received()) <= handed + 4
                disk.relieve()
                until(services.database_answers, what="the database")
                stage.through(f"{stage.relay.url}?connections=4", sends=[stage.send_id])
                ledger = stage.finish()
    assert {row["state"] for row in ledger.values()} == {"accepted"}
    assert stage.copies().keys() == {*PEOPLE}
    assert len([row for row in ledger.values() if row["retried"] == "true"]) <= 4


def test_pictures_for_which_there_is_no_room_make_no_send_and_stop_none(make_stage, tmp_path):
    """F-23: the folder of media is full. What is approved already needs none of it."""
    with SmallDisk(tmp_path / "media", megabytes=2) as disk:
        stage = make_stage(STORAGE=str(disk.place))
        stage.work()
        stage.answer(delay_ms=5)
        stage.import_people(PEOPLE)
        stage.send(query="connections=4&rate=100")
        disk.fill()
        said = stage.house.run("send", str(SAMPLE), "--list", stage.import_people(["kim@x.example"]), status=1)
        assert "No space left" in said.stderr
        assert "Traceback" not in said.stderr
        assert stage.rows("SELECT count(*) FROM pipeline_send") == [(1,)]
        stage.finish()
        disk.relieve()
        made = stage.house.json("send", str(SAMPLE), "--list", stage.import_people(["lee@x.example"]))
        stage.wait_for(lambda: "lee@x.example" in stage.copies(), "the pictures' send")
        assert made["send"] != stage.send_id
