"""Redis is a doorbell. Emptied, away, or begun again from nothing, it costs time and nothing else."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest
from broker import Broker
from house import House, children, until
from relay import RecordingRelay
from stage import Pace
from wires import Line

PEOPLE = 900
AWAY_SECONDS = 30.0
ENDED_ITSELF = 75


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path) as running:
        yield running


def start_worker(house: House) -> subprocess.Popen[bytes]:
    worker = house.start("worker", "--children", "2")
    until(lambda: len(children(worker.pid)) >= 3, what="the worker's start")
    return worker


def books(house: House, send: int) -> tuple[str, Counter[str]]:
    """The send's state, and its people by state."""
    with house.database() as database:
        [state] = database.execute("SELECT state FROM pipeline_send WHERE id = %s", [send]).fetchone()
        rows = database.execute("SELECT state FROM pipeline_delivery WHERE send_id = %s", [send]).fetchall()
    return state, Counter(state for (state,) in rows)


def finished(house: House, send: int) -> bool:
    return books(house, send)[0] == "finished"


def test_a_send_survives_a_redis_that_is_emptied_ended_and_begun_from_nothing(
    make_house: Callable[..., House], broker, tmp_path
):
    emails = [f"p{number}@example.com" for number in range(PEOPLE - 20)]
    late = [f"late{number}@example.com" for number in range(20)]  # what is due again needs a new ring
    script = {"rcpt": {"^late": ["450 4.2.0 Mailbox busy"] * 3 + ["250 2.1.5 Ok"]}}
    with RecordingRelay(tmp_path, delay_ms=20, script=script) as relay:
        house = make_house(broker_url=broker.url, SMTP_URL=f"{relay.url}?connections=4", RETRY="4s")
        house.import_people([*late, *emails])
        start_worker(house)
        send = house.json("send", str(house.write_issue()), "--list", "all")["send"]

        relay.wait_for(50)
        for _ in range(3):
            broker.flush()
            relay.grown_by(30)

        broker.stop()
        stopped = time.monotonic()
        relay.grown_by(50)  # whoever is at work needs it for nothing
        until(lambda: time.monotonic() > stopped + AWAY_SECONDS, what="the time without a queue")
        state, counts = books(house, send)
        assert state == "sending"
        assert sum(counts.values()) == PEOPLE
        assert counts["pending"] >= 1

        broker.start()
        until(lambda: finished(house, send), seconds=180, what="the end of the send")
        copies = Counter(entry["rcpt"] for entry in relay.received())

    assert copies == Counter([*late, *emails])
    assert books(house, send)[1] == {"accepted": PEOPLE}
    assert not any(row["retried"] == "true" for row in house.json("ledger", str(send)))
    assert house.run("audit", str(send)).stdout.endswith("audit: ok\n")


def test_a_send_made_while_redis_is_away_goes_out_when_it_is_back(make_house: Callable[..., House], broker, tmp_path):
    with RecordingRelay(tmp_path) as relay:
        house = make_house(broker_url=broker.url, SMTP_URL=relay.url)
        house.import_people(["kim@example.com"])
        start_worker(house)
        until(broker.keys, what="the worker's queues")
        broker.stop()
        made = house.json("send", str(house.write_issue()), "--list", "all")
        assert made["state"] == "scheduled"
        assert house.json("status", str(made["send"]))["waiting_for"] == "its time"
        assert relay.received() == []
        broker.start()
        until(lambda: finished(house, made["send"]), what="the send")
        assert [entry["rcpt"] for entry in relay.received()] == ["kim@example.com"]


def test_two_workers_and_two_clocks_ring_for_the_same_work_and_do_it_once(
    make_house: Callable[..., House], broker, tmp_path
):
    emails = [f"p{number}@example.com" for number in range(200)]
    with RecordingRelay(tmp_path, delay_ms=10) as relay:
        house = make_house(broker_url=broker.url, SMTP_URL=f"{relay.url}?connections=4")
        house.import_people(emails)
        send = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        for command in ("beat", "beat", "worker", "worker"):
            house.start(command)
        until(lambda: finished(house, send), what="the send")
        assert Counter(entry["rcpt"] for entry in relay.received()) == Counter(emails)
    with house.database() as database:
        started = database.execute("SELECT count(*) FROM pipeline_auditevent WHERE action = 'send.started'").fetchone()
    assert started == (1,)


def test_a_worker_that_has_its_hands_full_when_redis_goes_hears_it_when_it_is_back(
    make_house: Callable[..., House], broker, tmp_path
):
    """Nothing of what it does then can be acknowledged. If that kept its hands full, it would never look up again."""
    with RecordingRelay(tmp_path, delay_ms=50) as relay:
        house = make_house(broker_url=broker.url, SMTP_URL=f"{relay.url}?connections=4")
        sends = []
        for name in ("one", "two"):
            house.import_people([f"p{number}@{name}.example" for number in range(300)], to=name)
            sends.append(house.json("send", str(house.write_issue()), "--list", name)["send"])
        worker = start_worker(house)
        with house.database() as database, house.database() as other:

            def count(what: str) -> int:
                return database.execute(f"SELECT count(*) FROM {what}").fetchone()[0]

            until(lambda: count("(SELECT DISTINCT send_id FROM pipeline_lease) AS x") == len(sends), what="two batches")
            with other.transaction():
                other.execute("LOCK TABLE pipeline_mailbox")  # nobody but the sweep asks for it
                waiting = "pg_locks WHERE relation = 'pipeline_mailbox'::regclass AND NOT granted"
                until(lambda: count(waiting), what="a sweep")
                broker.stop()
                until(lambda: not count("pipeline_lease"), what="the end of the batches")
            active = "pg_stat_activity WHERE datname = current_database() AND state = 'active'"
            until(lambda: count(active) == 1, what="the end of the sweep")
        assert {books(house, send)[0] for send in sends} == {"sending"}
        broker.start()
        for send in sends:
            until(lambda number=send: finished(house, number), seconds=90, what="the end of the send")
    assert worker.poll() is None
    assert "hears nothing" not in house.log("worker")


def test_whoever_rings_does_not_wait_for_a_redis_that_is_away(make_house: Callable[..., House], broker):
    ring = (
        "import django, time; django.setup(); from pipeline import tasks\n"
        "tasks.ring_sweep(); began = time.monotonic(); tasks.ring_sweep(); tasks.ring(1)\n"
        "print(time.monotonic() - began)"
    )
    house = make_house(broker_url=broker.url)
    environment = house.environment | {"DJANGO_SETTINGS_MODULE": "pipeline.settings"}
    broker.stop()
    done = subprocess.run([sys.executable, "-c", ring], env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 3
    assert done.stderr.count("the queue is away") == 3


def test_a_queue_whose_connections_are_reset_again_and_again_costs_time_and_nothing_else(
    make_stage, broker, pace: Pace
):
    """F-8: every five seconds for five minutes. A worker that has gone deaf may end itself, to be started again."""
    pace = pace if pace.speed == 1 else Pace(30)
    emails = [f"p{number}@d{number % 40}.example" for number in range(200)]
    late = [f"late{number}@example.com" for number in range(20)]  # what is due again needs a new ring
    with Line(broker.port) as line:
        stage = make_stage(pace, broker_url=f"redis://127.0.0.1:{line.port}/0")
        stage.work()
        stage.answer({"rcpt": {"^late": ["450 4.2.0 Mailbox busy"] * 3 + ["250 2.1.5 Ok"]}})
        stage.import_people([*late, *emails])
        rate = len(emails) / pace.seconds(300)
        stage.send("--retry", f"{pace.seconds(60):.0f}s", query=f"connections=4&rate={rate:.2f}")
        resets, began = 0, time.monotonic()
        while (now := time.monotonic() - began) < pace.seconds(300):
            if now > resets * pace.seconds(5):
                resets += bool(line.cut())
            if stage.worker.poll() is not None:
                assert stage.worker.returncode == ENDED_ITSELF
                stage.work()
            until(lambda at=now: time.monotonic() - began > at + 0.05, what="a moment")
        assert resets > 10  # sixty, less what a worker takes to begin anew
        stage.pause()
        stage.go_on()  # without the limit that made it last
        ledger = stage.finish(seconds=60 + pace.seconds(300))
    assert {(row["state"], row["retried"]) for row in ledger.values()} == {("accepted", "false")}
    assert stage.copies() == Counter([*late, *emails])
