"""What returned mail is, on samples of our own; how many it gets right where the labelled corpus is at hand."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import corpus
from bench.feedback import by_us
from bench.scoring import Label, score
from pipeline.commands import classify as command
from pipeline.feedback.tables import TABLES, Role, read_tables
from pipeline.feedback.understand import Kind, Understood, understand

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests" / "corpus" / "feedback"
LABELLED = Path(os.environ.get("PRESSRUN_BOUNCE_CORPUS") or ROOT.parent / "shared" / "bounce-corpus")
ADA = "ada@reader.example"
ID = "aeaqcaa7qs2tkq4sv3lq7m2xn5yq2eza5y"

# sample → kind, and for each recipient the common word for the reason, with ! where the address is dead
EXPECTED = {
    "dsn-unknown-user": ("bounce", "userunknown!"),
    "dsn-mailbox-full": ("bounce", "mailboxfull"),
    "dsn-forwarded": ("bounce", "userunknown!"),
    "dsn-delayed": ("delay", "expired"),
    "dsn-relayed": ("other",),
    "dsn-delivered": ("other",),
    "dsn-expired": ("bounce", "systemerror"),
    "dsn-several": ("bounce", "userunknown!", "mailboxfull"),
    "dsn-spam": ("bounce", "spamdetected"),
    "dsn-unauthenticated": ("bounce", "authfailure"),
    "dsn-blocklist": ("bounce", "blocked"),
    "dsn-refused-after-body": ("bounce", "filtered"),
    "dsn-no-such-domain": ("bounce", "hostunknown!"),
    "dsn-null-mx": ("bounce", "notaccept!"),
    "dsn-disabled": ("bounce", "suspend"),
    "dsn-status-only": ("bounce", "userunknown!"),
    "dsn-truncated": ("bounce", "userunknown!"),
    "dsn-too-big": ("bounce", "mesgtoobig"),
    "words-qmail-style": ("bounce", "userunknown!"),
    "words-exim-style": ("bounce", "blocked"),
    "words-webmail-style": ("bounce", "userunknown!"),
    "words-transcript": ("bounce", "mailboxfull"),
    "words-warning": ("delay", "expired"),
    "words-german": ("bounce", "mailboxfull"),
    "words-french": ("bounce", "userunknown!"),
    "words-japanese": ("bounce", "userunknown!"),
    "words-korean": ("bounce", "mailboxfull"),
    "words-korean-unknown": ("bounce", "userunknown!"),
    "words-chinese": ("bounce", "userunknown!"),
    "words-html-only": ("bounce", "userunknown!"),
    "words-refused-after-body": ("bounce", "filtered"),
    "words-quoted-names": ("bounce", "userunknown!", "mesgtoobig"),
    "words-plain-polish": ("bounce", "userunknown!"),
    "words-without-accents": ("bounce", "mailboxfull"),
    "words-said-once": ("bounce", "expired", "expired"),
    "words-other-provider": ("bounce", "userunknown!"),
    "words-no-daemon": ("bounce", "userunknown!"),
    "arf-abuse": ("complaint", "undefined"),
    "arf-redacted": ("complaint", "undefined"),
    "arf-not-spam": ("other",),
    "arf-auth-failure": ("other",),
    "complaint-without-report": ("complaint", "undefined"),
    "away-english": ("auto-reply",),
    "away-exchange": ("auto-reply",),
    "away-korean": ("auto-reply",),
    "away-german": ("auto-reply",),
    "away-japanese": ("auto-reply",),
    "away-chinese": ("auto-reply",),
    "away-french": ("auto-reply",),
    "away-gone": ("auto-reply",),
    "away-generated": ("auto-reply",),
    "away-full-sounding": ("auto-reply",),
    "challenge": ("other",),
    "read-receipt": ("other",),
    "reply": ("reply",),
    "reply-quoting-a-bounce": ("reply",),
    "reply-pasting-a-bounce": ("reply",),
    "newsletter-about-bounces": ("other",),
    "ticket": ("other",),
    "dmarc-report": ("other",),
    "quota-of-ours": ("other",),
    "password-of-ours": ("other",),
    "spam": ("other",),
    "empty": ("other",),
}


def sample(name):
    return (SAMPLES / f"{name}.eml").read_bytes()


def test_every_sample_is_expected_to_be_something():
    assert {path.stem for path in SAMPLES.glob("*.eml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_sample_is_what_it_is(name, newline):
    found = understand(sample(name).replace(b"\n", newline))
    words = [each.meaning.reason_sisimai + "!" * each.meaning.hard for each in found.recipients]
    assert (found.kind.value, *words) == EXPECTED[name], found


@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name][0] in {"bounce", "delay"}])
def test_a_bounce_names_our_reader(name):
    found = understand(sample(name))
    assert found.recipients[0].address == ADA
    assert ADA not in found.recipients[0].meaning.rule


@pytest.mark.parametrize("name", ["dsn-unknown-user", "words-qmail-style", "words-exim-style", "arf-abuse"])
def test_our_id_is_found_in_the_copy(name):
    assert understand(sample(name)).returned_id == ID


def test_a_diagnostic_is_the_servers_own_words():
    (found,) = understand(sample("words-exim-style")).recipients
    assert "550 5.7.1 Your address 192.0.2.1 is on our blocklist" in found.diagnostic
    assert found.status == "5.7.1"
    assert "City Desk" not in understand(sample("words-qmail-style")).recipients[0].diagnostic


def told(raw):
    return [(each.address, each.meaning.reason_sisimai) for each in understand(raw).recipients]


def test_a_report_is_read_though_a_gateway_passes_it_on():
    head = "From: MAILER-DAEMON@gate.test\nContent-Type: multipart/mixed; boundary=g\n\n--g\n\nHad errors\n\n--g\n"
    report = sample("dsn-unknown-user").decode()
    assert told(f"{head}Content-Type: message/rfc822\n\n{report}\n\n--g--".encode()) == [(ADA, "userunknown")]


def test_nobody_is_taken_for_dead_by_what_is_said_of_another():
    head = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n"
    head += "<eve@x.test>: user unknown\n\n--b\n"
    block = "\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 {}\n"
    blocks = block.format("ada@x.test", "no") + block.format("eve@x.test", "user unknown")
    part = f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n{blocks}\n--b--"
    assert told((head + part).encode()) == [("ada@x.test", "onhold"), ("eve@x.test", "userunknown")]


@pytest.mark.parametrize(
    "around",
    [
        "The original is in the attachment. Our spam filter checked it.",
        "The following addresses had permanent fatal errors",
        "This system is protected against viruses.\nUser unknown? Ask our security team.",
    ],
)
def test_why_is_not_read_from_the_courtesies_around_a_reply(around):
    head = f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n{around}\n\n--b\n"
    block = (
        "\nFinal-Recipient: rfc822; ada@x.test\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 Not today\n"
    )
    part = f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n{block}\n--b--"
    assert told((head + part).encode()) == [("ada@x.test", "onhold")]


def test_each_of_several_reports_is_read_beside_its_own_words_wherever_it_stands():
    head = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\n"
    said = "<ada@x.test>: host mx said: 451 4.3.0 not now\n\n<eve@x.test>: host mx said: 550 5.1.1 User unknown\n"
    parts = "".join(
        f"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; {name}\nAction: failed\n{field}\n"
        for name, field in (
            ("ada@x.test", "Status: 5.0.0"),
            ("eve@x.test", "Status: 5.0.0"),
            ("eva@x.test", "X-Supplementary-Info: <mx.x.test #5.0.0 smtp;552 mailbox full>"),
        )
    )
    reasons = [
        (each.meaning.reason_sisimai, each.meaning.hard)
        for each in understand((head + said + parts).encode()).recipients
    ]
    assert reasons == [("systemerror", False), ("userunknown", True), ("mailboxfull", False)]


def test_a_report_tells_even_what_never_was_an_address():
    head = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
    part = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; ada@#x.test\n"
    )
    assert told((head + part + "Action: failed\nStatus: 5.1.2\n\n--b--").encode()) == [("ada@#x.test", "hostunknown")]


def test_who_is_only_delayed_beside_others_who_failed_is_told_as_that():
    head = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
    part = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; ada@x.test\n"
        "Action: delayed\nStatus: 4.0.0 (x.test: host name lookup failure)\n\nFinal-Recipient: rfc822; eve@x.test\n"
        "Action: failed\nStatus: 5.1.1\n\n--b--"
    )
    found = understand((head + part).encode())
    assert [(each.action, each.meaning.reason_sisimai, each.meaning.hard) for each in found.recipients] == [
        ("delayed", "networkerror", False),
        ("failed", "userunknown", True),
    ]
    assert found.kind is Kind.BOUNCE


def transcript(*lines):
    head = "From: MAILER-DAEMON@x.test\nSubject: Returned mail\n\n"
    head += "   ----- Transcript of session follows -----\n<ada@x.test>\n"
    return (head + "\n".join(lines)).encode()


def test_a_name_that_is_unknown_only_once_the_message_is_sent_is_not_dead():
    (late,) = understand(transcript(">>> DATA", "<<< 550 <ada@x.test>: User unknown")).recipients
    assert (late.meaning.reason_sisimai, late.meaning.hard) == ("filtered", False)
    sent_ahead = transcript(">>> DATA", "<<< 550 5.1.1 User unknown", "<<< 503 5.0.0 Need RCPT (recipient)")
    assert understand(sent_ahead).recipients[0].meaning.hard, "the commands were sent all at once"
    yahoo = transcript(">>> DATA", "<<< 554 delivery error: dd This user doesn't have a x.test account [0]")
    assert understand(yahoo).recipients[0].meaning.hard, "which looks names up no earlier"


def notified(told):
    topic = json.dumps({"Type": "Notification", "Message": json.dumps(told)}, indent=2)
    folded = topic[:90] + "!\n " + topic[90:]
    return (
        f"From: Topic <no-reply@sns.amazonaws.com>\nSubject: AWS Notification Message\n\n{folded}\n\n--\nBye".encode()
    )


def test_a_topic_notifies_by_mail():
    person = {"emailAddress": "ada@x.test", "action": "failed", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    bounce = {"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [person]}}
    assert told(notified(bounce)) == [("ada@x.test", "userunknown")]
    bounce["bounce"] |= {"bounceSubType": "NoEmail", "bouncedRecipients": [{"emailAddress": "eve@x.test"}]}
    assert told(notified(bounce)) == [("eve@x.test", "userunknown")], "no server's words, only Amazon's own"
    late = {"eventType": "DeliveryDelay", "deliveryDelay": {"delayedRecipients": [{"emailAddress": "ada@x.test"}]}}
    assert understand(notified(late)).kind is Kind.DELAY
    complaint = {
        "notificationType": "Complaint",
        "complaint": {"complainedRecipients": [{"emailAddress": "ada@x.test"}]},
    }
    found = understand(notified(complaint))
    assert (found.kind, found.recipients[0].address) == (Kind.COMPLAINT, "ada@x.test")
    assert understand(notified(bounce).replace(b"sns.amazonaws.com", b"x.test")).kind is Kind.OTHER


@pytest.mark.parametrize("told", [{}, {"bounce": 1}, {"bounce": {"bouncedRecipients": [1, {"emailAddress": 2}]}}, [[]]])
def test_a_strange_notification_is_nothing(told):
    assert understand(notified(told)).kind is Kind.OTHER
    assert understand(notified(told)[:150]).kind is Kind.OTHER
    assert understand(notified(told) + 9000 * b'{"a":').kind is Kind.OTHER


@given(st.binary(max_size=3000))
def test_nothing_that_comes_is_an_error(raw):
    assert understand(raw).kind in Kind


lines = st.sampled_from(
    [
        "From: MAILER-DAEMON@x.test", "Subject: failure notice", "X-Failed-Recipients: a@x.test, b@x.test, @",
        "Content-Type: multipart/report; boundary=a", "Content-Type: message/delivery-status", "--a", "--a--", "",
        "Content-Type: message/rfc822", "Content-Type: message/feedback-report", "Action: delayed", "To: <ada@x.test>",
        "Final-Recipient: rfc822; ada@x.test", "Feedback-Type: abuse", "<ada@x.test>:", "550 5.1.1 User unknown",
        "could not be delivered to one or more of its recipients", "--- Below this line is a copy of the message.",
        "Auto-Submitted: auto-replied", "> quoted", "X-Pressrun-Id: aaaaaaaaaaaaaaaaaaaaaaaa", "배달되지 못",
    ]
)  # fmt: skip


@given(st.lists(lines, max_size=40))
def test_nor_is_a_heap_of_its_pieces(pieces):
    found = understand("\n".join(pieces).encode())
    assert (found.kind in {Kind.BOUNCE, Kind.DELAY, Kind.COMPLAINT}) == bool(found.recipients)
    assert not (found.kind is Kind.DELAY and any(each.meaning.hard for each in found.recipients))


@pytest.mark.parametrize(
    "line", ["<a@x.test>:\n", "550 user unknown\n", "> ", "could not be delivered to ", "a@b.c ", "<"]
)
def test_a_long_bounce_takes_no_longer_for_it(line):
    head = b"From: MAILER-DAEMON@x.test\nSubject: failure notice\n\nThis is the mail system at host x.\n"
    began = time.process_time()
    understand(head + line.encode() * (900_000 // len(line)))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("line", ["start\t", "nonsense\twords", "start words", "stop\t…"])
def test_a_broken_row_is_named(line):
    with pytest.raises(ValueError, match="line 1"):
        read_tables(line)


def test_each_role_has_rows_in_lower_case():
    for role in Role:
        assert TABLES[role].words
        assert [words for words in TABLES[role].words if words != words.lower()] == []


# -- the command


@pytest.fixture
def classify(capsys):
    def run(*files, as_json=False):
        import argparse

        parser = argparse.ArgumentParser()
        parser.add_argument("--json", action="store_true")
        command.add_arguments(parser)
        status = command.run(parser.parse_args([*files, *(["--json"] if as_json else [])]))
        out = capsys.readouterr().out
        return status, json.loads(out) if as_json else [json.loads(line) for line in out.splitlines()]

    return run


def test_classify_prints_a_line_for_each_file_in_order(classify):
    names = [str(SAMPLES / f"{name}.eml") for name in ("dsn-unknown-user", "arf-abuse", "away-korean", "dsn-delayed")]
    status, (bounce, complaint, away, delay) = classify(*names)
    assert status == 0
    assert bounce["file"] == names[0]
    assert bounce == {
        "file": names[0],
        "kind": "bounce",
        "recipients": [
            {
                "address": ADA,
                "status": "5.1.1",
                "reason": "no-such-mailbox",
                "reason_sisimai": "userunknown",
                "hard": True,
                "diagnostic": f"550 5.1.1 <{ADA}>: Recipient address rejected: User unknown in virtual mailbox table",
            }
        ],
    }
    assert complaint["kind"] == "complaint"
    assert [(one["reason"], one["reason_sisimai"]) for one in complaint["recipients"]] == [("complaint", "feedback")]
    assert (away["kind"], away["recipients"]) == ("auto-reply", [])
    [late] = delay["recipients"]
    assert (delay["kind"], late["action"], late["hard"]) == ("bounce", "delayed", False), "nothing has failed yet"


def test_a_file_that_cannot_be_read_does_not_stop_the_others(classify, tmp_path):
    status, (missing, folder, good) = classify(str(tmp_path / "no.eml"), str(tmp_path), str(SAMPLES / "reply.eml"))
    assert status == 1
    assert "error" in missing
    assert "error" in folder
    assert good["kind"] == "other"


def test_nor_does_one_that_breaks_its_reader(classify, monkeypatch):
    monkeypatch.setattr(command, "understand", lambda _: Understood(Kind.OTHER, unread="it needs too much"))
    status, (unread,) = classify(str(SAMPLES / "reply.eml"))
    assert (status, unread["error"]) == (1, "could not be read: it needs too much")
    assert "kind" not in unread


def test_with_json_it_is_one_document(classify):
    status, (one,) = classify(str(SAMPLES / "spam.eml"), as_json=True)
    assert (status, one["kind"]) == (0, "other")


def test_classify_reads_stdin_and_knows_no_django():
    import subprocess
    import sys

    code = (
        "import sys; from pipeline.cli import main; status = main(['classify', '-'])\n"
        "assert 'django' not in sys.modules and 'celery' not in sys.modules\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=sample("spam"), capture_output=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == {"file": "-", "kind": "other", "recipients": []}


# -- the labelled corpus, which is not part of the project


@pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled corpus is not here (PRESSRUN_BOUNCE_CORPUS)")
def test_how_many_of_the_labelled_it_gets_right():
    lines = corpus.labels(LABELLED)
    found = score([(Label.of(line), by_us((LABELLED / line["file"]).read_bytes())) for line in lines])
    percent = {measure: share.percent for measure, share in found.items()}
    assert percent["recipients_found"] > 98.2
    assert percent["precision"] > 98.7
    assert percent["kind"] > 97
    assert percent["dead_caught"] > 94
    assert percent["reason_exact"] > 92.2
    assert percent["reason_family"] > 95
    assert percent["false_hard"] == 0
    assert percent["false_bounces"] == 0
