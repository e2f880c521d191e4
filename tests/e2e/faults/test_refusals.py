"""F-13, F-16: a relay that lets nobody in for a while, and one that says of every message that we are the problem."""

from collections import Counter

from stage import Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(300)]


def test_a_relay_that_lets_nobody_in_for_a_while_costs_nobody_a_try(stage: Stage):
    """F-13: 421 instead of a banner."""
    stage.answer({"connect": ["421 4.3.2 Too many connections"] * 4 + ["220 relay.test ESMTP"]})
    stage.import_people(PEOPLE)
    stage.send()
    ledger = stage.finish()
    assert Counter(stage.copies()) == Counter(PEOPLE)
    assert {(row["state"], row["attempts"]) for row in ledger.values()} == {("accepted", "1")}


def test_when_every_answer_says_that_we_are_the_problem_it_stops_soon_and_nobody_is_suppressed(stage: Stage):
    """F-16."""
    stage.answer({"rcpt": {"": ["550 5.7.26 This mail is unauthenticated"]}})
    stage.import_people(PEOPLE)
    stage.send()
    stage.wait_for(lambda: stage.state() == "paused", "the pause")
    stage.wait_for(stage.resting, "a rest")
    assert stage.relay.received() == []
    assert stage.counts()["rejected"] <= 20
    assert stage.counts().keys() == {"rejected", "pending"}
    assert "5.7.26" in stage.status()["waiting_for"]
    assert stage.rows("SELECT FROM subscribers_suppression WHERE reason = 'dead-address'") == []
    stage.balance()
