"""Findings of every text of an issue, one field at a time: characters, inline HTML, merge tags."""

import re
from collections.abc import Iterator

from pipeline.content import headers, links, markup, merge
from pipeline.content.preflight.findings import block, warn
from pipeline.content.types import ContentError, Finding
from pipeline.content.walk import Field, Kind

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ALWAYS_KNOWN = frozenset({"email", "language"})


def check(field: Field) -> Iterator[Finding]:
    yield from characters(field.place, field.value)
    try:
        match field.kind:
            case Kind.TITLE | Kind.TEXT:
                yield from _text(field)
            case Kind.HTML:
                yield from _html(field)
            case Kind.URL | Kind.SRC:
                pass  # see `addresses`
    except ContentError as error:
        yield block("text", field.place, "{error}", error=error)


def characters(place: str, text: str) -> Iterator[Finding]:
    if found := _CONTROL.search(text):
        pattern = "line {line}, column {column}: U+{code} is a control character; take it out"
        yield block("control", place, pattern, **_where(text, found))
    if found := _DIRECTION.search(text):
        pattern = "line {line}, column {column}: U+{code} turns the direction of the text around; take it out"
        yield block("direction", place, pattern, **_where(text, found))


def header(place: str, text: str) -> Iterator[Finding]:
    """Of a text that goes into a header field."""
    try:
        headers.HeaderText(text)
    except ContentError as error:
        yield block("header-text", place, "{error}", error=error)


def _text(field: Field) -> Iterator[Finding]:
    if field.kind is Kind.TITLE and not field.value.strip():
        yield block("empty", field.place, "it is empty; give it a text or take it out")
    yield from _fallbacks(field, field.value)


def _html(field: Field) -> Iterator[Finding]:
    seen = ""
    for token in markup.parse(field.value):
        if token.kind == "text":
            yield from _fallbacks(field, token.text, before=seen)
        seen += token.text if token.kind in {"text", "break"} else ""
    for link in links.in_html(field.value):
        if not link.text:
            yield block("link-text", field.place, "the link to {url} has no text to click on", url=link.url)


def _fallbacks(field: Field, text: str, *, before: str = "") -> Iterator[Finding]:
    for part in merge.parse(text, before=before):
        if isinstance(part, merge.Tag) and not part.default and part.field not in _ALWAYS_KNOWN:
            pattern = "{tag} has no fallback and leaves a gap for readers without one; write {how}"
            how = f'{{{{ {part.field} | default("reader") }}}}'
            yield warn("merge-fallback", field.place, pattern, tag=part, how=how)


def _where(text: str, found: re.Match[str]) -> dict[str, object]:
    at = found.start()
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return {"line": line, "column": column, "code": f"{ord(found[0]):04X}"}
