"""Reading messages as they are found in the wild: broken, nested, mislabelled, hostile."""

import re
import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback import mime
from pipeline.feedback.mime import CHARSETS, address_of, decode, read


def leaves(raw):
    return [(leaf.kind, leaf.text()) for leaf in read(raw).leaves()]


def test_headers_are_unfolded_and_decoded():
    message = read(b"Subject: =?utf-8?B?7YWM7Iqk?=\r\n =?utf-8?Q?=ED=8A=B8?=\r\nX-A : b\r\nx-a: c\r\n\r\nbody")
    assert message.header("subject") == "테스트"
    assert message.header("x-a") == "b"
    assert message.header("missing") == ""
    assert message.text() == "body"


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_any_line_ending_will_do(newline):
    raw = b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\none\n--x\nContent-Type: text/html\n\n<p>two\n--x--\n'
    assert leaves(raw.replace(b"\n", newline)) == [("text/plain", "one"), ("text/html", "\ntwo")]


def test_what_the_standard_library_writes_is_read():
    written = EmailMessage()
    written["Subject"] = "소식"
    written.set_content("안녕하세요\n", cte="base64")
    written.add_alternative("<b>안녕</b> &amp; so on\n", subtype="html", cte="quoted-printable")
    message = read(written.as_bytes())
    assert message.header("subject") == "소식"
    assert [leaf.text().strip() for leaf in message.leaves()] == ["안녕하세요", "안녕  & so on"]


def test_an_mbox_line_and_a_body_without_headers():
    assert read(b"From a@b Mon Nov 23\nSubject: x\n\nbody").header("subject") == "x"
    assert read(b"just words\nand more").text() == "just words\nand more"
    assert read(b"Subject: x\nno empty line between\n").text() == "no empty line between\n"


def test_a_multipart_cut_short_keeps_its_last_part():
    assert leaves(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo") == [
        ("text/plain", "one"),
        ("text/plain", "two"),
    ]


@pytest.mark.parametrize("head", ["multipart/mixed", "multipart/mixed; boundary=y", 'multipart/mixed; boundary=""'])
def test_a_multipart_whose_parts_cannot_be_found_is_text(head):
    assert leaves(f"Content-Type: {head}\n\n--x\n\none\n".encode()) == [("text/plain", "--x\n\none\n")]


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("iso-2022-jp", "iso-2022-jp"),
        ("ks_c_5601-1987", "cp949"),
        ("EUC-KR", "euc-kr"),
        ("gb2312", "gb2312"),
        ("koi8-r", "koi8-r"),
        ('"Windows-1257"', "cp1257"),
        ("utf-7", "utf-7"),
        ("big5", "big5"),
    ],
)
def test_charsets_of_the_world(charset, codec):
    text = {"koi8-r": "почта", "cp1257": "paštas", "utf-7": "Ünzustellbar"}.get(
        codec, "日本" if "jp" in codec else "中"
    )
    raw = f"Content-Type: text/plain; charset={charset}\n\n".encode() + text.encode(codec)
    assert read(raw).text() == text


@pytest.mark.parametrize("charset", ["punycode", "idna", "zip", "unicode_escape", "rot13", "x" * 300, "\x00", "..", ""])
def test_a_message_does_not_choose_strange_codecs(charset):
    raw = f"Content-Type: text/plain; charset={charset}\n\n".encode() + "gefällt".encode("latin-1")
    assert read(raw).text() == "gefällt"


@pytest.mark.parametrize("charset", sorted(CHARSETS - {"ascii"}))  # which many claim of anything
def test_octets_that_mean_nothing_in_a_charset_are_told(charset):
    every = bytes(range(1, 256))
    decoded = every.decode(charset, "replace")
    assert decode(every, charset) == decoded.encode("utf-8", "replace").decode()


def test_what_no_database_takes_is_replaced():
    text = read(b"Subject: a\x00b\nContent-Type: text/plain; charset=utf-7\n\n+2AA- \x00").text()
    assert text.encode()
    assert "\0" not in text + read(b"Subject: a\x00b\n\n").header("subject")


def test_broken_base64_gives_what_can_be_read():
    assert read(b"Content-Transfer-Encoding: base64\n\naGVs\n!!bG8\n=").text() == "hello"
    assert read(b"Content-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQhI").text() == "hello world!"


def test_html_becomes_its_words():
    html = "<html><head><title>no</title></head><script>no()</script>a<br>b<p>c &lt;x@y.test&gt;</p><style>no"
    assert mime.text_of_html(html).split() == ["a", "b", "c", "<x@y.test>"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("rfc822;ada@x.test", "ada@x.test"),
        ("RFC822; <ada.l+news=b@x-y.co.kr>", "ada.l+news=b@x-y.co.kr"),
        ('"Ada, L." <ada@x.test>', "ada@x.test"),
        ("'ada@x.test'", "ada@x.test"),
        ("o'brien@x.test", "o'brien@x.test"),
        ("mailto:ada@x.test.", "ada@x.test"),
        ("사용자@예시.한국", "사용자@예시.한국"),
        ("收件人：ada@x.test，", "ada@x.test"),
        ("<@relay.test:ada@x.test>", "ada@x.test"),
        ("undisclosed recipients", ""),
        ("", ""),
    ],
)
def test_addresses_as_servers_write_them(text, address):
    assert address_of(text) == address


@given(st.binary(max_size=4000))
def test_nothing_is_too_broken_to_read(raw):
    for leaf in read(raw).leaves():
        assert leaf.text().encode() is not None


structure = st.lists(
    st.sampled_from(
        [b"Content-Type: multipart/mixed; boundary=a\n", b"--a\n", b"--a--\n", b"\n", b"Content-Type: message/rfc822\n",
         b"Content-Transfer-Encoding: base64\n", b"=?utf-8?b?", b"text\n", b" folded\n", b"--b\n", b"\x00\xff",
         b"Content-Type: multipart/report; boundary=b\n"]
    ),
    max_size=60,
)  # fmt: skip


@given(structure)
def test_nor_is_any_heap_of_its_pieces(pieces):
    for leaf in read(b"".join(pieces)).leaves():
        assert leaf.text().encode() is not None


BOMBS = {
    "a million headers": b"a: b\n" * 200_000,
    "one header of a megabyte": b"Subject: x\n" + b" =?utf-8?q?\n" * 80_000,
    "a thousand levels": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(1000)
    ),
    "many parts": b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\n" * 190_000,
    "tags": b"Content-Type: text/html\n\n" + b"<script><" * 110_000,
    "no end of size": b"x" * 20_000_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_not_go_off(bomb):
    began = time.process_time()
    parts = list(read(bomb).leaves())
    texts = [part.text() for part in parts]
    assert time.process_time() - began < 2, "linear it takes a tenth of that"
    assert len(parts) <= mime.PARTS_AT_MOST
    assert sum(map(len, texts)) <= mime.SIZE_AT_MOST


@pytest.mark.parametrize(
    "text", ["a@" * 300_000, "a" * 500_000, "a@b" + "-" * 500_000, "a@" + "b." * 300_000, "<" * 500_000]
)
def test_looking_for_addresses_is_linear(text):
    began = time.process_time()
    mime.ADDRESS.findall(text)
    mime.ANGLE_ADDRESS.findall(text)
    assert time.process_time() - began < 2


boundary_lines = st.sampled_from(
    [b"--b", b"--b--", b"--b \t", b"--b-- ", b"--bb", b" --b", b"--b-", b"", b"words", b"--b --"]
)


@given(st.lists(boundary_lines, max_size=12))
def test_boundary_lines_are_found_as_a_pattern_would_find_them(pieces):
    lines = b"\n".join([b"", *pieces])
    expected = [
        (found.start(), found.end(), bool(found[1])) for found in re.finditer(rb"\n--b(--)?[ \t]*(?=\n|\Z)", lines)
    ]
    assert [*mime._boundaries(lines, 1, len(lines), b"\n--b")] == expected
