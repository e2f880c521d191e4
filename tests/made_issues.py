"""Issues made from a seed: every kind of block in any order, Korean and English, short and long."""

import datetime as dt
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.content.types import (
    Article,
    Block,
    Button,
    Citation,
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    ListStyle,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Sponsor,
    Teaser,
)

WORDS: Mapping[str, str] = {
    "en": "the city opens a new bridge and its people cross it by bicycle on a rainy Thursday in Harbour Ward 2026",
    "ko": "시민이 함께 만드는 스마트시티 시범사업 공모 결과를 발표하고 하반기에 데이터 플랫폼을 연계하여 2026년 교통",
}
MARKS = ("<strong>{}</strong>", "<em>{}</em>", '<a href="https://example.org/{}">{}</a>', "{}<br/>{}", "{}")


def made_issue(seed: int) -> IssueDocument:
    """The same seed gives the same issue: even ones in English, odd ones in Korean."""
    maker = _Maker(random.Random(seed), "ko" if seed % 2 else "en")
    return IssueDocument(
        newsletter="smart-city",
        number=seed + 1,
        date=dt.date(2026, 1, 1) + dt.timedelta(days=seed),
        language=maker.language,
        title=maker.line(4, 14),
        subject='{{ first_name | default("you") }}: ' + maker.line(3, 6),
        preheader=maker.line(0, 12),
        sections=tuple(maker.section() for _ in range(maker.chance.randint(1, 4))),
    )


class _Maker:
    def __init__(self, chance: random.Random, language: str) -> None:
        self.chance, self.language = chance, language
        self.words = WORDS[language].split()

    def line(self, least: int, most: int) -> str:
        return " ".join(self.chance.choices(self.words, k=self.chance.randint(least, most)))

    def html(self) -> str:
        runs = []
        for _ in range(self.chance.randint(1, 5)):
            mark = self.chance.choice(MARKS)
            runs.append(mark.format(self.chance.randint(1, 99), self.line(1, 4)) if "href" in mark else
                        mark.format(self.line(1, 12), self.line(1, 5)))  # fmt: skip
        return " ".join(runs)

    def section(self) -> Section:
        return Section(
            self.line(1, 5),
            tuple(self.article() for _ in range(self.chance.randint(0, 4))),
            tuple(self.block() for _ in range(self.chance.randint(0, 2))),
        )

    def article(self) -> Article:
        return Article(
            self.line(2, 12),
            tuple(self.block() for _ in range(self.chance.randint(1, 7))),
            source=self.line(0, 3),
            date=self.chance.choice([None, dt.date(2026, 5, 4)]),
            url=self.chance.choice(["", "https://example.org/read"]),
        )

    def block(self) -> Block:
        kind = self.chance.choice(list(_MAKERS))
        block = _MAKERS[kind](self)
        other = {"en": "ko", "ko": "en"}[self.language]
        if not isinstance(block, Divider) and self.chance.random() < 0.1:
            return replace(block, lang=other)
        return block

    def picture(self) -> str:
        return self.chance.choice(["a.png", "https://pictures.example.org/b.jpg"])

    def items(self) -> tuple[str, ...]:
        return tuple(self.html() for _ in range(self.chance.randint(1, 5)))


_MAKERS: Mapping[str, Callable[[Any], Block]] = {
    "paragraph": lambda m: Paragraph(m.html()),
    "heading": lambda m: Heading(m.line(1, 6)),
    "bullets": lambda m: ItemList(ListStyle.BULLET, m.items()),
    "numbers": lambda m: ItemList(ListStyle.NUMBER, m.items()),
    "circled": lambda m: ItemList(ListStyle.CIRCLED, m.items()),
    "picture": lambda m: Picture(m.picture(), m.line(1, 5), m.line(0, 2), m.line(0, 6)),
    "video": lambda m: Picture(m.picture(), m.line(1, 5), video="https://video.example.org/v?a=1&b=2"),
    "facts": lambda m: Facts(tuple((m.line(1, 3), m.html()) for _ in range(m.chance.randint(1, 4)))),
    "citation": lambda m: Citation(m.html()),
    "quote": lambda m: Quote(m.html(), m.line(0, 3)),
    "button": lambda m: Button(m.line(1, 4), "https://example.org/apply"),
    "notice": lambda m: Notice(m.html(), m.line(0, 4)),
    "teaser": lambda m: Teaser(m.line(1, 5), m.html(), "https://example.org/t", m.picture(), m.line(0, 3)),
    "divider": lambda _: Divider(),
    "sponsor": lambda m: Sponsor(m.html(), m.line(1, 2), "https://example.org/s"),
    "signature": lambda m: Signature(m.html(), m.picture(), m.line(1, 2)),
    "file": lambda m: FileLink(m.line(1, 4), "https://example.org/guide.pdf", size="1.2 MB"),
}
