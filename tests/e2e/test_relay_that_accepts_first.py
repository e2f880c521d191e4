"""A relay that answers yes to everything and returns what nobody takes: the brakes hear of it through what comes back.

A real Postfix takes the mail, hands it on to servers that refuse it, returns a delivery report for each message
to its return path, which is `pressrun inbound`. That a reader's server refuses us for a fault of ours stops the send
as it would if it had said so at once.
"""

import socket
from pathlib import Path

import pytest
from house import House, until
from postfix import Postfix
from relay import RecordingRelay

DOMAIN = "bounces.city.example"
PEOPLE = [f"p{n}@example.com" for n in range(1_500)]
NOT_GENUINE = "550-5.7.26 This mail is unauthenticated\n550 5.7.26 and poses a security risk"


@pytest.fixture
def inbound_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def through_postfix(house: House, folder: Path, inbound_port: int) -> dict[str, object]:
    """Send to everybody at 60 a second, so that reports are back while it goes on; how it stands when it stops."""
    house.write_issue()
    house.import_people(PEOPLE)
    house.start("inbound", "--port", str(inbound_port))
    until(lambda: "listening" in house.log("inbound"), what="listening for returned mail")
    house.start("worker")
    send = house.json("send", str(folder / "issue.md"), "--list", "all")["send"]
    until(lambda: house.json("status", str(send))["state"] in {"paused", "finished"}, seconds=120, what="the end")
    return house.json("status", str(send))


def test_reports_that_we_are_the_problem_pause_the_send_and_suppress_nobody(make_house, tmp_path, inbound_port):
    reports = f"transport_maps = inline:{{ {{ {DOMAIN} = smtp:[127.0.0.1]:{inbound_port} }} }}"
    with (
        RecordingRelay(tmp_path, script={"rcpt": {"@example": [NOT_GENUINE]}}) as beyond,
        Postfix(beyond.port, more=[reports, "smtp_destination_concurrency_failed_cohort_limit = 0"]) as postfix,
    ):
        url = f"smtp://127.0.0.1:{postfix.port}?starttls=never&connections=2&rate=60"
        house = make_house(SMTP_URL=url, BOUNCE_DOMAIN=DOMAIN)
        found = through_postfix(house, house.folder, inbound_port)
        assert (found["state"], found["counts"].keys()) == ("paused", {"accepted", "pending"}), postfix.log()
        assert "say that the sender is the problem, not the reader" in found["state_reason"]
        assert "cannot prove that our mail is really ours" in found["state_reason"]
        with house.database() as database:
            counted = database.execute("SELECT sum(refused) FROM pipeline_brakecount").fetchone()[0]
            stopped = database.execute("SELECT state_code FROM pipeline_send").fetchone()[0]
            held = database.execute("SELECT count(*) FROM subscribers_suppression").fetchone()[0]
            kinds = database.execute("SELECT DISTINCT kind, status, reason FROM pipeline_feedback").fetchall()
        assert (stopped, held, kinds) == ("our-fault", 0, [("bounce", "applied", "authentication")])
        assert counted >= 20
        assert found["counts"]["accepted"] == house.json("status", str(found["send"]))["counts"]["accepted"]
        assert beyond.received() == []
