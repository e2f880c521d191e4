"""The rehearsal sees what a reader's own values do to their message, and agrees with the message itself."""

from dataclasses import replace

import pytest
from bulletin import ENGLISH, NEWSLETTER, NONCE, SITE
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content.compile import compile_issue
from pipeline.content.message import fill, pieces
from pipeline.content.reader import values_of
from pipeline.content.rehearse import STAND_INS, Rehearsal, Seen, Trouble
from pipeline.content.types import Article, Button, Paragraph, Section


def proof_of(*, subject: str = "News", text: str = "Hello", url: str = "https://example.org/"):
    article = Article("Title", (Paragraph(text), Button("Go", url)))
    document = replace(ENGLISH, subject=subject, sections=(Section("Section", (article,)),))
    return compile_issue(document, NEWSLETTER, SITE, nonce=NONCE).proof


def played(proof, *, email: str = "ann@reader.example", first_name: str = "Ann", last_name: str = "Lee"):
    return Rehearsal(proof).play(email=email, first_name=first_name, last_name=last_name, language="en")


def test_a_message_that_is_whole_raises_nothing():
    assert played(proof_of(text="Dear {{ first_name }}", url="https://example.org/?who={{ name }}")) == []


@pytest.mark.parametrize("where", ["subject", "text"])
def test_a_tag_without_value_and_fallback_is_a_gap(where):
    assert played(proof_of(**{where: "Dear {{ first_name }}, hello"}), first_name=" ") == [
        Seen(Trouble.GAP, "first_name")
    ]
    assert played(proof_of(**{where: 'Dear {{ first_name | default("you") }}, hello'}), first_name="") == []


def test_a_gap_in_an_address_is_told_as_a_link():
    assert played(proof_of(url="https://example.org/?who={{ last_name }}"), last_name="") == [
        Seen(Trouble.LINK, "last_name")
    ]


def test_an_address_that_no_header_may_hold_is_told_with_the_reason():
    [seen] = played(proof_of(), email="ann@")
    assert seen.trouble is Trouble.UNMADE
    assert "'ann@'" in seen.detail


def test_a_line_that_is_too_long_is_seen():
    proof = proof_of()
    broken = replace(proof, hash="other", segments=(*proof.segments[:-1], b"\r\n" + b"x" * 999 + b"\r\n"))
    assert played(broken) == [Seen(Trouble.LINE, "999 octets")]


@given(
    first_name=st.text(max_size=300).filter(str.strip),
    lines=st.lists(st.integers(1, 90), min_size=1, max_size=6),
)
def test_the_longest_line_is_that_of_the_message(first_name, lines):
    proof = proof_of(subject="For {{ first_name }}", text="Dear {{ first_name }}: {{ email }}")
    odd = b"\r\n".join(b"y" * length for length in lines)
    proof = replace(proof, hash=repr(lines), segments=(odd, *proof.segments[1:]))
    values = {
        **STAND_INS,
        **values_of(email="a@b.example", first_name=first_name, last_name="", language="en"),
    }
    rehearsal = Rehearsal(proof)
    wire = fill(proof, values)
    assert rehearsal._longest_line(pieces(proof, values)) == max(map(len, wire.split(b"\r\n")))
