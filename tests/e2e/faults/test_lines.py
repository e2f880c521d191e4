"""F-5, F-22, F-23, F-39: a line that swallows, a clock that dies, names that are not known, a log that cannot grow."""

import resource

from house import kill, until
from stage import Pace, Stage
from wires import Line

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(400)]


def test_a_relay_that_falls_silent_is_given_up_and_no_answer_is_invented(make_stage, pace: Pace):
    """F-22: what is said no longer arrives, in either direction, and nobody is told."""
    pace = pace if pace.speed == 1 else Pace(60)
    stage = make_stage(pace, LEASE="4m", UNCERTAIN_WAIT="3m")
    stage.work()
    stage.answer(delay_ms=10)
    with Line(stage.relay.port) as line:
        stage.import_people(PEOPLE)
        stage.send(url=f"smtp://127.0.0.1:{line.port}?connections=2")
        stage.relay.wait_for(50)
        line.swallow()
        stage.wait_for(lambda: stage.counts()["uncertain"], "giving up", seconds=pace.seconds(700) + 30)
        assert stage.counts()["uncertain"] <= 2 * 64
        line.cut()
        line.deliver()
        ledger = stage.finish(seconds=pace.seconds(2000) + 60)
    assert {row["state"] for row in ledger.values()} == {"accepted"}


def test_whoever_is_due_is_started_though_the_clock_was_killed(stage: Stage):
    """F-5: each worker rings the sweep as well."""
    beat = stage.house.start("beat")
    until(lambda: "beat: Starting" in stage.house.log("beat"), what="the clock")
    stage.answer()
    stage.import_people(PEOPLE[:50])
    kill(beat.pid)
    beat.wait()
    stage.send()
    stage.finish()


def test_a_name_that_is_not_known_for_a_while_is_asked_for_again(stage: Stage):
    """F-39: the name server is away."""
    stage.answer()
    stage.import_people(PEOPLE)
    stage.send("--allow-unsafe", url="smtp://relay.invalid:25?starttls=never")
    stage.wait_for(lambda: "has no address" in str(stage.status()["waiting_for"]), "the first try")
    assert stage.counts() == {"pending": len(PEOPLE)}
    stage.through(stage.relay.url, sends=[stage.send_id])
    assert not [row for row in stage.finish().values() if row["attempts"] != "1"]


def test_a_log_that_cannot_grow_keeps_nobody_from_their_mail(stage: Stage):
    """F-23: as on a full disk."""
    pids = [stage.worker.pid, *stage.children()]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    length = len(stage.house.log("worker"))
    try:
        stage.answer()
        stage.import_people(PEOPLE)
        stage.send()
        stage.finish()
        assert len(stage.house.log("worker")) == length
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
