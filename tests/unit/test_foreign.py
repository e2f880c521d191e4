"""Text of strangers on our pages."""

from django.utils import translation

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
