"""F-14, F-34: relays that put everybody off, and limits that change while a send goes on."""

from collections import Counter

from house import kill
from stage import Stage
from wires import Line

SLOWED = "SELECT count(*) > 5 FROM pipeline_destination WHERE step > 0"
PEOPLE = [f"p{number}@d{number % 10}.example" for number in range(300)]


def test_a_relay_that_puts_everybody_off_gets_them_all_in_the_end(stage: Stage):
    """F-14: half an hour of it. Who waits is shown, and for what; it is asked less and less."""
    storm = stage.answer({"rcpt": {"": ["451 4.3.2 Not now"]}})
    with Line(storm.port) as line:
        stage.import_people(PEOPLE[:60])
        stage.send("--retry", "1s", url=f"smtp://127.0.0.1:{line.port}?connections=4")
        stage.wait_for(lambda: stage.rows(SLOWED) == [(True,)], "asking less and less")
        stage.wait_for(lambda: stage.counts() == {"pending": 60}, "everybody's waiting")
        stage.wait_for(lambda: stage.status()["waiting_for"], "the reason")
        assert stage.state() == "sending"
        line.lead(stage.answer().port)
        line.cut()
        ledger = stage.finish()
    assert storm.received() == []
    assert {row["state"] for row in ledger.values()} == {"accepted"}
    assert stage.copies() == Counter(PEOPLE[:60])


def test_limits_that_change_and_workers_that_die_in_the_middle_are_not_taken_for_the_end(stage: Stage):
    """F-34."""
    stage.answer(delay_ms=5)
    stage.import_people(PEOPLE)
    stage.send(query="connections=4&rate=40")
    for rate in (10, 80):
        stage.relay.grown_by(10)
        stage.rows("UPDATE pipeline_transport SET rate = %s WHERE name = 'default' RETURNING id", rate)
        for pid in [stage.worker.pid, *stage.children()]:
            kill(pid)
        stage.worker.wait()
        assert stage.state() == "sending"
        assert stage.counts()["accepted"] < len(PEOPLE) / 2
        stage.work()
    stage.rows("UPDATE pipeline_transport SET rate = NULL WHERE name = 'default' RETURNING id")
    stage.finish()
    assert stage.copies().keys() == {*PEOPLE}
