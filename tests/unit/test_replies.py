"""What replies mean: real-world phrasings, the order of the table, and caution."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.replies import Action, Fault, Reason, action_for, classify, command_in
from pipeline.replies.phrasebook import Phrasebook, contains
from pipeline.replies.reasons import DEAD, WORDS, meaning
from pipeline.replies.rules import Rules, rules

MEANINGS = [
    ("550 5.1.1 <ada@x.test>: Recipient address rejected: User unknown in virtual mailbox table", "userunknown", True),
    ("550-5.1.1 The email account that you tried to reach does not\n550-5.1.1 exist. Please try", "userunknown", True),
    ("550 No such user here", "userunknown", True),
    ("550 Unknown user ada@x.test", "userunknown", True),
    ("554 5.1.1 사용자가 없습니다", "userunknown", True),
    ("550 존재하지 않는 사용자입니다", "userunknown", True),
    ("550 宛先のメールアドレスは存在しません", "userunknown", True),
    ("550 ユーザーが\n見つかりません", "userunknown", True),
    ("550 收件人不存在", "userunknown", True),
    ("550 Der Empfänger ist unbekannt", "userunknown", True),
    ("550 Utilisateur inconnu", "userunknown", True),
    ("550 5.1.2 Host unknown (Name server: x.test: host not found)", "hostunknown", True),
    ("556 5.1.10 Recipient address has null MX", "notaccept", True),
    ("551 5.1.6 The user has moved to a new address", "hasmoved", True),
    ("450 4.1.1 <ada@x.test>: user unknown, try later", "userunknown", False),
    ("550 5.2.2 Over quota", "mailboxfull", False),
    ("452 4.2.2 메일함이 가득 찼습니다", "mailboxfull", False),
    ("552 メールボックスの容量を超えています", "mailboxfull", False),
    ("552 Das Postfach des Empfängers ist voll", "mailboxfull", False),
    ("552 La boîte aux lettres du destinataire est pleine", "mailboxfull", False),
    ("550 5.2.1 The account is disabled", "suspend", False),
    ("550 휴면 계정입니다", "suspend", False),
    ("550 5.7.1 You have been blocked by the recipient", "filtered", False),
    ("451 4.7.1 Greylisted, come back in five minutes", "systemerror", False),
    ("421 4.7.28 Our system has detected an unusual rate of mail", "speeding", False),
    ("421 Too many concurrent SMTP connections", "toomanyconn", False),
    ("554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using list.test", "blocked", False),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "blocked", False),
    ("550 5.7.25 The IP address has no PTR record", "requireptr", False),
    ("550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy", "authfailure", False),
    ("530 5.7.0 Must issue a STARTTLS command first", "failedstarttls", False),
    ("550 5.7.1 This message looks like spam", "spamdetected", False),
    ("550 스팸으로 판정되어 차단되었습니다", "blocked", False),
    ("552 5.3.4 Message size exceeds fixed maximum message size", "mesgtoobig", False),
    ("554 5.7.1 <ada@x.test>: Relay access denied", "norelaying", False),
    ("553 5.1.8 Sender address rejected: Domain not found", "rejected", False),
    ("500 5.5.2 Syntax error, command unrecognized", "syntaxerror", False),
    ("550 5.0.0 Computer says no", "onhold", False),
    ("", "undefined", False),
]


@pytest.mark.parametrize(("text", "word", "hard"), MEANINGS, ids=[text[:40] for text, *_ in MEANINGS])
def test_a_reply_means(text, word, hard):
    found = classify(text)
    assert (found.reason_sisimai, found.hard) == (word, hard), found


@pytest.mark.parametrize(
    "text",
    [
        "550 5.7.1 Blocked by our spam filter: user unknown to us",
        "554 5.7.1 Sender address rejected: user unknown",
        "550 5.7.26 DMARC check failed, mailbox does not exist",
        "550 5.1.1 Your IP address is on a blocklist; recipient unknown",
        "553 sender domain does not exist",
        "550 5.7.1 see https://help.test/user-unknown/no-such-user",
        "550 5.7.1 message from no-such-user@unknown-user.test refused",
    ],
)
def test_our_own_fault_is_never_held_against_the_address(text):
    assert not classify(text).hard
    assert action_for(classify(text)) is not Action.SUPPRESS


@pytest.mark.parametrize(
    "text",
    [
        "550 The recipient was not found, please try again later",
        "550 user unknown (temporary directory failure)",
        "550 5.1.1 Recipient address rejected: undeliverable address: host mx.x.test said: 450 4.7.1 not now",
        "550 일시적으로 사용자를 찾을 수 없습니다",
        "Host or domain name not found. Name service error for name=x.test type=MX: Host not found, try again",
    ],
)
def test_what_is_said_for_now_is_soft_though_the_code_is_final(text):
    assert not classify(text).hard


def test_the_name_of_a_server_says_nothing():
    assert classify("host antispam.x.test[192.0.2.1] said: 550 5.1.1 User unknown").hard
    assert classify("host blacklist.x.test [192.0.2.1]: 552 Mailbox full").reason is Reason.MAILBOX_FULL
    assert classify("host mx.x.test [192.0.2.1] said: 550 ada does not exist").reason is not Reason.NO_SUCH_DOMAIN
    assert classify("554 Client host x.test [192.0.2.1] rejected").reason is Reason.REPUTATION


def test_a_code_decides_where_words_say_nothing():
    assert classify("", code=550, enhanced="5.1.1").hard
    assert classify("", enhanced="4.2.2").reason is Reason.MAILBOX_FULL
    assert classify("", code=421).reason is Reason.RATE_LIMITED
    assert classify("no", code=450).reason is Reason.TEMPORARY


def test_the_servers_own_code_outweighs_the_reports_summary():
    found = classify("550 5.7.26 refused", enhanced="5.1.1")
    assert (found.reason, found.rule) == (Reason.AUTHENTICATION, "enhanced 5.7.26")
    assert classify("550 5.0.0 refused", enhanced="5.1.1").hard


def test_what_a_mailer_wraps_around_any_reply_says_nothing():
    assert classify("5.1.0 - Unknown address error 550-'5.7.1 Access denied'").reason is Reason.POLICY
    assert classify("5.1.0 - Unknown address error 550-'No such user here'").hard
    assert classify("554 <ada@x.test>... Service unavailable").reason is Reason.UNKNOWN


def test_a_providers_own_code_outweighs_the_registrys():
    assert classify("", enhanced="5.1.90").reason is Reason.RATE_LIMITED
    assert Rules.read("filtered\ten\tno", "rejected\ten\tno").first("no", code=None, enhanced="").word == "filtered"


def test_a_domain_that_takes_no_mail_from_us_is_not_dead():
    assert not classify("550 The domain does not accept mails from x.test").hard


def test_an_address_of_numbers_is_no_code():
    assert classify("refused, see 5.1.1.9").reason is Reason.UNKNOWN


def test_unknown_after_the_message_was_taken_is_a_filter():
    assert classify("550 User unknown", command="RCPT").hard
    for filtered in (
        classify("550 User unknown", command="."),
        classify("550 User unknown", command="DATA"),
        classify("host mx said: 550 User unknown (in reply to end of DATA command)"),
    ):
        assert (filtered.reason, filtered.hard) == (Reason.RECIPIENT_FILTER, False)


@pytest.mark.parametrize(
    "text",
    [
        "550 The originating mailbox does not exist",
        "550 client: no such user",
        "550 no such user: reverse path",
        "550 5.1.0 expéditeur : utilisateur inconnu",
        "550 送信者のメールアドレスは存在しません",
        "550 Absender: Benutzer unbekannt",
    ],
)
def test_who_is_unknown_where_only_the_sender_is_spoken_of_need_not_be_the_reader(text):
    found = classify(text)
    assert (found.reason_sisimai, found.hard) == ("rejected", False)
    assert found.rule.endswith("said of the sender")


@pytest.mark.parametrize(
    "text", ["550 5.1.1 user unknown (sender check ok)", "550 recipient does not exist; sender ok", "550 no such user"]
)
def test_where_the_recipient_is_spoken_of_as_well_it_is_the_reader(text):
    assert classify(text).hard


def test_what_is_refused_before_anybody_was_named_is_not_about_them():
    for command in ("CONNECT", "EHLO"):
        assert classify("550 User unknown", command=command).reason_sisimai == "blocked"
    assert classify("550 x.test does not exist", command="MAIL").reason_sisimai == "rejected"
    assert not classify("550 5.1.1 no", command="MAIL").hard
    assert classify("550 Mailbox full", command="MAIL").reason_sisimai == "mailboxfull", "what is clear stays"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("550 no (in reply to end of DATA command)", "DATA"),
        ("550 no (in reply to RCPT TO command)", "RCPT"),
        ("SMTP error from remote mail server after pipelined MAIL FROM:<a@x.test>: 550 no", "MAIL"),
        ("SMTP error from remote mail server after initial connection: 554 no", "CONNECT"),
        ("host mx.x.test refused to talk to me: 554 no", "CONNECT"),
        ("mx.x.test [192.0.2.1] did not like our EHLO: 550 no", "HELO"),
        ("192.0.2.1 failed after I sent the message. Remote host said: 554 no", "DATA"),
        ("Remote host said: 554 no [RCPT_TO]", "RCPT"),
        ("550 no", ""),
    ],
)
def test_the_command_that_was_answered(words, command):
    assert command_in(words) == command


def test_only_what_is_said_for_good_is_hard():
    for word in WORDS:
        assert meaning(word, "x").hard == (word in DEAD)
        assert not meaning(word, "x", temporary=True).hard


def test_what_a_meaning_does_to_the_address():
    done = {word: action_for(meaning(word, "x")) for word in WORDS}
    assert {word for word, action in done.items() if action is Action.SUPPRESS} == {
        "userunknown",
        "hasmoved",
        "notaccept",
    }
    assert done["hostunknown"] is Action.RECHECK, "a fault in somebody's DNS looks the same"
    assert done["mailboxfull"] is done["expired"] is Action.COUNT
    for word, (_, fault) in WORDS.items():
        assert (done[word] is Action.IGNORE) == (fault in {Fault.SENDER, Fault.UNKNOWN})
    assert action_for(meaning("userunknown", "x", temporary=True)) is Action.COUNT


def test_every_reason_can_be_reached():
    assert {reason for reason, _ in WORDS.values()} == set(Reason)
    assert {WORDS[rule.word][0] for rule in rules().rows} == set(Reason)


def test_no_row_is_hidden_behind_an_earlier_one_that_says_something_else():
    """A row whose phrase always contains an earlier row's phrase of another reason can never decide."""
    hidden = []
    for number, rule in enumerate(rules().rows):
        if len(rule.phrase) == 1:
            first = rules().first(rule.phrase[0], code=None, enhanced="")
            if first.word != rule.word:
                hidden.append((rule.name, first.name, number))
    assert hidden == []


def test_phrases_are_written_as_they_are_compared():
    for rule in rules().rows:
        for piece in rule.phrase:
            assert piece == piece.lower(), rule
            assert not re.search(r"\s\s|[<>\"“”’]", piece), rule


@pytest.mark.parametrize("line", ["userunknown\ten", "nonsense\ten\tphrase", "userunknown\ten\t… ", "a b c"])
def test_a_broken_row_is_named(line):
    with pytest.raises(ValueError, match="line 2"):
        Rules.read(f"# comment\n{line}\n")


@given(st.text(max_size=3000), st.none() | st.integers(100, 700), st.sampled_from(["", "5.1.1", "4.4.7", "x"]))
def test_no_text_is_too_strange(text, code, enhanced):
    found = classify(text, code=code, enhanced=enhanced)
    assert WORDS[found.reason_sisimai] == (found.reason, found.fault)
    assert not (found.hard and code is not None and 400 <= code < 500)


pieces = st.text("abc ", min_size=1, max_size=6)


@given(st.lists(st.lists(pieces, min_size=1, max_size=3).map(tuple), max_size=12), st.text("abc ", max_size=60))
def test_the_index_finds_what_trying_each_would_find(phrases, text):
    found = Phrasebook.of(phrases).found(text)
    assert found == [number for number, phrase in enumerate(phrases) if contains(text, phrase)]
    assert Phrasebook.of(phrases).first(text) == next(iter(found), None)


def test_a_gap_is_bridged_only_so_far():
    assert contains("user ada is unknown", ("user", "unknown"))
    assert not contains("unknown user", ("user", "unknown"))
    assert not contains("user" + 81 * "." + "unknown", ("user", "unknown"))
    assert contains("user" + 90 * "." + " user unknown", ("user", "unknown")), "a later start is tried too"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Possible reasons: the address does not exist, or the domain was not found.", "hostunknown"),
        ("This may happen when the user does not exist.", "userunknown"),
        ("Mögliche Ursachen: Die Adresse existiert nicht.", "userunknown"),
        ("考えられる原因：宛先が存在しない可能性があります。", "userunknown"),
        ("550 Refused. If the recipient does not exist you will hear no more.", "userunknown"),
    ],
)
def test_what_is_only_thought_of_kills_nobody(text, word):
    said = classify(text)
    assert (said.reason_sisimai, said.hard) == (word, False)


@pytest.mark.parametrize("help_", ["Please verify that the mailbox is not full.", "Possible reasons: mailbox full."])
def test_nor_does_it_hide_what_is_known(help_):
    assert classify(f"The user does not exist. {help_}").hard
