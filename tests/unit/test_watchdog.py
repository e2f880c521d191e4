"""When a worker may think itself deaf, and when it must not."""

from math import inf

import pytest

from pipeline.watchdog import BUSY_AT_MOST, CONSUMER_LOOKS_AGAIN, Books, Verdict, Watchdog


class World:
    """A clock of our own, and what the watchdog would see. Rings go out and are heard every five seconds."""

    def __init__(self) -> None:
        self.now, self.last_sweep, self.busy = 1000.0, 1000.0, False
        self.hears = self.rings = self.sweeps = self.answers = True
        self.aged = False
        self.dog = Watchdog(60, self.books, busy=lambda: self.busy, clock=lambda: self.now)

    def books(self):
        return Books(self.now - self.last_sweep, self.aged) if self.answers else None

    def live(self, seconds: float, *, step: float = 5) -> set[Verdict]:
        seen, end = set(), self.now + seconds
        while self.now < end:
            self.now += step
            self.dog.rang(well=self.rings)
            if self.rings and self.hears:
                self.dog.heard()
            if self.sweeps and self.answers:
                self.last_sweep = self.now
            seen.add(self.dog.look())
        return seen


@pytest.fixture
def world() -> World:
    return World()


def test_a_worker_that_hears_is_fine(world):
    assert world.live(600) == {Verdict.FINE}


def test_one_that_rings_and_hears_nothing_while_nobody_sweeps_is_deaf(world):
    world.hears = world.sweeps = False
    assert world.live(60) == {Verdict.FINE}
    assert Verdict.DEAF in world.live(10)


def test_also_where_nobody_has_swept_ever(world):
    world.hears = world.sweeps = False
    world.dog.books = lambda: Books(inf)
    assert Verdict.DEAF in world.live(70)


def test_while_others_sweep_nobody_needs_to_end(world):
    world.hears = False
    assert world.live(600) == {Verdict.FINE}


def test_a_busy_one_is_not_deaf_for_as_long_as_a_task_may_take(world):
    world.hears, world.sweeps, world.busy = False, False, True
    assert world.live(BUSY_AT_MOST) == {Verdict.FINE}
    assert Verdict.DEAF in world.live(10)


def test_without_a_queue_it_does_not_end_and_says_so(world):
    world.hears = world.sweeps = world.rings = False
    assert world.live(60) == {Verdict.FINE}
    assert world.live(600) == {Verdict.NO_BROKER}
    world.rings = True
    assert world.live(60 + CONSUMER_LOOKS_AGAIN) == {Verdict.FINE}  # time to look for it, and to hear again
    world.hears = world.sweeps = True
    assert world.live(60) == {Verdict.FINE}


def test_one_that_hears_nothing_long_after_the_queue_is_back_is_deaf(world):
    world.hears = world.sweeps = world.rings = False
    world.live(600)
    world.rings = True
    world.live(60 + CONSUMER_LOOKS_AGAIN)
    assert Verdict.DEAF in world.live(10)


def test_without_a_database_it_does_not_end_and_says_so(world):
    world.hears = world.answers = False
    assert world.live(60) == {Verdict.FINE}
    assert world.live(600) == {Verdict.NO_DATABASE}


def test_one_that_was_stopped_for_long_listens_anew(world):
    world.sweeps = False
    world.live(50)
    world.now += 3600  # SIGSTOP, or a suspended machine
    world.hears = False
    assert world.live(5) == {Verdict.FINE}
    assert Verdict.DEAF in world.live(70)


def test_one_whose_work_stands_still_is_stuck_although_all_sweep(world):
    world.aged = True
    assert world.live(60) == {Verdict.FINE}
    assert Verdict.STUCK in world.live(10)


def test_work_that_moves_now_and_then_or_cannot_be_seen_is_not_stuck(world):
    for _ in range(10):
        world.aged = True
        assert world.live(50) == {Verdict.FINE}
        world.aged = False
        assert world.live(5) == {Verdict.FINE}
    world.aged, world.answers = True, False
    assert Verdict.STUCK not in world.live(600)
