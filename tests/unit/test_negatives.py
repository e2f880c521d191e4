"""What is no bounce is not taken for one: absence notes, tickets, answers, receipts, reports, spam and the like."""

import re
from collections import Counter

import pytest
from negatives import Negative, negatives

from pipeline.feedback.understand import Kind, understand

ALL = tuple(negatives())
KINDS = {"auto-reply": Kind.AUTO_REPLY, "reply": Kind.REPLY}
"""The rest is `other` to the code: to be kept, and nothing more."""
BOUNCED = (
    b"From: MAILER-DAEMON@mx.reader.example\nSubject: Undelivered Mail\nContent-Type: text/plain\n\n"
    b"<ada@reader.example>: 550 5.1.1 User unknown\n"
)


def without_return_path(raw):
    """As a pipe may bring it: not every mail server writes down who a mail is from."""
    return re.sub(rb"^Return-Path:.*\n", b"", raw, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize("negative", ALL, ids=lambda negative: negative.name)
@pytest.mark.parametrize(
    "as_it_comes",
    [bytes, without_return_path, lambda raw: raw.replace(b"\n", b"\r\n")],
    ids=["stored", "listened", "crlf"],
)
def test_it_is_no_bounce_and_nobody_bounced(negative, as_it_comes):
    found = understand(as_it_comes(negative.raw))
    assert (found.kind, found.recipients) == (KINDS.get(negative.kind, Kind.OTHER), ()), found.rule


def test_there_are_enough_and_of_every_kind():
    kinds = Counter(negative.kind for negative in ALL)
    assert kinds.total() >= 120
    assert len({negative.name for negative in ALL}) == kinds.total()
    assert set(kinds) == {"auto-reply", "reply", "receipt", "report", "other"}
    languages = {name.split("-")[1] for name in (negative.name for negative in ALL) if name.startswith("away-")}
    assert languages >= {"en", "ko", "ja", "zh", "de", "fr", "es", "it", "pt", "pl", "ru", "nl"}


def test_each_is_put_on_the_wire_as_its_headers_say():
    raw = {negative.name: negative.raw for negative in ALL}
    assert raw["reply-ko"].isascii()
    assert "반송".encode() not in raw["reply-ko"]
    assert "отпуске".encode("koi8-r") in raw["away-ru-koi8"]
    assert b"\x1b$B" in raw["away-ja-office"]
    assert b"H4sI" in raw["dmarc-gzip"], "the head of a gzip file, in base64"
    assert b"UEsD" in raw["dmarc-zip"], "that of a zip file"


def test_a_bounce_among_them_is_seen():
    with pytest.raises(AssertionError, match="a mail system wrote it"):
        test_it_is_no_bounce_and_nobody_bounced(Negative("bounced", "other", BOUNCED), bytes)
