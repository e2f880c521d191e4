"""Findings of languages: text in Korean letters where the issue says that it is English, and the other way round.

Told as a note. Where it is so, a mail program reads aloud in the wrong voice, and breaks lines by the wrong rules.
"""

import re
from collections.abc import Iterator
from typing import Final

from pipeline.content import walk
from pipeline.content.preflight.findings import note
from pipeline.content.types import Finding, IssueDocument
from pipeline.content.walk import Kind

_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_MARKS = re.compile(r"<[^<>]*>|\{\{[^{}]*\}\}")
"""Elements and merge tags: no words of the writer's."""
_OWNER = re.compile(r"sections\[\d+\](?:\.intro\[\d+\]|\.articles\[\d+\](?:\.blocks\[\d+\])?)?")
"""The part of a place that may have a language of its own."""
_IN_LATIN = re.compile("cs|da|de|en|es|fi|fr|id|it|nl|no|pl|pt|sv|tr|vi")
_ENOUGH: Final = 40
"""Columns: a name or a quoted title is not another language."""
_TOLD: Final = 3
"""As many as are told."""


def check(document: IssueDocument) -> Iterator[Finding]:
    set_languages = {place: language for place, language in walk.languages(document) if language}
    texts = _texts(document)
    foreign = [place for place, text in texts.items() if _is_foreign(text, _language(place, set_languages))]
    if len(foreign) > 1 and 2 * sum(len(texts[place]) for place in foreign) > sum(map(len, texts.values())):
        pattern = "most of the issue is written in other letters than its language “{language}” uses; is that right?"
        yield note("language-mix", "language", pattern, language=document.language)
        return
    for place in foreign[:_TOLD]:
        pattern = "this is not written in the letters of “{language}”; mark its language, so that it is read out well"
        yield note("language-mix", place, pattern, language=_language(place, set_languages))


def _texts(document: IssueDocument) -> dict[str, str]:
    """The text of each part of the issue that may have a language of its own."""
    texts: dict[str, str] = {}
    for field in walk.fields(document):
        owner = _OWNER.match(field.place)
        if owner and field.kind in {Kind.TEXT, Kind.TITLE, Kind.HTML}:
            texts[owner[0]] = f"{texts.get(owner[0], '')} {field.value}"
    return texts


def _language(place: str, languages: dict[str, str]) -> str:
    """What is set for a place, or for what it stands in."""
    while place and place not in languages:
        place = place.rpartition(".")[0]
    return languages.get(place or "language", "").partition("-")[0].lower()


def _is_foreign(text: str, language: str) -> bool:
    if language == "ko":
        return not _HANGUL.search(text) and len(_LATIN.findall(_MARKS.sub("", text))) >= _ENOUGH
    if text.isascii() or not _IN_LATIN.fullmatch(language):
        return False
    hangul = 2 * len(_HANGUL.findall(text))
    return hangul >= _ENOUGH and hangul > len(_LATIN.findall(_MARKS.sub("", text)))
