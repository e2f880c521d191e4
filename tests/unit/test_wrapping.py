import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.content.wrapping import WIDTH, fill, width

KOREAN = (
    "국토교통부와 한국국토정보공사는 올해 처음 추진하는 디지털 트윈국토 시범사업 대상지로 모두 열 곳을 뽑았다고 밝혔다."
)
JAPANESE = (
    "国土交通省は、デジタルツインを使って様々な都市の課題を解決する「スマートシティ」の実証地域として十の自治体を選びました。"
    * 2
)
CHINESE = (
    "首尔市将在未来三年内建设数字孪生城市平台，以便更好地管理交通、环境与能源（包括公共建筑），并向市民开放数据。" * 2
)


@pytest.mark.parametrize("text", [KOREAN, JAPANESE, CHINESE, "word " * 40, f"{KOREAN} {CHINESE} {'word ' * 9}"])
def test_lines_are_filled_to_the_width_that_a_reader_sees(text):
    lines = list(fill(text))
    assert len(lines) > 1
    assert all(width(line) <= WIDTH for line in lines)
    assert all(width(line) > WIDTH - 20 for line in lines[:-1])
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_korean_is_broken_at_its_spaces_alone():
    words = KOREAN.split()
    assert [word for line in fill(KOREAN) for word in line.split()] == words


def test_korean_with_hanja_in_brackets_stays_whole():
    assert list(fill("가" * 33 + " 신(新)도시")) == ["가" * 33, "신(新)도시"]


@pytest.mark.parametrize("text", [JAPANESE, CHINESE])
def test_no_line_begins_with_what_closes_or_ends_with_what_opens(text):
    for shift in range(40):
        lines = list(fill("あ" * shift + text))
        assert not any(line[0] in "、。，」）ーっ々" for line in lines)
        assert not any(line[-1] in "「（" for line in lines)


def test_an_address_is_never_broken():
    address = "<https://example.org/" + "x" * 90 + ">"
    assert list(fill(f"Read more: {address} now")) == ["Read more:", address, "now"]


def test_what_stands_before_the_first_line_and_the_others():
    assert list(fill("word " * 20, first="10. "))[1].startswith("    word")
    assert list(fill("word " * 20, first="> ", rest="> "))[1].startswith("> word")
    assert list(fill("", first="- ")) == ["-"]


def test_a_no_break_space_is_no_place_to_break():
    assert list(fill("x" * 70 + " 10\u00a0km"))[1] == "10\u00a0km"


@given(st.text(st.sampled_from("ab 가나漢字かなっ「」、。\u00a0\u3000👩‍👧é(<"), max_size=200))
def test_nothing_is_lost_and_no_line_is_too_long(text):
    lines = list(fill(text))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line == line.rstrip() for line in lines)
    assert all(width(line) <= WIDTH or " " not in line for line in lines)
