"""Whoever asks the work to stop, and however: nothing is left in doubt, and it goes on where it was."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest
from house import House, children, until
from relay import RecordingRelay

PEOPLE = 300
EMAILS = [f"p{number}@example.com" for number in range(PEOPLE)]


class Scene:
    """A send that would take half a minute, slowed by its relay's limit, and a worker."""

    def __init__(self, house: House, relay: RecordingRelay) -> None:
        self.house, self.relay = house, relay
        house.import_people(EMAILS)
        self.worker = self.start()
        self.send = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        relay.wait_for(10)

    def start(self) -> subprocess.Popen[bytes]:
        worker = self.house.start("worker", "--children", "2")
        until(lambda: len(children(worker.pid)) >= 3, what="the worker's start")
        return worker

    def rows(self, statement: str, *values: object) -> list[tuple]:
        with self.house.database() as database:
            return database.execute(statement, values).fetchall()

    def counts(self) -> Counter[str]:
        return Counter(state for (state,) in self.rows("SELECT state FROM pipeline_delivery"))

    def state(self) -> str:
        return self.rows("SELECT state FROM pipeline_send")[0][0]

    def resting(self) -> bool:
        """Whether nobody works on it any more."""
        return not self.rows("SELECT FROM pipeline_lease") and not {"claimed", "in_flight"} & set(self.counts())

    def hurry(self) -> None:
        """Lift the limit, also for whoever is at work: it has given us time, which is all it was for."""
        self.rows("UPDATE pipeline_transport SET url = %s RETURNING id", f"{self.relay.url}?connections=4")
        if self.state() == "sending":
            self.rows("UPDATE pipeline_send SET state = 'paused' RETURNING id")
            until(self.resting, what="a rest")
            self.rows("UPDATE pipeline_send SET state = 'sending' RETURNING id")

    def finish(self) -> None:
        """To the end: everybody once, nobody in doubt at any time, the books in order."""
        until(lambda: self.state() == "finished", seconds=90, what="the end of the send")
        assert Counter(entry["rcpt"] for entry in self.relay.received()) == Counter(EMAILS)
        assert self.counts() == {"accepted": PEOPLE}
        assert self.rows("SELECT FROM pipeline_delivery WHERE retried") == []
        assert self.in_order()

    def in_order(self) -> bool:
        return self.house.run("audit", str(self.send)).stdout.endswith("audit: ok\n")


@pytest.fixture
def scene(make_house: Callable[..., House], tmp_path):
    with RecordingRelay(tmp_path, delay_ms=5) as relay:
        yield Scene(make_house(SMTP_URL=f"{relay.url}?connections=4&rate=12", LEASE="3s", UNCERTAIN_WAIT="1s"), relay)


def terminate(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()


def terminate_all(worker: subprocess.Popen[bytes]) -> None:
    """As a supervisor does that signals the whole group."""
    os.killpg(worker.pid, signal.SIGTERM)


def interrupt(worker: subprocess.Popen[bytes]) -> None:
    """Ctrl-C: the terminal tells everyone in the foreground."""
    os.killpg(worker.pid, signal.SIGINT)


@pytest.mark.parametrize("ask", [terminate, terminate_all, interrupt])
def test_a_worker_that_is_asked_to_end_leaves_nothing_in_doubt(scene, ask):
    ask(scene.worker)
    assert scene.worker.wait(60) == 0, scene.house.log("worker")
    assert scene.resting()
    counts, handed = scene.counts(), len(scene.relay.received())
    assert counts == {"accepted": handed, "pending": PEOPLE - handed}
    assert counts["pending"] > 0
    assert scene.in_order()
    assert "Traceback" not in scene.house.log("worker")
    scene.hurry()
    scene.start()
    scene.finish()


def test_ctrl_c_on_everything_leaves_nothing_in_doubt(scene):
    scene.worker.terminate()
    scene.worker.wait(60)
    up = scene.house.start("up", "--port", "0", "--inbound-port", "0")
    scene.relay.grown_by(10, timeout=60)
    os.killpg(up.pid, signal.SIGINT)
    assert up.wait(60) == 0, scene.house.log("up")
    assert scene.resting()
    assert scene.counts()["accepted"] == len(scene.relay.received())
    assert set(scene.counts()) == {"accepted", "pending"}
    scene.hurry()
    scene.start()
    scene.finish()


def test_a_paused_send_rests_at_once_and_goes_on_when_resumed(scene):
    assert scene.house.json("pause", str(scene.send), "--why", "a misprint?")["state"] == "paused"
    until(scene.resting, what="the pause")
    handed = len(scene.relay.received())
    counts = scene.counts()
    assert counts == {"accepted": handed, "pending": PEOPLE - handed}
    assert counts["pending"] > 0
    status = scene.house.json("status", str(scene.send))
    assert (status["state"], status["waiting_for"]) == ("paused", "a misprint?")
    assert len(scene.relay.received()) == handed
    scene.hurry()
    assert scene.house.json("resume", str(scene.send))["state"] == "sending"
    scene.finish()
    acts = scene.rows("SELECT action FROM pipeline_auditevent WHERE actor LIKE 'command line%%' ORDER BY id")
    assert [action for (action,) in acts if action.startswith("send.")] == [
        "send.approved", "send.paused", "send.resumed",
    ]  # fmt: skip


def test_a_cancelled_send_closes_with_exact_counts(scene):
    assert scene.house.json("cancel", str(scene.send), "--why", "the wrong issue")["state"] == "cancelled"
    until(lambda: set(scene.counts()) <= {"accepted", "cancelled"} and scene.resting(), what="the closing")
    copies = Counter(entry["rcpt"] for entry in scene.relay.received())
    accepted = {email for (email,) in scene.rows("SELECT email FROM pipeline_delivery WHERE state = 'accepted'")}
    assert copies == Counter(accepted)
    assert scene.counts() == {"accepted": len(copies), "cancelled": PEOPLE - len(copies)}
    assert scene.in_order()
    refused = scene.house.run("resume", str(scene.send), status=1)
    assert "is cancelled, so it cannot be resumed" in refused.stderr


def test_whoever_was_asleep_beyond_their_lease_changes_nothing_when_they_wake(scene):
    [(owner,), *_] = until(lambda: scene.rows("SELECT owner FROM pipeline_lease"), what="a child at work")
    child = int(owner.rpartition(":")[2])
    held = scene.rows("SELECT id FROM pipeline_lease WHERE owner = %s", owner)
    os.kill(child, signal.SIGSTOP)
    try:
        until(lambda: not set(held) & set(scene.rows("SELECT id FROM pipeline_lease")), what="taking back its lease")
        [(doubted,)] = scene.rows(
            "SELECT count(*) FROM pipeline_auditevent WHERE action = 'lease.lost' AND detail ->> 'owner' = %s", owner
        )
        assert doubted <= 1
        scene.relay.grown_by(10, timeout=60)  # by its sibling
        before = scene.rows("SELECT id, state, fence FROM pipeline_delivery WHERE state NOT IN"
                            " ('pending', 'claimed', 'in_flight') ORDER BY id")  # fmt: skip
    finally:
        os.kill(child, signal.SIGCONT)
    scene.hurry()
    until(lambda: scene.state() == "finished", seconds=90, what="the end of the send")
    after = {pk: (state, fence) for pk, state, fence in scene.rows("SELECT id, state, fence FROM pipeline_delivery")}
    changed = [pk for pk, state, fence in before if after[pk] != (state, fence) and state != "uncertain"]
    assert changed == []
    copies = Counter(entry["rcpt"] for entry in scene.relay.received())
    retried = {email for (email,) in scene.rows("SELECT email FROM pipeline_delivery WHERE retried")}
    assert set(copies) == set(EMAILS)
    assert {email for email, number in copies.items() if number > 1} <= retried
    assert max(copies.values()) <= 2
    assert len(retried) <= 4
    assert scene.counts() == {"accepted": PEOPLE}
    assert scene.in_order()
