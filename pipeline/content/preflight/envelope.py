"""Findings of what an inbox shows before the issue is opened, of its language, and of advertising."""

import re
from collections.abc import Iterator
from typing import Final

from wcwidth import wcswidth

from pipeline.content import merge, walk
from pipeline.content.preflight import texts
from pipeline.content.preflight.findings import block, note, warn
from pipeline.content.types import ContentError, Finding, IssueDocument, Sponsor

_SUBJECT_COLUMNS: Final = 80
"""What a wide inbox shows; a Korean character takes two columns."""
_PREHEADER_COLUMNS: Final = 150
_TAG_COLUMNS: Final = 10
"""What a merge tag's value is taken to need."""
_LANGUAGE = re.compile("[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_ADVERTISING: Final = "(광고)"
_LOOKS_ADVERTISING = re.compile(r"\s*[(\[（【<]\s*광\s*고\s*[)\]）】>]")


def check(document: IssueDocument) -> Iterator[Finding]:
    yield from _languages(document)
    yield from texts.header("subject", document.subject)
    yield from _subject(document.subject)
    yield from _preheader(document)
    if document.language.partition("-")[0].lower() == "ko":
        yield from _advertising(document)


def _languages(document: IssueDocument) -> Iterator[Finding]:
    for place, language in walk.languages(document):
        if (language or place == "language") and not _LANGUAGE.fullmatch(language):
            pattern = "“{language}” is not a language tag such as en or ko"
            yield block("language", place, pattern, language=language)


def _subject(subject: str) -> Iterator[Finding]:
    try:
        parts = merge.parse(subject)
    except ContentError:
        return  # told with all other merge tags
    if not "".join(part if isinstance(part, str) else part.default for part in parts).strip():
        yield block("subject-empty", "subject", "the subject is empty, or would be for readers without a name")
    elif (columns := _columns(parts)) > _SUBJECT_COLUMNS:
        pattern = "it takes {columns} columns, and inboxes show {limit} at most (a Korean character takes two)"
        yield warn("subject-long", "subject", pattern, columns=columns, limit=_SUBJECT_COLUMNS)


def _preheader(document: IssueDocument) -> Iterator[Finding]:
    if not document.preheader.strip():
        yield warn("preheader-empty", "preheader", "there is no preheader; inboxes will show the page's first words")
        return
    try:
        columns = _columns(merge.parse(document.preheader))
    except ContentError:
        return  # told with all other merge tags
    if columns > _PREHEADER_COLUMNS:
        pattern = "it takes {columns} columns, and inboxes show {limit} at most (a Korean character takes two)"
        yield warn("preheader-long", "preheader", pattern, columns=columns, limit=_PREHEADER_COLUMNS)


def _advertising(document: IssueDocument) -> Iterator[Finding]:
    """The Korean Network Act, article 50 and its decree's annex 6: the mark stands first, and exactly so."""
    starts = document.subject.startswith(_ADVERTISING)
    if document.advertising and not starts:
        pattern = "this issue advertises, so Korean law wants its subject to begin with {mark}, exactly so"
        yield block("advertising", "subject", pattern, mark=_ADVERTISING)
    elif not document.advertising and (starts or _LOOKS_ADVERTISING.match(document.subject)):
        pattern = "the subject says that the issue advertises, and the issue is not marked as advertising"
        yield note("advertising-unmarked", "subject", pattern)
    if document.advertising:
        return
    for place, part in walk.blocks(document):
        if isinstance(part, Sponsor):
            pattern = (
                "paid content is advertising in Korean law: mark the issue as advertising, its subject with {mark}"
            )
            yield warn("sponsor-advertising", place, pattern, mark=_ADVERTISING)


def _columns(parts: tuple[merge.Part, ...]) -> int:
    shown = "".join(part if isinstance(part, str) else part.default or "x" * _TAG_COLUMNS for part in parts)
    return max(0, wcswidth(shown)) or len(shown)
