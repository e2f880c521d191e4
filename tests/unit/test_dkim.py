"""Signatures, verified by a library that others wrote, and broken in every way that they are for."""

import re
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from dkimkeys import ed25519_key, pem, rsa_key, verifies
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.dkim import SIGNED, Body, DkimError, Key, Signer, txt_strings

GOLDEN = Path(__file__).parent.parent / "corpus" / "golden"
RSA = Key("example.org", "s1", rsa_key())
ED25519 = Key("example.org", "e1", ed25519_key())
MESSAGE = (
    b"Date: Tue, 31 Aug 2021 09:00:00 +0900\r\n"
    b'From: "City Desk" <desk@example.org>\r\n'
    b"To: kim@example.org\r\n"
    b"Subject: =?utf-8?b?QW5u64uYLCA47JuU7J2YIOyKpOuniO2KuOyLnO2LsCDshozsi50=?=\r\n"
    b" =?utf-8?b?7J2EIOyghO2VtCDrk5zrpr3ri4jri6Q=?=\r\n"
    b"Message-ID: <m7.abc@example.org>\r\n"
    b"List-Unsubscribe: <https://news.example.org/u/abc>,\r\n <mailto:u-abc@bounces.example.org>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"X-Other: not signed\r\n"
    b"\r\n"
    b"Dear reader,\r\n\r\nthe bridge  is open. \r\n"
)
EVERY_BODY = pytest.mark.parametrize("body", list(Body))


def signed(wire: bytes, *keys: Key, body: Body = Body.SIMPLE) -> bytes:
    return Signer(keys or (RSA,), body).fields(wire, at=1_795_370_000) + wire


# -- what is right


@EVERY_BODY
@pytest.mark.parametrize("name", ["issue.en.eml", "issue.ko.eml", "letter.en.eml"])
def test_golden_messages_verify(name, body):
    wire = (GOLDEN / name).read_bytes()
    assert b"\r\n\r\n" in wire
    assert verifies(signed(wire, RSA, ED25519, body=body), RSA, ED25519) == [True, True]


@EVERY_BODY
@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n", b" \r\n", b"\t \r\n \r\n\r\n"),
        *(b"a\r\n", b"a\r\n\r\n\r\n", b"a \t\r\n", b"\r\na\r\n", b"a\t\t b\r\n  c\r\n \r\n", b"a\r\r\n", b"a\r\n \r\n"),
    ],
)
def test_bodies_of_every_shape_verify(text, body):
    head = MESSAGE.partition(b"\r\n\r\n")[0]
    assert verifies(signed(head + b"\r\n\r\n" + text, body=body), RSA) == [True]


@EVERY_BODY
def test_a_body_without_its_last_line_end_is_signed_as_it_will_arrive(body):
    wire = MESSAGE.removesuffix(b" \r\n")
    assert verifies(signed(wire, body=body) + b"\r\n", RSA) == [True]


@EVERY_BODY
def test_a_message_of_header_fields_alone_verifies(body):
    head = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert verifies(signed(head, body=body) + b"\r\n", RSA) == [True]


_WORDS = st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
_SPACE = st.sampled_from([" ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n  "])
_LINES = st.lists(st.text(alphabet="ab \t=.-\x0b\x0c\xa0가", max_size=12), max_size=12)


@st.composite
def fields(draw):
    """A field that may be signed, of any case, with blanks where they may stand, folded anywhere."""
    name = draw(st.sampled_from(SIGNED).filter(lambda each: each != "From"))
    name = draw(st.sampled_from([name, name.lower(), name.upper()]))
    words = draw(st.lists(_WORDS, min_size=1, max_size=6))
    text = draw(st.sampled_from(["", " ", "\t "])) + words[0]
    for word in words[1:]:
        text += draw(_SPACE) + word
    return f"{name}:{text}{draw(st.sampled_from(['', ' ', chr(9)]))}"


@given(st.lists(fields(), max_size=6), _LINES, st.integers(0, 3), st.sampled_from(Body))
def test_whatever_is_signed_verifies(made, lines, empty, body):
    wire = "\r\n".join(["From: desk@example.org", *made, "", *lines, *[""] * empty, ""]).encode()
    assert verifies(signed(wire, body=body), RSA) == [True]


@given(st.lists(_WORDS, min_size=1, max_size=30), _SPACE, _SPACE)
def test_a_relay_may_fold_header_fields_anew(words, one, other):
    ours, theirs = (
        b"From: desk@example.org\r\nSubject: %s\r\n\r\nbody\r\n" % space.join(words).encode() for space in (one, other)
    )
    assert verifies(Signer((RSA,)).fields(ours, at=1) + theirs, RSA) == [True]


def test_a_relaxed_body_outlives_a_relay_that_changes_blanks():
    changed = MESSAGE.replace(b"bridge  is", b"bridge\tis").replace(b"open. \r\n", b"open.\r\n")
    for body, stands in ((Body.RELAXED, True), (Body.SIMPLE, False)):
        field = Signer((RSA,), body).fields(MESSAGE, at=1)
        assert verifies(field + changed, RSA) == [stands]


# -- what must break it


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"desk@example.org", b"fake@example.org"),
        (b"kim@example.org", b"lee@example.org"),
        (b"QW5u", b"QW5v"),
        (b"the bridge", b"The bridge"),
        (b"Dear reader,\r\n", b"Dear reader,\r\n\r\n"),
        (b"is open. \r\n", b"is open. \r\nMore.\r\n"),
        (b"/u/abc", b"/u/abd"),
        (b"One-Click", b"one-click"),
        (b"t=1795370000", b"t=1795370001"),
    ],
)
def test_what_is_changed_no_longer_verifies(old, new):
    wire = signed(MESSAGE)
    assert old in wire
    assert verifies(wire, RSA) == [True]
    assert verifies(wire.replace(old, new, 1), RSA) == [False]


@pytest.mark.parametrize("name", SIGNED)
def test_no_field_of_the_list_can_be_added_in_front_or_behind(name):
    wire = signed((GOLDEN / "issue.en.eml").read_bytes())
    field = f"{name}: something else\r\n".encode()
    assert verifies(field + wire, RSA) == [False]
    assert verifies(wire.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1), RSA) == [False]


def test_what_is_not_on_the_list_may_be_added_by_relays():
    assert verifies(b"Received: by relay\r\nX-Spam: no\r\n" + signed(MESSAGE), RSA) == [True]


# -- the field itself


def test_the_field_has_short_lines_and_no_length_tag():
    field = signed(MESSAGE, RSA, ED25519).partition(b"Date:")[0].decode()
    assert max(map(len, field.split("\r\n"))) <= 78
    assert re.findall(r"a=([a-z0-9-]+); c=([a-z/]+);", field) == [
        ("rsa-sha256", "relaxed/simple"), ("ed25519-sha256", "relaxed/simple"),
    ]  # fmt: skip
    assert not re.search(r"\bl=", field)


def test_each_name_is_listed_once_more_than_it_is_there():
    wire = b"From: a@example.org\r\nTo: b@example.org\r\nTo: c@example.org\r\n\r\n"
    listed = re.search(rb"h=([^;]+);", Signer((RSA,)).fields(wire, at=1))[1].replace(b"\r\n ", b"").split(b":")
    assert {name.lower().encode() for name in SIGNED} == set(listed)
    assert (listed.count(b"from"), listed.count(b"to"), listed.count(b"cc")) == (2, 3, 1)


def test_a_message_without_from_is_not_signed():
    with pytest.raises(DkimError, match="no From"):
        Signer((RSA,)).fields(b"To: kim@example.org\r\n\r\nFrom: a@example.org\r\n", at=1)


# -- keys


def test_ed25519_never_signs_alone():
    for keys in [(), (ED25519,)]:
        with pytest.raises(DkimError, match="beside an RSA key"):
            Signer(keys)


def test_a_key_shows_nothing_of_itself():
    secret = pem(rsa_key()).decode().splitlines()[3]
    loaded = Key.load(pem(rsa_key()), domain="example.org", selector="s1")
    assert loaded.record() == RSA.record()
    for shown in (repr(loaded), str(loaded), repr(Signer((loaded,))), f"{loaded!r}"):
        assert secret not in shown
        assert "PRIVATE" not in shown


def test_the_record_of_the_key_in_rfc_8463():
    octets = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Key("football.example.com", "brisbane", ed25519.Ed25519PrivateKey.from_private_bytes(octets))
    assert key.record() == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert key.place == "brisbane._domainkey.football.example.com"


def test_a_record_is_cut_into_strings_that_dns_can_hold():
    strings = txt_strings(RSA.record())
    assert [len(each) <= 255 for each in strings] == [True, True]
    assert "".join(strings) == RSA.record()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1())),
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"SECRET")),
        rsa_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(text):
    with pytest.raises(DkimError, match=r"s1 of example\.org") as refused:
        Key.load(text, domain="example.org", selector="s1")
    assert "SECRET" not in str(refused.value)


def test_a_short_rsa_key_is_refused():
    with pytest.raises(DkimError, match="1024 bits"):
        Key("example.org", "s1", rsa.generate_private_key(public_exponent=65537, key_size=1024))


@pytest.mark.parametrize("name", ["", "a b", "Example.org", "a;b", "a\r\nBcc: x", "a..b", "é.example", "x" * 64])
def test_a_name_that_would_break_the_field_is_refused(name):
    for domain, selector in [(name, "s1"), ("example.org", name)]:
        with pytest.raises(DkimError, match="cannot be a DKIM"):
            Key(domain, selector, rsa_key())
