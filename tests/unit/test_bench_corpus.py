"""The half of the corpus that was set aside."""

from bench.corpus import draw, format_of, set_aside


def test_a_format_is_the_name_without_its_number():
    names = ["a-exim-07.eml", "a-exim-1.eml", "b-bounce_02.eml", "c-unknown.eml", "d-lhost-x1-02.eml"]
    assert [format_of(name) for name in names] == ["a-exim", "a-exim", "b-bounce", "c-unknown", "d-lhost-x1"]


def test_the_draw_is_a_half_and_the_same_each_time():
    names = [f"a-{letter}-{number}.eml" for letter in "abcdefgh" for number in range(3)]
    assert len(draw(names)) == 4
    assert draw(names) == draw(list(reversed(names)))
    assert draw(names) != draw(names, seed=6)


def test_the_list_names_formats_once():
    assert len(set_aside()) == 64
    assert all(name == format_of(f"{name}-01.eml") for name in set_aside())
