"""Complaints: RFC 5965 reports, what is none, and who it was."""

import pytest

from pipeline.feedback.arf import complaint
from pipeline.feedback.dsn import RECIPIENTS_AT_MOST
from pipeline.feedback.mime import Part, read

COPY = read(b"To: Ada <ada@x.test>\nSubject: News\n\n")


def report(fields):
    raw = f"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/feedback-report\n\n{fields}\n--x--"
    return read(raw.encode())


@pytest.mark.parametrize("kind", ["abuse", "Abuse", "fraud", "opt-out", "other"])
def test_a_complaint_is_one(kind):
    found = complaint(report(f"Feedback-Type: {kind}\nVersion: 1\nOriginal-Rcpt-To: <bob@x.test>"), COPY)
    assert found.is_complaint
    assert found.addresses == ("bob@x.test",)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dmarc", "virus"])
def test_a_report_of_something_else_is_not(kind):
    assert not complaint(report(f"Feedback-Type: {kind}\n"), COPY).is_complaint


def test_who_complained_is_in_the_copy_where_the_report_does_not_say():
    assert complaint(report("Feedback-Type: abuse\n"), COPY).addresses == ("ada@x.test",)
    assert complaint(report("Feedback-Type: abuse\nOriginal-Rcpt-To: redacted"), Part(())).addresses == ()


def test_a_report_without_its_type_is_taken_as_a_complaint():
    assert complaint(report("Version: 1\n"), COPY).kind == "abuse"


def test_microsofts_kind_has_no_report_part():
    copy = read(b"X-HmXmrOriginalRecipient: ada@x.test\nTo: someone\n\n")
    assert complaint(read(b"Subject: complaint\n\n"), copy).addresses == ("ada@x.test",)


@pytest.mark.parametrize(
    "head", ["", "Content-Type: text/plain\n", "Content-Type: multipart/mixed; boundary=x\n\n--x\n"]
)
def test_a_report_may_stand_in_a_text(head):
    fields = "\nThis is a report.\n\nFeedback-Type: abuse\nUser-Agent: X/1\nOriginal-Rcpt-To: bob@x.test\n"
    assert complaint(read((head + fields).encode()), COPY).addresses == ("bob@x.test",)
    assert complaint(read((head + fields.replace("\n", "\n> ")).encode()), COPY) is None, "quoted by a person"


def test_other_mail_is_no_complaint():
    assert complaint(read(b"Subject: Feedback-Type: abuse\n\nFeedback-Type: abuse\n"), COPY) is None


def test_a_report_may_name_several_who_complained():
    told = "Feedback-Type: abuse\nOriginal-Rcpt-To: bob@x.test\nOriginal-Rcpt-To: <eve@y.test>\n"
    assert complaint(report(told), COPY).addresses == ("bob@x.test", "eve@y.test")
    many = "".join(f"Original-Rcpt-To: a{number}@x.test\n" for number in range(200))
    assert len(complaint(report(f"Feedback-Type: abuse\n{many}"), COPY).addresses) == RECIPIENTS_AT_MOST
