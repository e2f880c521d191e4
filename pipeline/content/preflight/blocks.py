"""Findings of blocks: what is empty, without its alternative text, or without what a reader needs to know of it."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from pipeline.content import walk
from pipeline.content.preflight.findings import block, note, warn
from pipeline.content.types import (
    Block,
    Facts,
    FileLink,
    Finding,
    IssueDocument,
    ItemList,
    Picture,
    Signature,
    Sponsor,
    Teaser,
)


def check(document: IssueDocument) -> Iterator[Finding]:
    if not any(section.articles or section.intro for section in document.sections):
        yield block("no-content", "sections", "the issue has no article")
    for place, part in walk.blocks(document):
        yield from _block(place, part)


def _block(place: str, part: Block) -> Iterator[Finding]:
    match part:
        case Picture(alt="") if part.link or part.video:
            pattern = "the picture is a link, and without alt text nobody can tell where to; say what it opens"
            yield block("alt-link", place, pattern)
        case Picture(alt="") | Teaser(alt="") | Sponsor(alt="") | Signature(alt="") if part.src:
            pattern = "without alt text the picture counts as decoration; describe what it shows"
            yield warn("alt", place, pattern)
        case ItemList(items=()) | Facts(rows=()):
            yield block("empty-list", place, "the list is empty; take it out")
        case FileLink():
            yield from _file(place, part)
    if isinstance(part, Teaser) and not part.url:
        yield warn("teaser-link", place, "the teaser leads nowhere; give the address of the story")


def _file(place: str, file: FileLink) -> Iterator[Finding]:
    """What WCAG and readers on a telephone ask for: to know what opens, and how much of it, before clicking."""
    if not file.kind and not _EXTENSION.fullmatch(PurePosixPath(urlsplit(file.url).path).suffix):
        yield warn("file-kind", place, "nobody can tell what kind of file this is; write it, such as PDF or HWP")
    if not file.size:
        yield note("file-size", place, "the size of the file is not said; write it, such as 1.2 MB")


_EXTENSION = re.compile(r"\.[A-Za-z0-9]{2,5}")
