"""F-25, F-26: books that come back from yesterday, and clocks that are wrong, each by something else, and step."""

import os
from collections import Counter
from pathlib import Path

import psycopg
from house import until
from psycopg import sql
from stage import Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(200)]
HOUR = 3600


class Backup:
    """A copy of a house's database, as a snapshot of its disk would be."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        [(self._name, self._oid)] = stage.rows(
            "SELECT datname, oid::bigint FROM pg_database WHERE datname = current_database()"
        )
        self._copy(self._name, f"{self._name}_backup", self._oid + 1_000_000)

    def restore(self) -> None:
        """Into the very same place: nothing but what is in it tells."""
        self._run("DROP DATABASE {} WITH (FORCE)", self._name)
        self._copy(f"{self._name}_backup", self._name, self._oid)
        self._stage.house.run("sends", status=None)  # whose session was ended as well

    def _copy(self, name: str, to: str, oid: int) -> None:
        self._run("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", name)
        with self._session() as session:
            session.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
        self._run(f"CREATE DATABASE {{}} TEMPLATE {{}} OID {oid}", to, name)
        for each in (name, to):
            self._run("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", each)
        self._stage.house.run("sends", status=None)

    def _run(self, statement: str, *names: str) -> None:
        with self._session() as session:
            session.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _session(self) -> psycopg.Connection:
        return psycopg.connect(self._stage.house.database_url, dbname="postgres", autocommit=True)


def test_a_send_that_a_backup_brings_back_waits_for_somebody_who_knows(make_stage):
    """F-25: it was scheduled when the backup was made, and has gone out since."""
    stage = make_stage()
    worker = stage.work()
    stage.answer()
    stage.import_people(PEOPLE)
    stage.send("--at", "2199-01-01T00:00:00Z")
    turns = "SELECT (text::json ->> 'turn')::int FROM pipeline_marker WHERE name = 'epoch'"
    until(lambda: stage.rows(turns), what="the first sweep")
    backup = Backup(stage)
    come = "UPDATE pipeline_send SET due_at = now() - %s::interval WHERE id = %s RETURNING id"
    stage.rows(come, "1 second", stage.send_id)
    stage.finish()
    worker.terminate()
    worker.wait(60)

    backup.restore()
    assert stage.state() == "scheduled"
    stage.rows(come, "22 hours", stage.send_id)
    stage.work()
    stage.wait_for(lambda: stage.state() == "held", "a halt")
    [(code,)] = stage.rows("SELECT state_code FROM pipeline_send WHERE id = %s", stage.send_id)
    assert code == "restored"
    assert "restored from a backup" in stage.status()["waiting_for"]
    assert "--restored" in stage.house.run("resume", str(stage.send_id), status=1).stderr
    assert len(stage.relay.received()) == len(PEOPLE)
    stage.house.run("cancel", str(stage.send_id), "--why", "they have it")
    assert stage.house.run("audit", str(stage.send_id)).stdout.endswith("audit: ok\n")
    assert stage.copies() == Counter(PEOPLE)


def wrong_clock(stage: Stage, file: Path, seconds: int) -> None:
    """What is started from now on has the clock of this file."""
    file.write_text(f"{seconds:<20}")
    stage.house.environment |= {"CLOCK_WRONG_BY": str(file)}


def test_whatever_the_clocks_of_the_workers_show_a_send_begins_once_and_in_time(make_stage, tmp_path):
    """F-26: one an hour ahead, one an hour behind; and both step in the middle of it, there and back."""
    stage = make_stage()
    stage.house.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent / "skewed")
    clocks = [tmp_path / "ahead", tmp_path / "behind"]
    for clock, seconds in zip(clocks, (HOUR, -HOUR), strict=True):
        wrong_clock(stage, clock, seconds)
        stage.work()
    stage.house.start("beat")
    stage.answer(delay_ms=5)
    stage.import_people(PEOPLE)
    [(soon,)] = stage.rows("SELECT to_char(now() + interval '4 seconds', 'YYYY-MM-DD\"T\"HH24:MI:SSOF')")
    stage.send("--at", soon, query="connections=4&rate=40")
    assert stage.state() == "scheduled"
    stage.relay.wait_for(40)
    for clock in clocks:
        clock.write_text(f"{-float(clock.read_text()):<20}")
    stage.relay.grown_by(40)
    for clock in clocks:
        clock.write_text(f"{0:<20}")
    ledger = stage.finish()
    assert {(row["state"], row["retried"]) for row in ledger.values()} == {("accepted", "false")}
    [(in_time, starts)] = stage.rows(
        "SELECT started_at >= due_at, (SELECT count(*) FROM pipeline_auditevent WHERE action = 'send.started')"
        " FROM pipeline_send WHERE id = %s", stage.send_id
    )  # fmt: skip
    assert (in_time, starts) == (True, 1)
    assert stage.rows("SELECT FROM pipeline_auditevent WHERE action = 'lease.lost'") == []
