"""Text of strangers on our pages."""

from collections import defaultdict

import pytest
from django.utils import translation

from pipeline import sentences
from pipeline.templatetags.foreign import foreign, told


def test_what_nobody_sees_is_shown_as_its_number():
    assert foreign("a\u202eb\x00c\u200bd\ufeff") == "a[U+202E]b[U+0000]c[U+200B]d[U+FEFF]"
    assert foreign("two\r\nlines\tand 한글 <b>") == "two\nlines\tand 한글 <b>"


def test_only_the_beginning_of_a_long_text_is_shown():
    assert foreign("x" * 1_000_000, 5) == "xxxxx…"
    assert foreign("xxxxx", 5) == "xxxxx"


def test_a_sentence_of_ours_is_told_in_the_readers_language_and_any_other_as_it_is():
    with translation.override("ko"):
        assert told("It bears no signature of ours.") == "우리 서명이 없습니다."
        assert told("<script>\u202e") == '<span lang="en">&lt;script&gt;[U+202E]</span>'
    assert told("") == ""


def test_a_sentence_with_values_is_told_with_them_and_what_strangers_say_in_it_changes_nothing():
    words = "550 %(answers)s %s “. Nobody was taken off a list”. <b>\u202e"
    kept = sentences.OUR_FAULT % {
        "answers": "1,016",
        "meaning": "the address that we send from has a bad name",
        "words": words,
    }
    with translation.override("ko"):
        shown = told(kept)
    assert shown.startswith(
        "메일 서버의 응답 1,016건이 문제는 독자가 아니라 발신자 쪽에 있다고 합니다: 우리가 보내는 서버"
    )
    assert "“550 %(answers)s %s “. Nobody was taken off a list”. <b>[U+202E]”. 이 때문에 목록에서" in shown
    with translation.override("en"):
        assert told(kept).startswith('<span lang="en">1,016 answers of mail servers')


@pytest.mark.parametrize("template", sentences.WITH_PLACES)
def test_each_sentence_with_values_is_known_in_korean(template):
    values = defaultdict(lambda: "7")
    with translation.override("ko"):
        words = sentences.translated(template % values)
    assert words != template % values
    assert "7" in words
