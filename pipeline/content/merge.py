"""Merge tags: `{{ first_name }}` and `{{ first_name | default("there") }}`.

The whole language is that: a field from the list below and a fallback. There are no expressions, filters or loops,
so that editors' text can neither compute nor read anything else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from pipeline.content.types import ContentError

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_name": "given name",
        "last_name": "family name",
        "name": "full name",
        "email": "e-mail address",
        "language": "language of the subscription, such as en or ko",
    }
)
"""Every field that a merge tag may name, with its meaning."""

SAMPLES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": MappingProxyType({"first_name": "Robin", "last_name": "Miller"}),
        "ko": MappingProxyType({"first_name": "하늘", "last_name": "김"}),
    }
)
"""Names of nobody, by language, for tests and proofs."""

_TAG = re.compile(
    r"""\{\{ \s* (?P<field>[A-Za-z_][A-Za-z0-9_]*) \s*
        (?: \| \s* default \s* \( \s* (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') \s* \) \s* )? \}\}""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CURLY_QUOTES = re.compile("[\u2018\u2019\u201c\u201d]")
_HOW = 'write {{ first_name }} or {{ first_name | default("there") }}'


@dataclass(frozen=True, slots=True)
class Tag:
    field: str
    default: str = ""

    def __str__(self) -> str:
        """The tag as an editor writes it."""
        if not self.default:
            return f"{{{{ {self.field} }}}}"
        quoted = self.default.replace("\\", "\\\\").replace('"', '\\"')
        return f'{{{{ {self.field} | default("{quoted}") }}}}'


Part: TypeAlias = str | Tag


@lru_cache(maxsize=4096)  # every stage of a compile takes the same texts apart
def parse(template: str, *, source: str = "", before: str = "") -> tuple[Part, ...]:
    """Split text into literal text and tags, in order; empty literals are left out.

    `source` names the text in errors; `before` is the text that stands ahead of it in the same field, so that
    line and column are counted from where the field starts.

    Raises ContentError, with line and column, for anything after `{{` that is not a tag of a known field.
    """
    parts: list[Part] = []
    at = 0
    while (opened := template.find("{{", at)) >= 0:
        match = _TAG.match(template, opened)
        if match is None or match["field"] not in FIELDS:
            raise _refusal(template, opened, source=source, before=before)
        parts += [template[at:opened], Tag(match["field"], _unquoted(match["text"] or ""))]
        at = match.end()
    parts.append(template[at:])
    return tuple(part for part in parts if part != "")


def has_tags(template: str) -> bool:
    """Whether a text differs from reader to reader. Raises ContentError as `parse` does."""
    return any(isinstance(part, Tag) for part in parse(template))


def fill(parts: tuple[Part, ...], values: Mapping[str, str]) -> str:
    """Put values in: a value that is missing or blank gives way to the fallback."""
    return "".join(
        part if isinstance(part, str) else values.get(part.field, "").strip() or part.default for part in parts
    )


def samples(language: str) -> Mapping[str, str]:
    """Names to show an issue in this language with; English ones where there are none."""
    return SAMPLES.get(language.lower().partition("-")[0], SAMPLES["en"])


def _unquoted(literal: str) -> str:
    return _ESCAPED.sub(r"\1", literal[1:-1])


def _refusal(template: str, opened: int, *, source: str, before: str) -> ContentError:
    ahead = before + template[:opened]
    line, column = ahead.count("\n") + 1, len(ahead) - (ahead.rfind("\n") + 1) + 1
    return ContentError(_reason(template, opened), source=source, line=line, column=column)


def _reason(template: str, opened: int) -> str:
    closed = template.find("}}", opened)
    if closed < 0:
        return f"a merge tag is opened with {{{{ and not closed; {_HOW}"
    written = template[opened : closed + 2]
    match = _TAG.match(template, opened)
    if match is not None:
        return f"there is no field {match['field']!r} for a merge tag; there are {', '.join(FIELDS)}"
    if _CURLY_QUOTES.search(written):
        return f"{written} has curly quotes; a fallback stands in straight ones: {_HOW}"
    return f"{written} is not a merge tag; {_HOW}"
