import email
import email.policy
import itertools
import re
from dataclasses import replace
from html import escape

import pytest
from bulletin import ENGLISH, NEWSLETTER, NONCE, SITE, VALUES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.content import compile as chain
from pipeline.content import headers, message, quoted
from pipeline.content.slots import SlotTable
from pipeline.content.types import ContentError, Context, Link

WORDS = st.one_of(
    st.sampled_from(
        [
            *(
                "스마트시티",
                "소식",
                "🇰🇷",
                "👩‍👩‍👧",
                "é",
                "\u3000",
                "\u00a0",
                "=",
                "==",
                "=20",
                ".",
                "..",
                ".x",
                "From ",
                "From",
                "--",
            ),
            *(" ", "  ", "\t", "\n", "\n\n", "\r\n", "\n.", "\n..\n", "\nFrom ", " \n", "\t\n", "a" * 1200, "가" * 400),
            *("<b>", "&", '"', "'", "=?utf-8?q?x?=", "--=_", "word"),
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
)
BODIES = st.lists(WORDS, max_size=25).map("".join)
NAMES = st.lists(WORDS, max_size=6).map("".join)
SUBJECTS = NAMES.map(lambda text: headers.HeaderText.tamed(text).text or "x")


def sealed(text, html, *, subject="A subject", newsletter=NEWSLETTER):
    return message.seal(
        chain._fields(replace(ENGLISH, subject=subject), newsletter, SITE),
        text=text,
        html=html,
        nonce=NONCE,
        language="en",
        subject=subject,
        links=(Link("https://example.org/", "x"),),
        layout="bulletin",
    )


def with_name(before, after, *contexts):
    table = SlotTable(NONCE)
    return table.split(before + "".join(table.token("first_name", context) for context in contexts) + after)


def assert_wire_ready(raw):
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    _, _, body = raw.partition(b"\r\n\r\n")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 998
        assert line == line.rstrip(b" \t")
        assert not line.startswith((b".", b"From "))
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert raw.isascii()
    assert b"\0" not in raw


def read(raw):
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert not parsed.defects
    text, html = parsed.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return parsed, *(part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in (text, html))


def lines(text):
    return re.sub("\r\n|\r", "\n", text)


def shown(name):
    return re.sub("[\x00-\x1f\x7f-\x9f]", " ", name.strip())


@settings(max_examples=1000)
@given(subject=SUBJECTS, name=NAMES, before=BODIES, after=BODIES)
@example(subject="A =?UTF-8?Q?=0A?=Bcc: x@y", name="Ann", before="", after="")
@example(subject="제" * 200, name=".", before=".", after=".\n.")
@example(subject="{{ first_name }} in town", name="From ", before="From ", after=" ")
@example(subject="x", name="x" * 63, before="x" * 75, after="." * 80)
def test_whatever_is_written_reads_back_from_the_wire(subject, name, before, after):
    text, html = with_name(before, after, Context.TEXT), with_name(before, after, Context.HTML, Context.URL)
    try:
        proof = sealed(text, html, subject=subject)
        raw = message.fill(proof, {**VALUES, "first_name": name, "to": headers.address(name, "a@example.org")})
    except ContentError:
        assert "{{" in subject or "=?UTF-8?Q?" in subject  # test_headers and test_merge say which
        return
    assert_wire_ready(raw)
    parsed, got_text, got_html = read(raw)
    if "{{" not in subject:
        assert parsed["Subject"] == headers.HeaderText(subject).text
    assert [box.addr_spec for box in parsed["To"].addresses] == ["a@example.org"]
    assert len(parsed.keys()) == len(set(parsed.keys())) == 16
    assert got_text == lines(before + shown(name) + after)
    assert got_html == lines(before + shown(escape(name.strip())) + message._in_url(name.strip()) + after)
    assert (got_html, got_text) == message.message_parts(proof, {"first_name": name})


@given(BODIES, BODIES)
def test_a_segment_needs_no_neighbour(one, two):
    assert quoted.encode(one).count(b"\n.") == 0
    decoded = email.message_from_bytes(
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted.encode(one) + quoted.SOFT + quoted.encode(two)
    ).get_payload(decode=True)
    assert lines(decoded.decode()) == lines(lines(one) + lines(two))


class TestFill:
    proof = sealed(
        with_name("Hi ", ".\n", Context.TEXT),
        with_name('<p title="', '">x</p>', Context.HTML),
        subject='{{ first_name | default("독자") }}님, 소식',
    )

    def filled(self, **values):
        return read(message.fill(self.proof, {**VALUES, **values}))

    def test_values_are_escaped_where_they_stand(self):
        _, text, html = self.filled(first_name='"><script>')
        assert text == 'Hi "><script>.\n'
        assert html == '<p title="&quot;&gt;&lt;script&gt;">x</p>'

    def test_the_subject_is_filled_and_encoded_for_each_reader(self):
        assert self.filled(first_name="김")[0]["Subject"] == "김님, 소식"
        assert self.filled(first_name="")[0]["Subject"] == "독자님, 소식"
        assert self.filled(first_name="Ann\r\nBcc: x@y")[0]["Subject"] == "Ann Bcc: x@y님, 소식"
        assert "Bcc" not in self.filled(first_name="=?utf-8?q?=0ABcc:_x?=")[0]

    @pytest.mark.parametrize("missing", ["to", "date", "message_id", "token.unsubscribe", "token.id"])
    def test_a_missing_value_is_named(self, missing):
        values = {name: value for name, value in VALUES.items() if name != missing}
        with pytest.raises(ContentError, match=missing):
            message.fill(self.proof, values)

    @pytest.mark.parametrize("name", ["to", "date", "message_id"])
    @pytest.mark.parametrize("value", ["", "a\r\nBcc: x@y", "a\nb", "a ", "é", "a\r\n\r\nbody"])
    def test_a_header_value_that_is_not_wire_ready_is_refused(self, name, value):
        with pytest.raises(ContentError):
            message.fill(self.proof, {**VALUES, name: value})

    @pytest.mark.parametrize("token", ["", "a b", "a>", "a\r\nb", "../x", "x" * 63, "é"])
    def test_a_token_that_is_none_is_refused(self, token):
        with pytest.raises(ContentError, match=r"token\.unsubscribe"):
            message.fill(self.proof, {**VALUES, "token.unsubscribe": token})

    def test_equal_hashes_of_other_proofs_are_not_mixed_up(self):
        other = replace(self.proof, segments=tuple(s.replace(b"Hi=20", b"Ho=20") for s in self.proof.segments))
        assert b"Hi=20" in message.fill(self.proof, VALUES)
        assert b"Ho=20" in message.fill(other, VALUES)
        assert b"Hi=20" in message.fill(self.proof, VALUES)


class TestStored:
    proof = TestFill.proof

    def test_comes_back_whole(self):
        assert message.load(message.dump(self.proof)) == self.proof

    def test_any_flipped_byte_of_the_message_is_noticed(self):
        stored = message.dump(self.proof)
        for at in range(stored.index(b"Date: "), len(stored), 37):
            damaged = stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]
            with pytest.raises(ContentError, match="compile the issue again"):
                message.load(damaged)

    @pytest.mark.parametrize(
        "bad",
        [b"", b"pressrun-proof 2\n{}", b"pressrun-proof 1\n", b"pressrun-proof 1\n[]\n", b"pressrun-proof 1\n{}\n"],
    )
    def test_what_is_no_proof_is_refused(self, bad):
        with pytest.raises(ContentError, match="compile the issue again"):
            message.load(bad)

    def test_missing_and_surplus_bytes_are_noticed(self):
        stored = message.dump(self.proof)
        for bad in (stored[:-1], stored + b"x"):
            with pytest.raises(ContentError):
                message.load(bad)

    def test_a_slot_changed_in_the_store_is_noticed(self):
        stored = message.dump(self.proof)
        changed = stored.replace(b'"name": "token.unsubscribe"', b'"name": "token.xnsubscribe"', 1)
        assert changed != stored
        with pytest.raises(ContentError, match="hash"):
            message.load(changed)


def test_list_unsubscribe_is_one_plain_field_however_long_the_address():
    site = replace(SITE, base_url="https://news." + "long-name." * 15 + "example.org")
    fields = chain._fields(ENGLISH, NEWSLETTER, site)
    proof = message.seal(
        fields, text=["x\n"], html=["x"], nonce=NONCE, language="en", subject="s", links=(), layout="bulletin"
    )
    raw = message.fill(proof, {**VALUES, "token.unsubscribe": "t" * 62})
    assert_wire_ready(raw)
    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert head.count("List-Unsubscribe:") == 1
    field = re.search(r"^List-Unsubscribe: ([^\r]*(?:\r\n [^\r]*)*)", head, re.MULTILINE)[1]
    token = "t" * 62
    assert field == f"<{site.base_url}/u/{token}>,\r\n <mailto:u-{token}@bounces.example.org>"


def test_fields_come_in_their_order():
    parsed, *_ = read(message.fill(TestFill.proof, VALUES))
    assert parsed.keys() == [
        "Date", "From", "Reply-To", "To", "Subject", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe",
        "List-Unsubscribe-Post", "List-Help", "Precedence", "X-Auto-Response-Suppress", "Feedback-ID", "X-Pressrun-Id",
        "Content-Type",
    ]  # fmt: skip
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Precedence"] == "list"
    assert parsed["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert parsed["List-Id"] == '"Smart City Bulletin" <smart-city.example.org>'
    assert parsed["From"].addresses[0].addr_spec == "desk@example.org"


def test_a_distinct_value_is_encoded_once(monkeypatch):
    calls = itertools.count()
    encode = quoted.encode
    proof = sealed(with_name("", "", *[Context.TEXT] * 20), ["x"])
    message.fill(proof, VALUES)
    monkeypatch.setattr(message.quoted, "encode", lambda text: (next(calls), encode(text))[1])
    raw = message.fill(proof, {**VALUES, "first_name": "김"})
    assert next(calls) == 1
    assert read(raw)[1] == "김" * 20
