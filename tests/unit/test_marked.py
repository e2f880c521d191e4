"""A proof with a mark in front of its subject, and what stands for tokens in copies that act for nobody."""

import email
import email.policy
import shutil
from dataclasses import replace

import pytest
from bulletin import ENGLISH, NEWSLETTER, NONCE, SITE, VALUES
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content import compile as chain
from pipeline.content import layout, merge, message, walk
from pipeline.content.headers import HeaderText
from pipeline.content.types import ContentError, Context, Slot
from pipeline.tokens import BadTokenError, Keyring, Purpose, StandIn


def compiled(document=ENGLISH, newsletter=NEWSLETTER, **more):
    return chain.compile_issue(document, newsletter, SITE, nonce=NONCE, **more)


PROOF = compiled().proof


def with_subject(subject: str):
    """A small proof with that subject: sealed as the compiler does, without its other work."""
    fields = [b"Date: ", Slot("date", Context.HEADER), b"\r\nFrom: <a@b.example>\r\nTo: ", Slot("to", Context.HEADER)]
    fields += [b"\r\n", *chain._subject(subject), b"MIME-Version: 1.0\r\n"]
    body = {"text": ["Subject: not this\n\nSubject: nor this"], "html": ["<p>Subject: nor this</p>"]}
    return message.seal(fields, **body, nonce=NONCE, language="en", subject=subject, links=(), layout="bulletin")


def subject_of(raw: bytes) -> str:
    return email.message_from_bytes(raw, policy=email.policy.default)["Subject"]


def others(raw: bytes) -> bytes:
    """All but the subject field."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    before, _, after = head.partition(b"\r\nSubject: ")
    lines = after.split(b"\r\n")
    rest = next((n for n, line in enumerate(lines[1:], start=1) if not line.startswith(b" ")), len(lines))
    return b"\r\n".join([before, *lines[rest:]]) + blank + body


@pytest.mark.parametrize(
    "subject",
    [
        "Short and plain",
        "A plain subject that is so long that it must be folded over several lines of the header field, twice at least",
        "스마트시티 소식: 8월의 도시들이 전하는 이야기와 행사 안내, 그리고 신청 방법까지 한 번에 보기",
        'Hello {{ first_name | default("reader") }}',
        '{{ first_name | default("독자") }}님, 이번 호를 전합니다',
        "Back\\slash \\1 \\g<0>",
        "Subject: of a subject",
    ],
)
def test_only_the_subject_differs_and_by_the_mark_alone(subject):
    proof = with_subject(subject)
    plain, marked = message.fill(proof, VALUES), message.fill(message.marked(proof, "[TEST]"), VALUES)
    assert subject_of(marked) == f"[TEST] {subject_of(plain)}"
    assert others(marked) == others(plain)
    assert message.marked(proof, "[TEST]").hash != proof.hash


@given(st.text(min_size=1, max_size=200))
def test_any_subject_that_may_be_sent_can_be_marked(subject):
    try:
        HeaderText(subject)
        proof = with_subject(subject)
    except ContentError:
        return
    if not HeaderText(subject).text:
        return
    plain, marked = message.fill(proof, VALUES), message.fill(message.marked(proof, "[TEST]"), VALUES)
    assert others(marked) == others(plain)
    assert max(map(len, marked.split(b"\r\n"))) <= 998


def test_no_stand_in_opens_anything():
    keyring = Keyring({1: b"k" * 32})
    for word in StandIn:
        for purpose in Purpose:
            with pytest.raises(BadTokenError):
                keyring.verify(purpose, word)


def test_a_copy_for_nobody_needs_no_other_tokens():
    html, text = message.message_parts(PROOF, message.stand_ins(PROOF, StandIn.NOBODY))
    assert f"/u/{StandIn.NOBODY}" in html
    assert f"/u/{StandIn.NOBODY}" in text


class TestCard:
    def test_title_sentence_and_first_picture(self):
        card = compiled().card
        assert card.title == ENGLISH.title
        assert card.description == ENGLISH.preheader
        assert card.image == "https://news.example.org/pictures/expo.png"

    def test_merge_tags_give_way_to_their_fallbacks(self):
        document = replace(ENGLISH, title='For {{ first_name | default("you") }}', preheader="Dear {{ name }},\n hello")
        card = compiled(document).card
        assert (card.title, card.description) == ("For you", "Dear , hello")

    def test_without_a_picture_the_logo_and_without_a_logo_nothing(self):
        bare = tuple(
            replace(
                section,
                intro=(),
                articles=tuple(
                    replace(each, blocks=tuple(block for block in each.blocks if not walk.picture_use(block)))
                    for each in section.articles
                ),
            )
            for section in ENGLISH.sections
        )
        assert compiled(replace(ENGLISH, sections=bare)).card.image == ""


@pytest.mark.parametrize(("language", "name"), [("ko", "하늘"), ("ko-KR", "하늘"), ("en", "Robin"), ("fr", "Robin")])
def test_samples_speak_the_issues_language(language, name):
    assert merge.samples(language)["first_name"] == name


def test_the_layouts_version_is_that_of_its_files(tmp_path):
    for name in ("one", "two"):
        shutil.copytree(layout.LAYOUTS / "bulletin", tmp_path / name)
    assert layout.version("one", tmp_path) == layout.version("two", tmp_path) == layout.version("bulletin")
    with (tmp_path / "two" / "head.css").open("a") as css:
        css.write("/* wider */")
    assert layout.version("one", tmp_path) != layout.version("two", tmp_path)
