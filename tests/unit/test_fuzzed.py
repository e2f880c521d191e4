"""What is fuzzed, without the fuzzer: samples, bombs, what the fuzzer once found, and broken mail by Hypothesis."""

import sys
from pathlib import Path

import pytest
from bombs import BOMBS
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback.understand import understand

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "fuzz"))
from targets import TARGETS, seeds  # noqa: E402 (a folder of its own: it runs alone too)

CORPUS = TESTS / "corpus"
SAMPLES = [path.read_bytes() for path in sorted((CORPUS / "feedback").glob("*.eml"))]


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_found_once_is_mended(name):
    for path in (CORPUS / "fuzz" / name).glob("*"):
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS.keys() - {"swollen"}))
def test_a_target_takes_its_seeds(name):
    for raw in (*seeds(name), *SAMPLES):
        TARGETS[name](raw)


def test_a_sample_that_swells_is_taken():
    for raw in SAMPLES:
        TARGETS["swollen"](bytes([0, 200, 0, 40]) + raw)


@pytest.mark.parametrize("name", ["message", "answer", "report", "reply"])
def test_a_target_takes_bombs(name):
    for bomb in BOMBS.values():
        TARGETS[name](bomb(30_000))


@pytest.mark.parametrize("name", TARGETS)
@given(st.data())
def test_a_target_takes_anything(name, data):
    TARGETS[name](data.draw(st.binary(max_size=500) | st.text(max_size=300).map(str.encode)))


# -- mail that is broken in the ways in which mail is broken

words = st.sampled_from(
    [
        "550 5.1.1 <ada@x.test>: user unknown", "This is the mail system at host x.", "could not be delivered", "배달",
        "<ada@x.test>:", "--- Below this line is a copy of the message.", "To: eve@x.test", "> quoted", "--a", "--a--",
        "Final-Recipient: rfc822; ada@x.test", "Action: failed", "Status: 4.2.2", "Feedback-Type: abuse", "", " ", "\0",
        "From here", "=?utf-8?q?=", "<html><p>", "<script>", "&amp;", "+2D3cAA-", "\x1b$B", '{"bounce":', "\ud800",
    ]
)  # fmt: skip
headers = st.lists(
    st.sampled_from(
        [
            b"From: MAILER-DAEMON@x.test", b"From: <>", b"Subject: failure notice", b"Subject: \xff\xfe\x00", b"X-A:",
            b"Subject: =?iso-2022-jp?b?GyRC?=", b" folded", b"\tfolded", b": no name", b"no colon", b"From x", b"\0",
            b"X-Failed-Recipients: a@x.test, @, b@x.test", b"Return-Path: <>", b"Auto-Submitted: auto-replied",
            b"In-Reply-To: <a@b>", b"Content-Transfer-Encoding: base64", b"X-Long: " + b"x" * 5000,
            b"Content-Transfer-Encoding: quoted-printable", b"Content-Type: text/html", "Subject: é".encode(),
            b"X-Pressrun-Id: aaaaaaaaaaaaaaaaaaaaaaaa", b"Content-Type: multipart/mixed", b"Content-Type: /",
        ]
    ),
    max_size=5,
).map(b"\n".join)  # fmt: skip
kinds = st.sampled_from(
    ["text/plain", "text/html", "message/delivery-status", "message/feedback-report", "text/rfc822-headers", "x", ""]
)
charsets = st.sampled_from(["", "utf-8", "utf-7", "utf-16", "iso-2022-jp", "ks_c_5601-1987", "hz", "punycode", "\0"])


@st.composite
def leaf(draw):
    head = f"Content-Type: {draw(kinds)}; charset={draw(charsets)}\n".encode()
    body = "\n".join(draw(st.lists(words, max_size=8))).encode("utf-8", "surrogatepass")
    return draw(headers) + b"\n" * draw(st.booleans()) + head + b"\n" * draw(st.integers(0, 2)) + body


@st.composite
def multipart(draw, children):
    """Its boundary may be another one's, never come, never end, or be said in another way than it is."""
    said, meant = (draw(st.sampled_from([b"a", b"b", b'"a b"', b"", b"a'()+_,-./:=?"])) for _ in range(2))
    meant = said if draw(st.integers(0, 3)) else meant
    mark = b"\n--" + meant.strip(b'"')
    kind = draw(st.sampled_from([b"mixed", b"alternative", b"report; report-type=delivery-status"]))
    head = b"Content-Type: multipart/%s; boundary=%s\n\npreamble" % (kind, said)
    blanks = b" " * draw(st.integers(0, 2))
    parts = [mark + blanks + b"\n" + child for child in draw(st.lists(children, max_size=4))]
    end = draw(st.sampled_from([mark + b"--\nepilogue", b"", mark]))
    return b"".join([draw(headers), b"\n", head, *parts, end])


def within(children):
    return multipart(children) | children.map(lambda child: b"Content-Type: message/rfc822\n\n" + child)


mail = st.recursive(leaf(), within, max_leaves=10)


@given(mail, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans(), st.none() | st.integers(0, 3000))
def test_broken_mail_is_read(raw, newline, mbox, cut):
    raw = (b"From x Mon Nov 23 09:00:00 2026\n" * mbox + raw).replace(b"\n", newline)[:cut]
    TARGETS["message"](raw)
    TARGETS["answer"](raw)


@given(mail)
def test_how_lines_end_means_nothing(raw):
    raw = raw.replace(b"\r", b"")
    assert understand(raw.replace(b"\n", b"\r\n")) == understand(raw)
