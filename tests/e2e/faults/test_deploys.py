"""F-30: a new version is put in place, with its migration, and taken back, while a send goes on."""

import os
import shutil
import subprocess
from pathlib import Path

from house import ROOT
from stage import Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(500)]
NEXT = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "{last}")]
    operations = [
        migrations.AddField("delivery", "novelty", models.CharField(max_length=20, default="", db_default="")),
        migrations.AddField("send", "novelty", models.IntegerField(null=True)),
        migrations.AddIndex("send", models.Index(fields=["novelty"], name="send_novelty")),
        migrations.RunSQL("CREATE TABLE pipeline_novelty (id bigint PRIMARY KEY)", "DROP TABLE pipeline_novelty"),
    ]
"""


def next_version(folder: Path) -> Path:
    """The code as it is, and a migration that it does not have yet: it expands, as all of ours must."""
    for package in ("pipeline", "subscribers", "templates"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "pipeline" / "migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    (migrations / "9999_next.py").write_text(NEXT.format(last=last))
    return folder


class Deploy:
    """Which version a stage's processes are started with."""

    def __init__(self, stage: Stage, new: Path) -> None:
        self._stage, self._old, self._new = stage, stage.house.environment["PYTHONPATH"], str(new)

    def new(self) -> None:
        self._stage.house.environment["PYTHONPATH"] = os.pathsep.join([self._new, self._old])

    def old(self) -> None:
        self._stage.house.environment["PYTHONPATH"] = self._old

    def migrate(self) -> None:
        """By a process of its own: the clerk of the stage stays with the old version."""
        assert self._stage.house.start("migrate").wait(60) == 0, self._stage.house.log("migrate")


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    assert worker.wait(30) == 0


def test_a_deploy_with_a_migration_and_its_rollback_cost_nobody_anything(make_stage, tmp_path):
    stage = make_stage()
    deploy = Deploy(stage, next_version(tmp_path / "new"))
    old = stage.work()
    stage.answer(delay_ms=5)
    stage.import_people(PEOPLE)
    stage.send(query="connections=4&rate=10")
    stage.relay.wait_for(10)

    deploy.new()
    deploy.migrate()
    assert stage.rows("SELECT FROM pipeline_novelty") == []
    stage.relay.grown_by(10)  # the old version over the new tables
    new = stage.work()
    stage.relay.grown_by(10)  # both at once
    end(old)
    stage.relay.grown_by(10)
    assert stage.state() == "sending"

    deploy.old()  # it was a mistake; what the migration made stays
    old = stage.work()
    end(new)
    stage.pause()
    stage.go_on()
    ledger = stage.finish()
    assert {(row["state"], row["retried"]) for row in ledger.values()} == {("accepted", "false")}
    assert stage.copies() == dict.fromkeys(PEOPLE, 1)
    assert old.poll() is None
    assert "Traceback" not in stage.house.log("worker")
