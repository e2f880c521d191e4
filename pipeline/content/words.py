"""The layout's own words, by language, and dates as each language writes them."""

import datetime as dt
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    number: str
    view: str
    unsubscribe: str
    preferences: str
    contents: str
    photo: str
    watch: str
    read_more: str
    sponsor: str
    """What marks paid content. The law wants it to be seen."""
    why: str
    leave: str
    download: str
    months: tuple[str, ...] = ()

    def date(self, day: dt.date) -> str:
        """`31 August 2021`, `2021년 8월 31일`."""
        if not self.months:
            return f"{day.year}년 {day.month}월 {day.day}일"
        return f"{day.day} {self.months[day.month - 1]} {day.year}"


ENGLISH: Final = Words(
    number="No. {number}",
    view="View in browser",
    unsubscribe="Unsubscribe",
    preferences="Choose what you receive",
    contents="In this issue",
    photo="Photo: {credit}",
    watch="Watch the video",
    read_more="Read more",
    sponsor="Sponsored",
    why="You receive this e-mail because you subscribed to {newsletter}.",
    leave="No longer interested? One click is enough.",
    download="Download",
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
)
KOREAN: Final = Words(
    number="제{number}호",
    view="웹에서 보기",
    unsubscribe="수신 거부",
    preferences="받을 소식 고르기",
    contents="이번 호 차례",
    photo="사진: {credit}",
    watch="영상 보기",
    read_more="자세히 보기",
    sponsor="광고",
    why="이 메일은 「{newsletter}」 구독자께 보내 드립니다.",
    leave="더 이상 받고 싶지 않으시면 한 번만 누르시면 됩니다.",
    download="내려받기",
)


def words(language: str) -> Words:
    """The words for a BCP 47 language: Korean for `ko` and `ko-KR`, English for everything else."""
    return KOREAN if language.partition("-")[0].lower() == "ko" else ENGLISH


def circled(number: int) -> str:
    """A number as the bulletin prints it in lists: ➊ to ➓, ⓫ to ⓴, then (21)."""
    if 1 <= number <= 10:
        return chr(ord("➊") + number - 1)
    if number <= 20:
        return chr(ord("⓫") + number - 11)
    return f"({number})"
