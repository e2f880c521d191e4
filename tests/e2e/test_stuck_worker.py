"""A worker one of whose batches never ends, although queue and database answer, ends itself and takes it along."""

import os
from collections.abc import Callable
from pathlib import Path

from house import House, children, until
from relay import RecordingRelay

from pipeline.watchdog import ENDED_ITSELF

POISON = Path(__file__).parent / "faults" / "poison"


def test_a_worker_with_a_batch_that_never_ends_is_ended_and_the_next_one_goes_on(
    make_house: Callable[..., House], tmp_path: Path
):
    with RecordingRelay(tmp_path) as relay:
        house = make_house(SMTP_URL=relay.url, LEASE="2s", DEBUG="1", TIME_SCALE="0.005")
        house.import_people(["kim@example.com", "endless@example.com"])
        whole = house.environment["PYTHONPATH"]
        house.environment["PYTHONPATH"] = os.pathsep.join([whole, str(POISON)])
        worker = house.start("worker", "--children", "1")
        until(lambda: len(children(worker.pid)) >= 2, what="the worker's start")
        started = children(worker.pid)
        send = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        assert worker.wait(120) == ENDED_ITSELF
        assert "This worker does not get on" in house.log("worker")
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), what="the end of its children")

        house.environment["PYTHONPATH"] = whole
        house.start("worker", "--children", "1")
        with house.database() as database:
            state = "SELECT state FROM pipeline_send WHERE id = %s"
            until(lambda: database.execute(state, [send]).fetchone() == ("finished",), what="the end of the send")
        assert house.run("audit", str(send)).stdout.endswith("audit: ok\n")  # Kim may have been on the wire
        assert {entry["rcpt"] for entry in relay.received()} == {"endless@example.com", "kim@example.com"}
