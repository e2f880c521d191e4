"""There and back: a real Postfix takes the mail, meets servers that refuse it, and returns its reports.

Each reader then stands where they should: who is dead gets nothing more, whoever is not stays, and why is in the books.
"""

import pytest
from house import until
from postfix import Postfix
from relay import RecordingRelay

EACH = 3
ANSWERS = {
    "rcpt": {
        "^gone": ["550 5.1.1 No such user here"],
        "^full": ["552 5.2.2 Mailbox full"],
        "^busy": ["450 4.2.0 Mailbox is being worked on, try again later"],
        "^closed": ["550 5.2.1 This account has been disabled"],
    },
    "dot": {"^filtered": ["550 5.7.1 Message was rejected by the recipient's filter"]},
}
HASTY = ["minimal_backoff_time = 3s", "maximal_backoff_time = 3s", "queue_run_delay = 1s", "delay_warning_time = 1s",
         "maximal_queue_lifetime = 5s"]  # fmt: skip
"""A Postfix that gives up after seconds instead of days; its own reports keep their five days. It counts whole seconds:
in less than three it may come upon a message that it still delivers itself, and then leaves it for minutes."""
MEANS = {
    "gone": ("no-such-mailbox", True),
    "full": ("mailbox-full", False),
    "busy": ("temporary", False),
    "closed": ("mailbox-disabled", False),
    "filtered": ("recipient-filter", False),
    "well": (None, None),
}
"""What the books say of a bounce, and whether the address is dead."""


@pytest.mark.postfix
def test_each_reader_ends_in_the_right_state_for_the_right_reason(behind_postfix, tmp_path, returning):
    people = [f"{kind}{number}@{kind}.example" for kind in MEANS for number in range(EACH)]
    with (
        RecordingRelay(tmp_path, script=ANSWERS) as beyond,
        Postfix(beyond.port, more=[*returning, *HASTY]) as postfix,
    ):
        house = behind_postfix(postfix)
        house.import_people(people)
        number = house.json("send", str(house.write_issue()), "--list", "all")["send"]
        with house.database() as database:
            bounced = "SELECT email FROM pipeline_delivery WHERE bounced_at IS NOT NULL"
            unwell = [one for one in people if not one.startswith("well")]
            until(lambda: len(database.execute(bounced).fetchall()) == len(unwell), what="all reports", seconds=120)
            until(lambda: house.json("status", str(number))["state"] == "finished", what="the end")
            found = database.execute(
                "SELECT email, state, bounce_reason, bounce_hard, delayed_at IS NOT NULL FROM pipeline_delivery"
            ).fetchall()
            suppressed = database.execute("SELECT address_key, scope, reason FROM subscribers_suppression").fetchall()
    kinds = {email: email.partition("@")[2].removesuffix(".example") for email in people}
    assert {(email, state, reason, hard) for email, state, reason, hard, _ in found} == {
        (email, "accepted", *MEANS[kind]) for email, kind in kinds.items()
    }
    assert {email for email, *_, delayed in found if delayed} == {one for one in people if kinds[one] == "busy"}
    assert sorted(suppressed) == [(one, "all", "dead-address") for one in people if kinds[one] == "gone"]
    assert sorted(entry["rcpt"] for entry in beyond.received()) == [one for one in people if kinds[one] == "well"]
    house.run("audit", str(number))
