"""F-17, F-18, F-20, F-21: what a relay does to a connection in mid-message, after the dot, and in between."""

from collections import Counter

import pytest
from stage import Pace, Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(300)]
LOST = PEOPLE[50], PEOPLE[150], PEOPLE[250]


def patterns(emails):
    return [f"^{email}$" for email in emails]


@pytest.mark.parametrize(("place", "kept"), [("after_dot", True), ("before_keeping", False), ("mid_body", False)])
def test_what_was_cut_off_is_in_doubt_and_repeated_once_and_named(stage: Stage, place, kept):
    """F-20, where the relay has kept it, and F-21, where it has not."""
    stage.answer({"cut": {place: patterns(LOST)}})
    stage.import_people(PEOPLE)
    stage.send()
    stage.wait_for(lambda: stage.counts()["uncertain"] == 3, "the doubt")
    assert stage.status()["counts"]["uncertain"] == 3
    ledger = stage.finish()
    assert {email for email, row in ledger.items() if row["retried"] == "true"} == {*LOST}
    assert Counter(stage.copies()) == Counter([*PEOPLE, *(LOST if kept else ())])


def test_more_lost_answers_than_a_relay_may_have_stop_the_send_and_nobody_is_written_to_twice(stage: Stage):
    """F-20, beyond the policy."""
    stage.answer({"dot": {pattern: ["keep+cut"] for pattern in patterns(PEOPLE[::40])}})
    stage.import_people(PEOPLE)
    stage.send()
    stage.wait_for(lambda: stage.state() == "paused", "the pause")
    stage.wait_for(stage.resting, "a rest")
    stage.wait_for(lambda: not stage.counts()["uncertain"], "holding the last of them")  # each when its time comes
    status = stage.status()
    assert "broke the connection" in status["waiting_for"]
    assert status["counts"]["held"] > 3
    assert max(stage.copies().values()) == 1
    stage.balance()


@pytest.mark.parametrize("slipped_in", ["250 2.0.0 Ok: queued as FFFF", "421 4.3.2 Bye", "550 5.1.1 Unknown"])
def test_a_line_that_nobody_asked_for_never_becomes_another_reader_s_answer(stage: Stage, slipped_in):
    """F-18: it comes right behind the answer to one message's dot, while the next is on its way."""
    stage.answer({"dot": {f"^{LOST[1]}$": [f"keep+250 2.0.0 Ok: the first\n{slipped_in}", "250 2.0.0 Ok"]}})
    stage.import_people(PEOPLE)
    stage.send("--retry", "1s")
    ledger = stage.finish()
    assert {row["state"] for row in ledger.values()} == {"accepted"}
    assert not [row for row in ledger.values() if row["reply"] == slipped_in]
    doubted = {email for email, row in ledger.items() if row["retried"] == "true"}
    assert len(doubted) <= 2
    assert {email for email, n in stage.copies().items() if n > 1} <= doubted


def test_a_connection_that_was_closed_while_it_was_idle_costs_nobody_anything(stage: Stage):
    """F-18, as relays do it that are tired of waiting: 421, and then the end."""
    stage.answer({"idle": {"seconds": 0.05, "says": "421 4.4.2 Idle too long"}})
    stage.import_people(PEOPLE[:40])
    stage.send("--retry", "1s", query="connections=2&rate=10")  # each connection waits four times as long
    ledger = stage.finish()
    assert not [row for row in ledger.values() if row["retried"] == "true"]
    assert Counter(stage.copies()) == Counter(PEOPLE[:40])
    assert len({entry["connection"] for entry in stage.relay.received()}) > 4


def test_a_slow_last_answer_is_waited_for_and_other_sends_do_not_wait_for_it(make_stage, pace: Pace):
    """F-17: nine minutes for the answer to one dot, byte by byte."""
    pace = pace if pace.speed == 1 else Pace(30)
    stage = make_stage(pace, LEASE="2m")
    stage.work()
    others = stage.import_people(["other@x.example"])
    stage.import_people(PEOPLE[:100])
    tarpit = stage.answer({"dot": {f"^{LOST[0]}$": [f"slow {pace.seconds(540)} keep+250 2.0.0 Ok, at last"]}})
    slow = stage.send(query="connections=2")
    stage.wait_for(lambda: LOST[0] in stage.copies(), "the slow one")
    stage.answer()
    stage.send(to=[others])
    stage.finish()
    stage.relay, stage.send_id = tarpit, slow
    assert stage.says(LOST[0]) == "in_flight/working"
    ledger = stage.finish(seconds=pace.seconds(600) + 30)
    assert ledger[LOST[0]]["reply"] == "250 2.0.0 Ok, at last"
    assert not [row for row in ledger.values() if row["retried"] == "true"]
