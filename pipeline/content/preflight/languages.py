"""Findings of languages: text in Korean letters where the issue says that it is English, and the other way round.

Told as a note. Where it is so, a mail program reads aloud in the wrong voice, and breaks lines by the wrong rules.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pipeline.content import markup, walk
from pipeline.content.preflight.findings import note
from pipeline.content.types import ContentError, Finding, IssueDocument
from pipeline.content.walk import Field, Kind

_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_OWNER = re.compile(r"sections\[\d+\](?:\.intro\[\d+\]|\.articles\[\d+\](?:\.blocks\[\d+\])?)?")
"""The part of a place that may have a language of its own."""
_IN_LATIN = re.compile("cs|da|de|en|es|fi|fr|id|it|nl|no|pl|pt|sv|tr|vi")
_ENOUGH: Final = 40
"""Columns: a name or a quoted title is not another language."""
_TOLD: Final = 3
"""More of them than this are told as one."""


def check(document: IssueDocument) -> Iterator[Finding]:
    set_languages = {place: language for place, language in walk.languages(document) if language}
    letters = _letters(document)
    foreign = [place for place, found in letters.items() if _is_foreign(found, _language(place, set_languages))]
    if len(foreign) > max(_TOLD, len(letters) // 2):
        pattern = "most of the issue is written in other letters than its language “{language}” uses; is that right?"
        yield note("language-mix", "language", pattern, language=document.language)
        return
    for place in foreign[:_TOLD]:
        pattern = "this is not written in the letters of “{language}”; mark its language, so that it is read out well"
        yield note("language-mix", place, pattern, language=_language(place, set_languages))


def _letters(document: IssueDocument) -> dict[str, Counter[str]]:
    """How many Hangul and Latin letters each part of the issue has that may have a language of its own."""
    counted: dict[str, Counter[str]] = {}
    for field in walk.fields(document):
        if text := _words(field):
            owner = _OWNER.match(field.place)
            letters = counted.setdefault(owner[0] if owner else field.place, Counter())
            letters.update(hangul=len(_HANGUL.findall(text)), latin=len(_LATIN.findall(text)))
    return counted


def _words(field: Field) -> str:
    if field.kind not in {Kind.TEXT, Kind.TITLE, Kind.HTML}:
        return ""
    try:
        return _TAG.sub("", markup.plain(field.value) if field.kind is Kind.HTML else field.value)
    except ContentError:
        return ""  # told by `texts`


def _language(place: str, languages: dict[str, str]) -> str:
    """What is set for a place, or for what it stands in."""
    while place and place not in languages:
        place = place.rpartition(".")[0]
    return (languages[place or "language"]).partition("-")[0].lower()


def _is_foreign(letters: Counter[str], language: str) -> bool:
    hangul, latin = 2 * letters["hangul"], letters["latin"]
    if language == "ko":
        return latin >= _ENOUGH and not hangul
    return bool(_IN_LATIN.fullmatch(language)) and hangul >= _ENOUGH and hangul > latin
