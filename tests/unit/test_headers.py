import datetime as dt
import email
import email.policy
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.content import headers
from pipeline.content.reader import values_of
from pipeline.content.types import ContentError

SPEAKABLE = st.text(
    st.one_of(
        st.sampled_from("스마트시티 소식을 전해 드립니다 가각힣 é ß 日本 \u3000\u00a0 👩‍👩‍👧 🇰🇷 \u0301"),
        st.sampled_from("""ab Z09 =?_!"'\\<>()@,;:.[]{}%&#-+*/"""),
        st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp"), exclude_characters="\ufeff"),
    ),
    min_size=1,
    max_size=200,
)


def parsed(name: str, value: str) -> email.message.EmailMessage:
    raw = f"{name}: {value}\r\nX-After: 1\r\n\r\nbody".encode("ascii")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.keys() == [name, "X-After"]
    return message


def spoken(mailbox: str) -> str:
    """The display name, read by the older decoder: the newer one puts a space between encoded-words of a phrase."""
    phrase = mailbox.rpartition("<")[0].replace("\r\n", "").strip()
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return str(make_header(decode_header(phrase)))


def test_what_looks_like_an_encoded_word_is_encoded_itself():
    assert headers.unstructured(headers.HeaderText("Is 2+2=?"), used=9) == "=?utf-8?b?SXMgMisyPT8=?="
    assert headers.unstructured(headers.HeaderText("=?x?y"), used=9).startswith("=?utf-8?")


def squeezed(text: str) -> str:
    return re.sub(" +", " ", text).strip(" ")


@settings(max_examples=300)
@given(SPEAKABLE)
@example("A" * 300)
@example("한" * 300)
@example("Is 2+2=?")
@example("word " * 60)
@example("=?" * 40)
def test_a_subject_reads_back_as_it_was_written(text):
    try:
        value = headers.unstructured(headers.HeaderText(text), used=len("Subject: "))
    except ContentError:
        assert headers._ENCODED_WORD.search(text)
        return
    if not squeezed(text):
        assert value == ""
        return
    lines = f"Subject: {value}".split("\r\n")
    assert max(map(len, lines)) <= 76
    assert all(line == line.rstrip() for line in lines)
    assert max((len(word) for word in re.findall(r"=\?.*?\?=", value) if word.startswith("=?utf-8?")), default=0) <= 75
    assert parsed("Subject", value)["Subject"] == squeezed(text)


@settings(max_examples=300)
@given(SPEAKABLE)
@example('Kim "Min" \\ Lee, Jr.')
@example("김" * 80)
@example("x" * 400)
def test_a_name_reads_back_and_the_address_stays_plain(name):
    value = headers.address(name, "a.b+c@sub.example.org")
    mailbox = parsed("To", value)["To"].addresses
    assert [box.addr_spec for box in mailbox] == ["a.b+c@sub.example.org"]
    assert spoken(value) == headers.HeaderText.tamed(name).text
    assert max(map(len, f"To: {value}".split("\r\n"))) <= 76


@pytest.mark.parametrize(
    "hostile",
    [
        "A =?UTF-8?Q?=0A?=Bcc: x@y",
        "=?utf-8?b?DQpCY2M6IHhAeQ==?=",
        "A\r\nBcc: x@y",
        "A\nBcc: x@y",
        "A\rBcc: x@y",
        "A\x00B",
        "A\x85Bcc: x@y",
        "A\u2028Bcc: x@y",
        "A\u2029Bcc: x@y",
        "A\x0bB",
        "A\u202egnp.exe",
        "\ufeffA",
        "A\ud800",
        "tab\there",
    ],
)
class TestHostileText:
    def test_is_refused_from_editors_with_its_column(self, hostile):
        with pytest.raises(ContentError) as refused:
            headers.HeaderText(hostile)
        assert refused.value.column >= 1

    def test_is_tamed_from_subscribers(self, hostile):
        to = parsed("To", headers.address(hostile, "a@example.org"))["To"]
        assert [box.addr_spec for box in to.addresses] == ["a@example.org"]


@given(st.text(max_size=80))
def test_taming_never_fails_and_is_final(text):
    tamed = headers.HeaderText.tamed(text)
    assert headers.HeaderText(tamed.text) == tamed
    assert "=?" not in tamed.text


@pytest.mark.parametrize(
    "bad",
    [
        "", "a", "a@", "@b", "a b@c.org", "a@b c", "<a@b.org>", "a@b.org\r\nBcc: c@d.org", "a@b.org\n", "a@@b.org",
        "a,b@c.org", "=?utf-8?q?a?=@b.org", "사용자@example.org", "a@예시.한국", ".a@b.org", "a..b@c.org", "a@-b.org",
        "a" * 65 + "@b.org", "a@" + "b" * 250 + ".org", "a@b..org", '"a"@b.org',
    ],
)  # fmt: skip
def test_an_address_that_cannot_stand_in_a_header_is_refused(bad):
    with pytest.raises(ContentError):
        headers.address("Ann", bad)


def test_a_long_address_folds_after_the_name():
    address = "a" * 60 + "@example.org"
    assert headers.address("Ann Lee", address) == f'"Ann Lee"\r\n <{address}>'


def test_list_fields_are_never_encoded_and_fold_after_commas_only():
    long = "https://news.example.org/u/" + "t" * 200
    assert headers.listed([long, "mailto:u@example.org"]) == f"<{long}>,\r\n <mailto:u@example.org>"
    with pytest.raises(ContentError):
        headers.listed(["https://예시.한국/"])


@pytest.mark.parametrize(
    "bad", ["", " a", "a ", "a\r\nb", "a\r\n b\r\n", "a\nb", "a\tb", "한", "a\r\n \r\n b", "x" * 901]
)
def test_a_value_that_is_not_wire_ready_is_refused(bad):
    with pytest.raises(ContentError):
        headers.field("X-Name", bad)


def test_a_date_names_its_offset():
    seoul = dt.timezone(dt.timedelta(hours=9))
    assert headers.date(dt.datetime(2021, 8, 31, 9, tzinfo=seoul)) == "Tue, 31 Aug 2021 09:00:00 +0900"
    with pytest.raises(ContentError):
        headers.date(dt.datetime(2021, 8, 31, 9))  # noqa: DTZ001


def test_letters_of_the_world_before_the_at_leave_the_message_without_an_address_in_it():
    """The envelope may carry them (RFC 6531), this header not: whether they are mailed is for the relay to say."""
    found = values_of(email="세종@example.org", first_name="Ann", last_name="", language="en")
    assert parsed("To", found["to"])["To"].addresses == ()
    assert headers.field("To", found["to"]) == "To: undisclosed-recipients:;\r\n"
