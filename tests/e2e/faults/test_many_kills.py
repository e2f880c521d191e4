"""F-1, F-2 at full speed: a child killed five times a second for a minute, and ten whole workers.

Worth their real time: `make faults-long`.
"""

import logging
import random
import time
from collections.abc import Callable

import pytest
from house import kill, until
from stage import Pace, Stage

CONNECTIONS = 4
GROUP_AT_MOST = 64
PEOPLE = [f"p{number}@d{number % 400}.example" for number in range(30_000)]
EVERY_SECONDS = 0.2
FOR_SECONDS = 60.0
WORKERS = 10

pytestmark = pytest.mark.long
logger = logging.getLogger(__name__)


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    stage = make_stage(Pace(), RETRY="1s,2s")
    stage.work()
    return stage


def some_child(stage: Stage, rng: random.Random) -> int:
    """One that is at work, if there is one."""
    there = until(stage.children, what="a child")
    return rng.choice([pid for pid in stage.leases().values() if pid in there] or there)


def go_on_if_paused(stage: Stage) -> None:
    """As a person does who has looked: what may have arrived is held, and the others are still to be written to."""
    if stage.state() == "paused":
        stage.house.run("resume", str(stage.send_id))


def in_doubt_by_lease(stage: Stage) -> list[int]:
    """How many became uncertain with each lease that was lost."""
    found = stage.rows(
        "SELECT jsonb_array_length(detail -> 'uncertain') FROM pipeline_auditevent WHERE action = 'lease.lost'"
    )
    return [number for (number,) in found]


def tell(ledger: dict[str, dict[str, str]], lost: list[int]) -> None:
    """For whoever wants the figures: `--log-cli-level=INFO`."""
    held = sum(row["state"] == "held" for row in ledger.values())
    logger.info("%s leases lost, in doubt each at most %s, %s in all, %s held", len(lost), max(lost), sum(lost), held)


def finish(stage: Stage) -> dict[str, dict[str, str]]:
    def over() -> bool:
        go_on_if_paused(stage)
        return stage.state() == "finished"

    until(over, seconds=600, what="the end of the send")
    return stage.balance()


def test_a_child_killed_five_times_a_second_for_a_minute_costs_nobody_a_mail_and_gives_nobody_two(stage: Stage):
    rng, kills = random.Random(1), 0
    stage.import_people(PEOPLE)
    stage.answer()
    stage.send(query=f"connections={CONNECTIONS}")
    stage.relay.wait_for(200)
    began = time.monotonic()
    while time.monotonic() < began + FOR_SECONDS and stage.state() != "finished":
        due = began + kills * EVERY_SECONDS
        until(lambda due=due: time.monotonic() >= due, what="the next kill")
        kill(some_child(stage, rng))
        kills += 1
        go_on_if_paused(stage)
    ledger = finish(stage)
    lost = in_doubt_by_lease(stage)
    logger.info("%s kills", kills)
    tell(ledger, lost)
    assert lost
    assert max(lost) <= CONNECTIONS * (GROUP_AT_MOST + 1)


@pytest.mark.parametrize(
    ("people", "delay_ms", "at_most"), [(30_000, 0, CONNECTIONS * (GROUP_AT_MOST + 1)), (5_000, 20, CONNECTIONS)]
)
def test_ten_workers_killed_each_after_two_hundred_more_messages(
    stage: Stage, people: int, delay_ms: int, at_most: int
):
    """With a relay that takes 20 ms a message, four connections carry 200 a second."""
    stage.import_people(PEOPLE[:people])
    stage.answer(delay_ms=delay_ms)
    stage.send(query=f"connections={CONNECTIONS}")
    for _ in range(WORKERS):
        taken = len(stage.relay.received())
        until(lambda taken=taken: go_on_if_paused(stage) or len(stage.relay.received()) >= taken + 200, what="200 more")
        for pid in [stage.worker.pid, *stage.children()]:
            kill(pid)
        stage.worker.wait()
        stage.work()
    ledger = finish(stage)
    lost = in_doubt_by_lease(stage)
    tell(ledger, lost)
    assert max(lost) <= at_most
