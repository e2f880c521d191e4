import pytest

from pipeline.delivery.envelope import Result, Verdict
from pipeline.delivery.outcome import outcome
from pipeline.replies import Reason


def result(verdict, text="", *, code=None, enhanced="", command="."):
    return Result(1, verdict, code, enhanced, text, command)


def test_taken_is_accepted_with_the_queue_id_kept():
    said = outcome(result(Verdict.ACCEPTED, "250 2.0.0 Ok: queued as 4F1A", code=250, enhanced="2.0.0"))
    assert (said.state, said.reason, said.reply) == ("accepted", "taken", "250 2.0.0 Ok: queued as 4F1A")
    assert not said.relay_trouble


def test_a_rejection_has_the_reason_of_its_reply():
    said = outcome(result(Verdict.REJECTED, "550 5.1.1 No such user", code=550, enhanced="5.1.1", command="RCPT"))
    assert (said.state, said.reason) == ("rejected", Reason.NO_SUCH_MAILBOX)
    assert not said.relay_trouble


def test_a_reply_over_several_lines_is_read_as_one_sentence():
    reply = "550-We are sorry, but this\n550-user does not\n550 exist."
    said = outcome(result(Verdict.REJECTED, reply, code=550, command="RCPT"))
    assert said.reason == Reason.NO_SUCH_MAILBOX
    assert said.reply == reply


@pytest.mark.parametrize(
    ("enhanced", "reason"),
    [
        ("5.1.3", Reason.SYNTAX),
        ("5.6.7", Reason.SYNTAX),
        ("5.3.4", Reason.TOO_BIG),
        ("5.1.7", Reason.SENDER_REFUSED),
    ],
)
def test_what_we_refuse_ourselves_never_calls_a_mailbox_dead(enhanced, reason):
    said = outcome(result(Verdict.REJECTED, "'a b@x.test' is not a mail address.", enhanced=enhanced, command="RCPT"))
    assert (said.state, said.reason) == ("rejected", reason)


def test_later_means_pending_by_the_schedule():
    said = outcome(result(Verdict.DEFERRED, "450 4.2.1 Busy", code=450, enhanced="4.2.1", command="RCPT"))
    assert (said.state, said.reason, said.counts, said.relay_trouble) == ("pending", "deferred", True, False)


@pytest.mark.parametrize(("code", "enhanced"), [(421, ""), (452, "4.3.1")])
def test_a_relay_that_is_full_or_closing_is_in_trouble_itself(code, enhanced):
    assert outcome(result(Verdict.DEFERRED, "later", code=code, enhanced=enhanced)).relay_trouble


def test_whose_turn_never_came_is_repeated_at_once_and_tells_nothing_of_the_relay():
    said = outcome(result(Verdict.UNSENT, "Its turn did not come: …", command=""))
    assert (said.state, said.reason, said.counts, said.relay_trouble) == ("pending", "not-sent", False, False)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_421_is_the_relays_trouble_and_no_try_of_the_delivery(command):
    said = outcome(result(Verdict.UNSENT, "421 4.3.2 Bye", code=421, enhanced="4.3.2", command=command))
    assert (said.state, said.counts, said.relay_trouble) == ("pending", False, True)


@pytest.mark.parametrize(
    ("command", "counts"), [("RSET", False), ("MAIL", False), ("RCPT", True), ("DATA", True), (".", True)]
)
def test_who_breaks_connections_waits_and_who_only_was_there_does_not(command, counts):
    said = outcome(result(Verdict.UNSENT, "the relay closed the connection", command=command))
    assert (said.state, said.counts, said.relay_trouble) == ("pending", counts, True)


def test_doubt_stays_doubt():
    said = outcome(result(Verdict.UNCERTAIN, "no answer came in time"))
    assert (said.state, said.reason, said.relay_trouble) == ("uncertain", "connection-lost", True)
