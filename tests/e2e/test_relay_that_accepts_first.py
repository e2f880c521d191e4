"""A relay that answers yes to everything and returns what nobody takes: the brakes hear of it through what comes back.

A real Postfix takes the mail, hands it on to servers that refuse it, returns a delivery report for each message
to its return path, which is `pressrun inbound`. That a reader's server refuses us for a fault of ours stops the send
as it would if it had said so at once.
"""

from typing import Any

import pytest
from house import House, until
from postfix import Postfix
from relay import RecordingRelay

PEOPLE = [f"p{n}@example.com" for n in range(1_500)]
BUSY = "421 4.7.0 Too many messages from you, come back later"
PATIENT = """\
minimal_backoff_time = 3s
maximal_backoff_time = 3s
queue_run_delay = 1s
delay_warning_time = 1s"""
"""A Postfix that tries again, and tells of a delay, in seconds instead of minutes and hours."""
NOT_GENUINE = "550-5.7.26 This mail is unauthenticated\n550 5.7.26 and poses a security risk"


def send(house: House, people: list[str], *words: str, to: str = "all") -> int:
    house.import_people(people, to=to)
    number: int = house.json("send", str(house.write_issue()), "--list", to, *words)["send"]
    return number


def how_it_ends(house: House, number: int) -> dict[str, Any]:
    """How a send stands when it has stopped and nobody works on it any more."""

    def rests() -> dict[str, Any] | None:
        found: dict[str, Any] = house.json("status", str(number))
        moves = {"claimed", "in_flight"} & found["counts"].keys()
        return found if found["state"] in {"paused", "finished"} and not moves else None

    return until(rests, seconds=120, what="the end")


@pytest.mark.postfix
def test_reports_that_we_are_the_problem_pause_the_send_and_suppress_nobody(behind_postfix, tmp_path, returning):
    with (
        RecordingRelay(tmp_path, script={"rcpt": {"@example": [NOT_GENUINE]}}) as beyond,
        Postfix(beyond.port, more=returning) as postfix,
    ):
        house = behind_postfix(postfix)
        found = how_it_ends(house, send(house, PEOPLE))
        assert (found["state"], found["counts"].keys()) == ("paused", {"accepted", "pending"}), postfix.log()
        assert "say that the sender is the problem, not the reader" in found["state_reason"]
        assert "cannot prove that our mail is really ours" in found["state_reason"]
        with house.database() as database:
            counted = database.execute("SELECT sum(refused) FROM pipeline_brakecount").fetchone()[0]
            stopped = database.execute("SELECT state_code FROM pipeline_send").fetchone()[0]
            held = database.execute("SELECT count(*) FROM subscribers_suppression").fetchone()[0]
            kinds = database.execute("SELECT DISTINCT kind, status, reason FROM pipeline_feedback").fetchall()
        assert (stopped, held, kinds) == ("our-fault", 0, [("bounce", "applied", "authentication")])
        assert counted >= 16  # transitions.brakes.ALARM_AT
        assert found["counts"]["accepted"] == house.json("status", str(found["send"]))["counts"]["accepted"]
        assert beyond.received() == []


@pytest.mark.postfix
def test_reports_that_one_provider_is_busy_slow_it_down_alone_and_everybody_gets_their_copy(
    behind_postfix, tmp_path, returning
):
    """Daum puts off its first readers. Of the next send its readers wait, and nobody else."""
    first = [f"first{n}@{domain}" for n in range(10) for domain in ("hanmail.net", "daum.net")]
    next_ones, others = [f"next{n}@daum.net" for n in range(20)], PEOPLE[:200]
    with (
        RecordingRelay(tmp_path, script={"rcpt": {"^first": [BUSY, BUSY, "250 2.1.5 Ok"]}}) as beyond,
        Postfix(beyond.port, more=[*returning, PATIENT]) as postfix,
    ):
        house = behind_postfix(postfix)
        sent = [send(house, first, "--retry", "30s", to="first")]
        slowed = "SELECT name, step, reason, extract(epoch FROM blocked_until)::float FROM pipeline_destination"
        with house.database() as database:
            [(name, step, reason, until_then)] = until(lambda: database.execute(slowed).fetchall(), what="slowing down")
            sent.append(send(house, [*next_ones, *others], "--retry", "30s", to="second"))
            ends = [how_it_ends(house, number) for number in sent]
            assert [(end["state"], *end["counts"].items()) for end in ends] == [
                ("finished", ("accepted", 20)), ("finished", ("accepted", 220))
            ], postfix.log()  # fmt: skip
            taken = {entry["rcpt"]: entry["at"] for entry in beyond.wait_for(240, timeout=60)}
            assert len(beyond.received()) == len(taken) == 240
            delayed = database.execute("SELECT email FROM pipeline_delivery WHERE delayed_at IS NOT NULL").fetchall()
            refused = database.execute("SELECT count(*) FROM pipeline_brakecount WHERE refused > 0").fetchone()
            held = database.execute("SELECT count(*) FROM subscribers_suppression").fetchone()
    assert (name, step, BUSY in reason) == ("daum", 2, True)
    assert {email for (email,) in delayed} == {*first}
    assert refused == held == (0,)
    assert max(taken[one] for one in others) < until_then < min(taken[one] for one in next_ones)
    times = sorted(taken[one] for one in next_ones)
    assert times[-1] - times[0] > 19 / 10 * 0.8, "its readers go at ten a second after that, and not at sixty"
