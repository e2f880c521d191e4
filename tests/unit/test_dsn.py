"""Status reports: RFC 3464 as written, and as servers write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback.dsn import RECIPIENTS_AT_MOST, Action, Report, read_reports, reports
from pipeline.feedback.mime import read


def one(text):
    (report,) = read_reports(text)
    return report


def test_each_recipient_has_a_block():
    found = read_reports(
        "Reporting-MTA: dns; mx.test\nArrival-Date: Mon\n\n"
        "Final-Recipient: rfc822; ada@x.test\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User\n  unknown\n\n"
        "Final-Recipient: rfc822; bob@x.test\nAction: delivered\nStatus: 2.1.5\n"
    )
    assert found == (
        Report("ada@x.test", Action.FAILED, "5.1.1", "550 5.1.1 User unknown"),
        Report("bob@x.test", Action.DELIVERED, "2.1.5", ""),
    )


def test_the_original_recipient_is_the_subscriber():
    block = "Original-Recipient: rfc822;ada@x.test\nFinal-Recipient: rfc822;ada@home.test\nAction: failed\n"
    assert one(block).address == "ada@x.test"
    assert one(block.replace("ada@x.test", "unknown")).address == "ada@home.test"


def test_letters_beyond_ascii_may_travel_as_numbers():
    assert (
        one("Original-Recipient: utf-8;j\\x{FC}rgen@x.test\nFinal-Recipient: rfc822;x@y.test").address
        == "jürgen@x.test"
    )


def test_xtext_is_undone_where_a_server_left_it():
    assert one("Original-Recipient: rfc822;ada+2Bnews@x.test\nFinal-Recipient: rfc822;x@y.test").address == (
        "ada+news@x.test"
    )
    assert one("Final-Recipient: rfc822;ada+20@x.test").address == "ada+20@x.test"


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ("Action: failed", Action.FAILED),
        ("Action: Failed (permanently)", Action.FAILED),
        ("Action: delayed", Action.DELAYED),
        ("Action: relayed (to non-DSN-aware mailer)", Action.DELIVERED),
        ("Action: expanded", Action.DELIVERED),
        ("Action:\nStatus: 2.0.0", Action.DELIVERED),
        ("Status: 5.0.0", Action.FAILED),
        ("Action: ???", Action.FAILED),
    ],
)
def test_only_failures_are_failures(said, action):
    assert one(f"Final-Recipient: rfc822; ada@x.test\n{said}\n").action is action


@pytest.mark.parametrize(
    ("status", "code"),
    [("5.1.1 (bad mailbox)", "5.1.1"), ("5.1.1.1", ""), ("five", ""), ("9.1.1", ""), ("", ""), ("4.4.7", "4.4.7")],
)
def test_a_status_is_a_status_or_nothing(status, code):
    assert one(f"Final-Recipient: rfc822; ada@x.test\nStatus: {status}\n").status == code


def test_blocks_that_lost_their_empty_line_are_told_apart():
    text = "".join(f"Final-Recipient: rfc822; {who}@x.test\nAction: failed\n" for who in "abc")
    assert [report.address for report in read_reports(text)] == ["a@x.test", "b@x.test", "c@x.test"]


def test_a_block_without_a_recipient_says_nothing_about_one():
    assert read_reports("Reporting-MTA: dns; mx.test\n\nAction: failed\nStatus: 5.1.1\n") == ()
    assert read_reports("Final-Recipient: rfc822; nobody at all\nAction: failed\n") == ()


def test_a_message_without_a_status_part_has_no_report():
    assert reports(read(b"Subject: x\n\nFinal-Recipient: rfc822; ada@x.test\nAction: failed\n")) == ()


@given(
    st.lists(
        st.sampled_from(["Final-Recipient: rfc822;", "a@x.test", "Action: delayed", "Status:", "\n", " ", ":", "é"])
    )
)
def test_no_report_is_too_broken(pieces):
    for report in read_reports("".join(pieces)):
        assert report.address
        assert report.action in Action


def test_a_report_of_a_million_recipients_is_cut():
    assert len(read_reports("Final-Recipient: rfc822; ada@x.test\n\n" * 20_000)) == RECIPIENTS_AT_MOST
