"""F-31: people who cannot make up their minds, while workers die under them."""

import random
import threading
from collections import Counter
from typing import Self

from house import House, kill
from stage import Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(250)]
SEED = 31
ROUNDS, ACTS = 4, 25
"""A hundred changes of mind in all; each round ends with a pause."""
DYING = 0.2
AFTER = {"pause": "paused", "resume": "sending"}


class Auditor(threading.Thread):
    """Counts a send's people all the time, as its page does: they must be the same number at every look."""

    def __init__(self, house: House, send: int) -> None:
        super().__init__(daemon=True)
        self._house, self._send, self._ended = house, send, threading.Event()
        self.sums: Counter[int] = Counter()

    def run(self) -> None:
        with self._house.database() as database:
            while not self._ended.wait(0.02):
                [(counted,)] = database.execute(
                    "SELECT sum(n)::int FROM (SELECT state, reason, count(*) AS n FROM pipeline_delivery"
                    " WHERE send_id = %s GROUP BY state, reason) AS counts",
                    [self._send],
                )
                if counted:
                    self.sums[counted] += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def change_minds(stage: Stage, rng: random.Random) -> None:
    """Pause and resume at moments of chance, and kill who works meanwhile: what was asked for last holds."""
    stage.relay.wait_for(5)
    state = "sending"
    for _ in range(ACTS):
        if state == "sending":
            wanted = len(stage.relay.received()) + rng.choice((0, 0, 0, 2))
            stage.wait_for(lambda n=wanted: len(stage.relay.received()) >= n, "some mail")
        act = "pause" if state == "sending" else "resume"
        stage.house.run(act, str(stage.send_id))
        state = AFTER[act]
        if rng.random() < DYING and (busy := sorted(stage.leases().values())):
            kill(rng.choice(busy))
        assert stage.state() == state


def test_a_hundred_changes_of_mind_and_dying_workers_leave_exact_books_at_every_look(make_stage):
    rng = random.Random(SEED)
    stage = make_stage()
    stage.work()
    for number in range(ROUNDS):
        stage.answer(delay_ms=10)
        stage.import_people(PEOPLE)
        stage.send(query="connections=4&rate=40")
        with Auditor(stage.house, stage.send_id) as auditor:
            change_minds(stage, rng)
            if number % 2:
                go_to_the_end(stage)
            else:
                give_up(stage)
        assert auditor.sums.keys() == {len(PEOPLE)}
        assert auditor.sums.total() > 20


def go_to_the_end(stage: Stage) -> None:
    stage.go_on()
    ledger = stage.finish()
    assert {row["state"] for row in ledger.values()} <= {"accepted", "held"}


def give_up(stage: Stage) -> None:
    """Who may have it is held then, and nobody is called cancelled who has it."""
    stage.house.run("cancel", str(stage.send_id), "--why", "enough")
    stage.wait_for(lambda: stage.counts().keys() <= {"accepted", "cancelled", "held"}, "the closing")
    assert stage.state() == "cancelled"
    assert stage.counts()["cancelled"] > 0
    stage.balance()
