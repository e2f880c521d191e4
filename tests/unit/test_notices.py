"""Notices in plain words: who they are about, and which of several voices in them is believed."""

import re
from pathlib import Path

import pytest

from pipeline.commands.classify import SHOWN_AS
from pipeline.feedback.understand import Kind, understand

NOTICES = Path(__file__).resolve().parents[1] / "corpus" / "notices.txt"
_, *PIECES = re.split(r"^==== (\S+) \| (\S+) \| (\S*)\n", NOTICES.read_text(encoding="utf-8"), flags=re.MULTILINE)
WRITTEN = tuple(zip(PIECES[::4], PIECES[1::4], PIECES[2::4], PIECES[3::4], strict=True))


def returned(words, *, subject="failure notice"):
    return f"From: MAILER-DAEMON@mx.test\nTo: b@city.test\nSubject: {subject}\n\n{words}".encode()


def told(raw):
    return [(each.address, each.meaning.reason_sisimai) for each in understand(raw).recipients]


def test_each_addressee_of_the_copy_is_told_of_though_it_has_a_header_for_each():
    failed = "I wasn't able to deliver your message to the following addresses.\n\n{}--- Below this line is a copy\n{}"
    names = ("ada@x.test", "eve@x.test")
    said = "".join(f"<{name}>:\nno such user\n\n" for name in names)
    copy = "\n".join(["Return-Path: <b@city.test>", *(f"To: {name}" for name in names)])
    assert told(returned(failed.format(said, copy))) == [(name, "userunknown") for name in names]


@pytest.mark.parametrize(
    "words",
    [
        "It was delivered to:\n\n eve@x.test\n\nIt could not be delivered to:\n\n ada@x.test: user unknown\n",
        "It could not be delivered to:\n\n ada@x.test: user unknown\n\nIt was delivered to:\n\n eve@x.test\n",
    ],
)
def test_who_got_the_mail_is_not_told_of(words):
    assert told(returned(words)) == [("ada@x.test", "userunknown")]


@pytest.mark.parametrize(
    "courtesy",
    [
        "Possible reasons: the address does not exist, the mailbox is full, or the domain name could not be found.",
        "Mögliche Ursachen: Empfänger unbekannt, Postfach voll, Domain nicht gefunden.",
        "可能的原因：收件人地址不存在；收件人邮箱已满；域名错误。",
    ],
)
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("550 User unknown", "userunknown"),
        ("554 Relaying denied", "norelaying"),
        ("550 Transaction X7 declined", "onhold"),
    ],
)
def test_what_could_be_the_reason_is_not_taken_for_it_where_a_server_speaks(courtesy, reply, reason):
    failed = f"Your message could not be delivered to:\n\n<ada@x.test>: {reply}\n\n{courtesy}\n"
    assert told(returned(failed)) == [("ada@x.test", reason)]


@pytest.mark.parametrize(
    "words",
    [
        "Could not be delivered to: <ada@x.test> <eve@x.test>\n  As the message is too large for their mailbox.\n",
        "Your message to: ada@x.test, eve@x.test\nhas been rejected: the message is too large.\n",
    ],
)
def test_all_whom_the_statement_names_are_told_of(words):
    assert told(returned(words)) == [("ada@x.test", "mesgtoobig"), ("eve@x.test", "mesgtoobig")]


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        (
            "A message that you sent could not be delivered to all of its recipients:\n\n",
            "  ada@x.test\n    Unknown local part\n  eve@x.test\n    552 Quota exceeded\n",
        ),
        (
            "An error has occurred while attempting to deliver a message:\n\n",
            "ada@x.test: 550 Invalid recipient\neve@x.test: 552 5.2.2 Over quota\n",
        ),
        ("", "Unknown user: ada@x.test\nUser mailbox exceeds allowed size: eve@x.test\n"),
        ("", ">>> ada@x.test <ada@x.test>\n550 User unknown\n>>> eve@x.test <eve@x.test>\n552 Mailbox full\n"),
        (
            "The following addresses had fatal errors:\n",
            (
                "[Status: Error, Address: <ada@x.test>, ResponseCode 550, 5.1.1 No such user]\n"
                "[Status: Error, Address: <eve@x.test>, ResponseCode 552, 5.2.2 Mailbox full]\n"
            ),
        ),
        (
            "A message that you sent could not be delivered.\n\n",
            "ada@x.test Invalid Address, CODE :550, No such user\neve@x.test Error, CODE :552, Mailbox full\n",
        ),
        (
            "",
            "  <ada@x.test>\n    delivery failed: user unknown\n  <eve@x.test>\n    delivery failed: mailbox full\n",
        ),
        (
            "",
            (
                "Sent <<< RCPT TO:<ada@x.test>\nReceived >>> 550 User unknown\n\nUnable to deliver to <ada@x.test>.\n\n"
                "Sent <<< RCPT TO:<eve@x.test>\nReceived >>> 552 Quota exceeded\n\nUnable to deliver to <eve@x.test>.\n"
            ),
        ),
        (
            "메일이 발송되지 못했습니다.\n\n",
            "받는 사람 : ada@x.test\n사유 : User unknown\n받는 사람 : eve@x.test\n사유 : Mailbox full\n",
        ),
        (
            "",
            (
                "The following message to <ada@x.test> was undeliverable.\nThe reason for the problem:\n"
                "5.1.0 - Unknown address error 550-'5.1.1 <ada@x.test> user unknown'\n\n"
                "The following message to <eve@x.test> was undeliverable.\nThe reason for the problem:\n"
                "5.1.0 - Unknown address error 552-'5.2.2 mailbox of eve@x.test is full'\n"
            ),
        ),
        (
            "did not reach the following recipient(s):\n\n",
            (
                "ada@x.test on Thu, 5 May 2001 11:00:00 +0200\n    The recipient name is not recognized\n"
                "\tThe MTS-ID of the original message is: c=de;a= ;p=x;l=X1\n"
                "eve@x.test on Thu, 5 May 2001 11:00:00 +0200\n    The mailbox is full\n"
            ),
        ),
        (
            "",
            (
                "Failed to deliver to 'ada@x.test'\nSMTP module(domain x.test) reports:\n host mx.x.test says:\n"
                " 550 5.1.1 ada@x.test account does not exist\n\n"
                "Failed to deliver to 'eve@x.test'\nLOCAL module reports:\n account is full (quota exceeded)\n"
            ),
        ),
        (
            "------- Failure Reasons  --------\n\n",
            "User not listed in Domino Directory\nada@x.test\n\nDatabase is over its quota\neve@x.test\n\n",
        ),
        (
            "----- The following addresses have delivery notifications -----\n",
            (
                "<ada@x.test>  (unrecoverable error)\n<eve@x.test>  (unrecoverable error)\n\n"
                "   ----- Transcript of session follows -----\n"
                "550 <ada@x.test>... User unknown\n554 <eve@x.test>... Mailbox is full\n"
            ),
        ),
        (
            "",
            (
                "550 unknown user <ada@x.test>\nundeliverable to ada@x.test\n\n"
                "552 mailbox over quota\nundeliverable to eve@x.test\n"
            ),
        ),
        (
            "The attached message could not be delivered to the following recipients:\n\n",
            (
                "Error-for:  ada@x.test\nError-Code: 3\nError-Text: 550 User unknown\n\n"
                "Error-for:  eve@x.test\nError-Code: 3\nError-Text: 552 Mailbox full\n\nError-End:  2 errors\n"
            ),
        ),
        (
            "This is a collection of reports about email delivery\n\n",
            (
                "FAILED:\n Recipient:\n    rfc822;ada@x.test\n  Diagnostic texts:\n    ->> 550 User unknown\n\n"
                "FAILED:\n Recipient:\n    rfc822;eve@x.test\n  Diagnostic texts:\n    ->> 552 Mailbox full\n\n"
            ),
        ),
        (
            "The mail transport system has reported the following problems\n\n",
            "*** ada@x.test\nNobody there, user unknown\n\n*** eve@x.test\n552 5.2.2 Mailbox full\n\n",
        ),
        (
            "",
            (
                "Not for us\nuser unknown\nundeliverable to ada@x.test\n\n"
                "<eve@x.test>... mailbox full\nundeliverable to eve@x.test\n"
            ),
        ),
        (
            "Cannot be delivered:\n\n",
            (
                "   The user is\n   unknown here:\n   user unknown\n   undeliverable to ada@x.test\n\n"
                "   Its mailbox\n   is full\n   undeliverable to eve@x.test\n"
            ),
        ),
        (
            "MailEnable: Message could not be delivered to some recipients.\n\n",
            (
                "\tRecipient: [SMTP:ada@x.test]\n\tReason: 550 unknown user\n\n"
                "\tRecipient: [SMTP:eve@x.test]\n\tReason: The mailbox of the recipient has reached its quota\n"
            ),
        ),
    ],
)
@pytest.mark.parametrize("to", ["ada@x.test", "Ada <ada@x.test>, Eve <eve@x.test>"])
def test_all_who_are_listed_with_a_reason_are_told_of_though_the_copy_shows_but_one(opening, said, to):
    copy = f"------- Returned Message --------\nReceived: by x.test\nTo: {to}\n"
    assert told(returned(f"{opening}{said}\n{copy}")) == [("ada@x.test", "userunknown"), ("eve@x.test", "mailboxfull")]


@pytest.mark.parametrize("to", ["ada@x.test", "eve@x.test"])
def test_names_in_a_row_share_what_is_said(to):
    words = "This message was undeliverable:\n\nThe user(s) account is over quota.\n\n<ada@x.test>\n<eve@x.test>\n\n"
    words += f"Please reply to Postmaster@x.test\nif you feel this to be in error.\n\nReceived: by x.test\nTo: {to}\n"
    assert told(returned(words)) == [("ada@x.test", "mailboxfull"), ("eve@x.test", "mailboxfull")]


@pytest.mark.parametrize("to", ["ada@x.test", "eve@x.test"])
def test_names_on_one_line_share_what_is_said(to):
    words = "I wasn't able to deliver your message to the following addresses.\n\n"
    words += "Intended Recipients: <ada@x.test>, <eve@x.test>\nFailure Reason: 552 mailbox is full\n\n"
    words += f"Received: by x.test\nTo: {to}\n"
    assert told(returned(words)) == [("ada@x.test", "mailboxfull"), ("eve@x.test", "mailboxfull")]


@pytest.mark.parametrize(
    "said",
    [
        "The following addresses failed:\n\n<ada@x.test>:\n  user unknown\n\n<eve@x.test>:\n  mailbox is full\n",
        (
            "The following addresses failed:\n<ada@x.test>\n<eve@x.test>\n\n>>> RCPT To:<ada@x.test>\n"
            "<<< 550 user unknown\n>>> RCPT To:<eve@x.test>\n<<< 552 mailbox is full\n"
        ),
    ],
    ids=["list", "transcript"],
)
def test_of_several_in_a_report_without_words_each_has_its_own_from_the_text(said):
    blocks = "\n\n".join(
        f"Final-Recipient: rfc822; {name}@x.test\nAction: failed\nStatus: 5.0.0" for name in ("ada", "eve")
    )
    report = f"--q\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\n{blocks}\n--q--\n"
    head = "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=q\n"
    raw = head.encode() + returned(f"--q\n\n{said}\n{report}")
    assert told(raw) == [("ada@x.test", "userunknown"), ("eve@x.test", "mailboxfull")]


def test_a_page_has_its_lines_where_its_tags_are():
    lines = ["552 mailbox full", "undeliverable to ada@x.test", "", "550 user unknown", "undeliverable to eve@x.test"]
    page = b"MIME-Version: 1.0\nContent-Type: text/html\n" + returned("<p>" + "<br>\n".join(lines) + "</p>")
    assert told(page) == [("ada@x.test", "mailboxfull"), ("eve@x.test", "userunknown")]


@pytest.mark.parametrize(("verb", "word"), [("RCPT TO", "userunknown"), ("final DATA", "filtered")])
def test_the_command_that_was_answered_may_stand_on_a_line_of_its_own(verb, word):
    words = "This is the DragonFly Mail Agent.\n\nThere was an error delivering your mail to <ada@x.test>.\n\n"
    words += f"mx.x.test [192.0.2.4] did not like our {verb}:\n550 5.1.1 <ada@x.test>... User unknown\n"
    assert told(returned(words)) == [("ada@x.test", word)]


def test_a_warning_may_tell_of_several():
    words = "Delivery delayed to 'ada@x.test'\n 451 mailbox is full\n\nDelivery delayed to 'eve@x.test'\n 451 busy\n"
    found = understand(returned(words))
    assert found.kind is Kind.DELAY
    assert [(each.address, each.meaning.hard) for each in found.recipients] == [
        ("ada@x.test", False),
        ("eve@x.test", False),
    ]


def test_names_in_a_row_are_no_words_about_each_other():
    names = ["ada@hamlet.test", "eve@castle.test", "kim@village.test"]
    words = (
        "I wasn't able to deliver your message to the following addresses.\n\n{}\n\nError message:\n550 user unknown\n"
    )
    assert told(returned(words.format("\n".join(names)))) == [(name, "userunknown") for name in names]


def test_a_header_may_name_the_failed_more_than_once():
    heads = "X-Failed-Recipients: ada@x.test\nX-Failed-Recipients: eve@x.test\n"
    words = "The following address(es) failed:\n\n  ada@x.test\n    Unknown user\n  eve@x.test\n    mailbox is full\n"
    assert told(heads.encode() + returned(words)) == [("ada@x.test", "userunknown"), ("eve@x.test", "mailboxfull")]


@pytest.mark.parametrize("said", ["250 2.0.0 Ok: queued as 1F", "(successfully delivered to mailbox)", "2.1.5 taken"])
def test_what_was_delivered_is_no_bounce(said):
    for about in ("The following:", "Your message was successfully delivered to these recipients."):
        words = f"This is the MAILER-DAEMON, please do not reply.\n\n{about}\n\n<ada@x.test>: {said}\n"
        assert understand(returned(words)).kind is Kind.OTHER


def test_the_other_server_is_believed_before_what_messaging_server_makes_of_it():
    words = "Your message cannot be delivered to the following recipients:\n\n  Recipient address: ada@x.test\n"
    words += "  Reason: Illegal host/domain name found\n  Diagnostic code: smtp;550 5.1.1 User unknown\n"
    assert told(returned(words)) == [("ada@x.test", "userunknown")]


def test_a_transcript_that_follows_is_no_copy():
    words = (
        "Your message could not be sent.\nA transcript of the attempts to send the message follows.\n"
        "Addressed To: ada@x.test\n\nFailed to send to identified host,\nada@x.test: [192.0.2.7], 550 User unknown\n"
    )
    assert told(returned(words)) == [("ada@x.test", "userunknown")]


@pytest.mark.parametrize(("sender", "kind"), [("postmaster@x.test", Kind.BOUNCE), ("ada@x.test", Kind.OTHER)])
def test_a_server_may_refuse_in_the_form_of_a_receipt(sender, kind):
    report = "Final-Recipient: rfc822; ada@x.test\nDisposition: automatic-action/MDN-sent-automatically; deleted\n"
    found = understand(
        f"From: {sender}\nTo: b@city.test\nSubject: Rejected: News\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=q\n\n"
        "--q\n\nYour message to <ada@x.test> was automatically rejected:\nQuota exceeded (mailbox for user is full)\n"
        f"--q\nContent-Type: message/disposition-notification\n\n{report}--q--\n".encode()
    )
    assert found.kind is kind
    assert [each.meaning.reason_sisimai for each in found.recipients] == ["mailboxfull"] * (kind is Kind.BOUNCE)


@pytest.mark.parametrize(
    "when",
    ["on Mon, 23 Nov 2026 09:12:44 +0900", "on 11/23/26 9:12:44 AM", "le 23/11/2026 09:12", "am 23.11.2026 9:12"],
)
def test_a_name_may_be_followed_by_the_time(when):
    words = "The following recipient(s) could not be reached:\n\nada@x.test {}\n  Recipient not found"
    assert told(returned(words.format(when))) == [("ada@x.test", "userunknown")]


def test_failure_reasons_are_followed_by_names():
    words = "------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\nada@x.test\n"
    copy = "\n------- Returned Message --------\nReceived: by x.test\nTo: eve@x.test\n"
    assert told(returned(words + copy)) == [("ada@x.test", "userunknown")]


@pytest.mark.parametrize(
    ("words", "subject", "expected"),
    [
        ("The following addresses did NOT receive a copy of your message:\n\n> ada@x.test\n", "x", ["undefined"]),
        (
            "Invalid final delivery userid: ada@x.test\n\nOriginal message follows.\n",
            "Undeliverable Mail",
            ["userunknown"],
        ),
        ("User mailbox too big today: ada@x.test\n\nOriginal message follows.\n", "Undeliverable Mail", ["onhold"]),
        (
            "Transcript of session follows\n>>> RCPT To:<ada@x.test>\n<<< 550 User Unknown\n421 x.test: timed out\n",
            "x",
            ["userunknown"],
        ),
        ("Your mail to ada@x.test was not delivered. You might try eve@x.test instead.\n", "x", ["onhold"]),
    ],
    ids=["a copy that nobody got", "a phrase and a name", "a subject and a copy", "their own words", "the first named"],
)
def test_a_notice_names_its_recipient(words, subject, expected):
    assert told(returned(words, subject=subject)) == [("ada@x.test", word) for word in expected]


def test_names_without_a_domain_are_in_that_of_the_server():
    words = "Your mail could not be delivered to the following recipients:\n\tada\n\teve\n"
    assert [name for name, _ in told(returned(words))] == ["ada@mx.test", "eve@mx.test"]


def test_what_our_copy_says_outweighs_a_header():
    """Where a server writes down whom an alias stands for."""
    head = b"X-Failed-Recipients: other@y.test\n"
    words = "The following address(es) failed:\n\n  ada@x.test\n    550 User unknown\n\n--- This is a copy of\nTo: {}\n"
    assert told(head + returned(words.format("ada@x.test"))) == [("ada@x.test", "userunknown")]
    assert [name for name, _ in told(head + returned(words.format("other@y.test")))] == ["other@y.test"]


def test_a_server_without_an_address_is_believed():
    raw = b"From: <>\nAuto-Submitted: auto-replied\nIn-Reply-To: <a@b>\n\nYou wrote to ada@x.test: not a valid user.\n"
    assert told(raw) == [("ada@x.test", "userunknown")]
    assert understand(raw.replace(b"<>", b"ada@x.test")).kind is Kind.AUTO_REPLY


def test_a_bounce_may_answer_in_the_thread():
    words = "Error: Invalid user address\n\nError message below:\n550 - no such user here\n\n  RCPT TO: ada@x.test\n"
    raw = b"In-Reply-To: <a@b>\n" + returned(words, subject="Re:News")
    assert told(raw) == [("ada@x.test", "userunknown")]
    assert understand(raw.replace(b"Error: I", b"We have seen: I")).kind is Kind.REPLY


def test_a_parameter_that_lost_its_blank_is_one():
    head = b"From: MAILER-DAEMON@x.test\nContent-Type: multipart/mixed;\nboundary=b\n"
    raw = head + b"\n--b\n\nada@x.test: user unknown\n--b--"
    assert [name for name, _ in told(raw)] == ["ada@x.test"]


def test_a_refusal_that_shows_a_page_to_confirm_on_is_a_challenge():
    words = "Your message could not be delivered.\n\n<ada@x.test>: host x said: 550 {}\n"
    asks = "Your server requires confirmation. Visit http://x.test/confirm to confirm this mail server."
    assert understand(returned(words.format(asks))).kind is Kind.OTHER
    assert understand(returned(words.format("Sender verification required"))).kind is Kind.BOUNCE


@pytest.mark.parametrize(("name", "kind", "word", "written"), WRITTEN, ids=PIECES[::4])
def test_a_servers_notice_is_understood(name, kind, word, written):
    found = understand(written.encode())
    people = [(each.address.partition("@")[0], each.meaning.reason_sisimai) for each in found.recipients]
    assert (SHOWN_AS.get(found.kind, found.kind), people) == (kind, [("ada", word)] if word else [])
