"""Made-up issues that show a layout everything it may meet: each kind of block, full and bare, in two languages.

`pressrun layout check` pours them into a layout. A new kind of block stands here as well; a test sees to it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

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
    NewsletterProfile,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Site,
    Sponsor,
    Teaser,
)

SITE: Final = Site("https://news.example.org", "bounces.example.org", "example.org")
NEWSLETTER: Final = NewsletterProfile(
    slug="specimen",
    name="The Specimen",
    sender_name="The Specimen",
    sender_address="desk@example.org",
    postal_address="Desk of specimens\n1 Harbour Road <rear>\n04524 Seoul",
)
_LOGO = "https://example.org/logo.png"
_BRANDED: Final = {"logo": _LOGO, "logo_dark": _LOGO, "width": "700", "font": "serif"}

_ADDRESS, _PICTURE = "https://example.org/story?a=1&b=2#top", "https://example.org/a%20picture.png"
_TEXT = 'The "first" & <second>\u3000정원'
_HTML = (
    'Dear {{ first_name | default("reader") }}, <strong>all</strong> &amp; <em>sundry</em>:<br/>'
    '<a href="https://example.org/{{ email }}?a=1&amp;b=2">a page</a> 정원 한 곳'
)
_FULL: Final[tuple[Block, ...]] = (
    Paragraph(_HTML, lang="ko"),
    Heading(_TEXT, lang="ko"),
    *(ItemList(style, (_HTML, "two", "three"), lang="ko") for style in ListStyle),
    Picture(_PICTURE, _TEXT, credit=_TEXT, caption=_TEXT, link=_ADDRESS, lang="ko"),
    Picture(_PICTURE, _TEXT, credit=_TEXT, caption=_TEXT, video=_ADDRESS, lang="ko"),
    Facts(((_TEXT, _HTML), (_TEXT, "two")), lang="ko"),
    Citation(_HTML, lang="ko"),
    Quote(_HTML, _TEXT, lang="ko"),
    Button(_TEXT, _ADDRESS, lang="ko"),
    Notice(_HTML, _TEXT, lang="ko"),
    Teaser(_TEXT, _HTML, _ADDRESS, _PICTURE, _TEXT, lang="ko"),
    Teaser(_TEXT, _HTML, _ADDRESS, _PICTURE, _TEXT),
    Teaser(_TEXT, _HTML, _ADDRESS, _PICTURE, _TEXT),
    Divider(),
    Sponsor(_HTML, _TEXT, _ADDRESS, _PICTURE, _TEXT, lang="ko"),
    Signature(_HTML, _PICTURE, _TEXT, lang="ko"),
    FileLink(_TEXT, "https://example.org/report.pdf", "HWP", "1.2 MB", lang="ko"),
)
_BARE: Final[tuple[Block, ...]] = (
    Paragraph("one"),
    Heading("one"),
    *(ItemList(style, ("one",)) for style in ListStyle),
    Picture("a.png", ""),
    Picture("a.png", "one", video=_ADDRESS),
    Facts((("one", "two"),)),
    Citation("one"),
    Quote("one"),
    Button("one", "mailto:desk@example.org"),
    Notice("one"),
    Teaser("one"),
    Divider(),
    Sponsor("one", "two"),
    Signature("one"),
    FileLink("one", "https://example.org/report"),
)
_ARTICLE: Final = Article(_TEXT, _FULL, source=_TEXT, date=dt.date(2021, 8, 31), url=_ADDRESS, lang="ko")
FULL: Final = IssueDocument(
    newsletter="specimen",
    number=20,
    date=dt.date(2021, 8, 31),
    language="en",
    title=_TEXT,
    subject='{{ first_name | default("Reader") }}, a specimen',
    preheader=_TEXT,
    sections=(
        Section(_TEXT, (_ARTICLE, replace(_ARTICLE, lang="")), _FULL, lang="ko"),
        Section("two", (Article("one", _BARE), Article("empty", ())), _BARE),
        Section("nothing", ()),
    ),
)
BARE: Final = replace(FULL, title=NEWSLETTER.name, preheader="", sections=(Section("one", (Article("one", _BARE),)),))


def issues() -> Iterator[tuple[IssueDocument, NewsletterProfile]]:
    """Issues full and bare, with a brand and without, in both languages; the layout is for the caller to set."""
    yield FULL, replace(NEWSLETTER, brand=_BRANDED)
    yield replace(FULL, language="ko"), NEWSLETTER
    yield BARE, NEWSLETTER
    yield BARE, replace(NEWSLETTER, brand={"logo": _LOGO})
