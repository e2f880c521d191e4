"""Faults by chance, one after the other, while a send goes on. `make soak MINUTES=10`; half a minute among all tests.

The seed is printed; `SEED=…` repeats the order of the faults.
"""

import os
import random
import time
from collections.abc import Callable

import redis
from house import kill, until
from stage import Stage, stop, wake

from pipeline.commands.broker import _for_redis

MINUTES = float(os.environ.get("MINUTES", "0.5"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
PER_MINUTE = 600


class Mix:
    """What may happen to a send that goes on."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self._stage, self._rng = stage, rng

    def kill_a_child(self) -> None:
        for pid in self._some_child():
            kill(pid)

    def kill_the_worker(self) -> None:
        for pid in [self._stage.worker.pid, *self._stage.children()]:
            kill(pid)
        self._stage.worker.wait()
        self._stage.work()

    def end_the_worker_in_order(self) -> None:
        self._stage.worker.terminate()
        self._stage.worker.wait(60)
        self._stage.work()

    def let_a_child_sleep_beyond_its_lease(self) -> None:
        for pid in self._some_child():
            stop(pid)
            try:
                until(lambda pid=pid: pid not in self._stage.leases().values(), what="taking back")
            finally:
                wake(pid)

    def empty_the_queue(self) -> None:
        with redis.Redis.from_url(_for_redis(self._stage.house.broker_url)) as client:
            client.flushdb()

    def pause_and_go_on(self) -> None:
        if self._stage.state() == "sending":
            self._stage.house.run("pause", str(self._stage.send_id), "--why", "by chance", status=None)
            self._stage.house.run("resume", str(self._stage.send_id), status=None)

    def lock_the_books(self) -> None:
        with self._stage.house.database() as database, database.transaction():
            database.execute("LOCK TABLE pipeline_delivery IN ACCESS EXCLUSIVE MODE")
            database.execute("SELECT pg_sleep(%s)", [self._rng.uniform(0.1, 1.5)])

    def any(self) -> Callable[[], None]:
        faults = [fault for name, fault in sorted(vars(Mix).items()) if "_" in name and not name.startswith("_")]
        return self._rng.choice(faults).__get__(self)

    def _some_child(self) -> list[int]:
        return self._rng.sample(found, 1) if (found := sorted(self._stage.leases().values())) else []


def breathe(stage: Stage) -> None:
    """Until somebody has got their mail again, or for five seconds: what is left may have to wait."""
    before, tired = len(stage.relay.received()), time.monotonic() + 5
    until(lambda: len(stage.relay.received()) > before or time.monotonic() > tired, what="a breath")


def test_whatever_happens_in_whatever_order_the_books_close(make_stage):
    print(f"seed {SEED}, {MINUTES:g} minutes")  # noqa: T201
    people = [f"p{n}@d{n % 40}.example" for n in range(max(300, int(MINUTES * PER_MINUTE)))]
    script = {
        "rcpt": {"^p.*7@": ["451 4.2.0 Later", "250 2.1.5 Ok"], "^p1.3@": ["550 5.1.1 No such user"]},
        "data": {"^p.*99@": ["cut", "354 Go ahead"]},
    }
    stage = make_stage()
    stage.work()
    stage.answer(script, delay_ms=20)
    stage.import_people(people)
    stage.send("--retry", "2s", "--no-brakes", query=f"connections=4&rate={PER_MINUTE / 60}")
    mix, over = Mix(stage, random.Random(SEED)), time.monotonic() + MINUTES * 60
    while time.monotonic() < over and stage.state() not in {"finished", "held"}:
        mix.any()()
        breathe(stage)
    if stage.state() == "paused":
        stage.house.run("resume", str(stage.send_id))
    stage.finish(seconds=120 + MINUTES * 60)
    print("audit: ok")  # noqa: T201
