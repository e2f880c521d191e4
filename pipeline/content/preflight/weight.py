"""Findings of how much there is: bytes that Gmail cuts off, pictures that outweigh the text."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from wcwidth import wcswidth

from pipeline.content import walk
from pipeline.content.preflight.findings import note, warn
from pipeline.content.preflight.page import Page
from pipeline.content.types import Finding, IssueDocument, PictureUse, Proof, PublicPicture
from pipeline.content.walk import Kind

_HTML_BYTES: Final = 90_000
"""Gmail shows the rest of a longer page only on request; the exact figure is not published (about 102 KB)."""
_ENCODED_BYTES: Final = 100_000
_PICTURE_BYTES: Final = 1_000_000
_TEXT_COLUMNS: Final = 300
"""A Korean character takes two. Mail with less text beside its pictures looks like an advertisement to filters."""
_COLUMNS_PER_LINE: Final = 66
_LINE_HEIGHT: Final = 28
"""CSS pixels, of ordinary text on a wide screen."""


def check(
    page: Page, document: IssueDocument, *, proof: Proof, pictures: Mapping[PictureUse, PublicPicture]
) -> Iterator[Finding]:
    yield from _bytes(proof)
    heights = [int(height) for picture in page.tagged("img") if (height := picture.get("height") or "").isdigit()]
    columns = _columns(document)
    if page.tagged("img") and columns < _TEXT_COLUMNS:
        pattern = "there are pictures and hardly any text; some readers see no pictures, and filters are suspicious"
        yield warn("text-little", "sections", pattern)
    whole = sum(heights) + math.ceil(columns / _COLUMNS_PER_LINE) * _LINE_HEIGHT
    if heights and 2 * max(heights) > whole:
        pattern = "one picture takes more than half of the page's height; write its message as text beside it"
        yield warn("picture-tall", "page", pattern)
    yield from _pictures(pictures)


def _bytes(proof: Proof) -> Iterator[Finding]:
    encoded = _encoded_html(proof)
    if proof.html_size > _HTML_BYTES:
        pattern = (
            "the page has {size} KB; above {limit} KB Gmail cuts its end off, the unsubscribe link too; shorten it"
        )
        yield warn("html-size", "page", pattern, size=proof.html_size // 1000, limit=_HTML_BYTES // 1000)
    elif encoded > _ENCODED_BYTES:
        pattern = "as it travels, the page has {size} KB; Gmail may count these, and cut off what is above {limit} KB"
        yield note("html-encoded", "page", pattern, size=encoded // 1000, limit=_ENCODED_BYTES // 1000)


def _encoded_html(proof: Proof) -> int:
    """Bytes of the HTML part after transfer encoding, its slots empty."""
    after, counting = 0, False
    for segment in proof.segments:
        head, begins, _ = segment.partition(b"\r\nContent-Type: text/html")
        counting = counting or bool(begins)
        after += len(segment) - (len(head) if begins else 0) if counting else 0
    return after


def _pictures(pictures: Mapping[PictureUse, PublicPicture]) -> Iterator[Finding]:
    """What their sizes are known of; the same file counts once."""
    sizes = {picture.url: picture.size for picture in pictures.values()}
    if (together := sum(sizes.values())) > _PICTURE_BYTES:
        pattern = "the pictures have {size} MB together, the largest {url}; below 1 MB they come quickly on a telephone"
        yield warn(
            "pictures-heavy", "page", pattern, size=f"{together / 1e6:.1f}", url=max(sizes, key=lambda url: sizes[url])
        )


def _columns(document: IssueDocument) -> int:
    texts = [field.value for field in walk.fields(document) if field.kind in {Kind.TEXT, Kind.TITLE, Kind.HTML}]
    return sum(max(0, wcswidth(text)) or len(text) for text in texts[3:])
