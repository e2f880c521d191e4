"""Style sheets as mail pages have them, taken apart: rules with the at-rules around them, declarations, selectors.

Tolerant, as browsers are: what cannot be read is passed over. For looking at a page, never for writing one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

Declarations: TypeAlias = tuple[tuple[str, str, bool], ...]
"""Property in lower case, value, whether it is `!important`; in order."""


@dataclass(frozen=True, slots=True)
class Compound:
    """What one element must be: `td.press[align]`."""

    tag: str
    identity: str
    classes: frozenset[str]
    attributes: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Selector:
    """Compounds from left to right, and between each two what joins them: `" "` or `">"`."""

    compounds: tuple[Compound, ...]
    joints: tuple[str, ...]
    specificity: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    selector: str
    """As written, commas and all."""
    declarations: Declarations
    at: tuple[str, ...]
    """The at-rules around it, outermost first: `@media (prefers-color-scheme: dark)`."""


@lru_cache(maxsize=128)
def rules(sheet: str) -> tuple[Rule, ...]:
    """The rules of a style sheet in order. An at-rule without braces is a rule whose selector is the at-rule."""
    return tuple(_rules(_COMMENT.sub(" ", sheet)))


@lru_cache(maxsize=4096)
def declarations(block: str) -> Declarations:
    """What stands between braces, or in a style attribute."""
    found = []
    for piece in _DECLARATION.finditer(block):
        name, colon, value = piece[0].partition(":")
        plain = _IMPORTANT.sub("", value).strip()
        if colon and plain:
            found.append((name.strip().lower(), plain, _IMPORTANT.search(value) is not None))
    return tuple(found)


@lru_cache(maxsize=1024)
def selectors(text: str) -> tuple[Selector, ...]:
    """The selectors of a list that can be looked up; those with states, pseudo-elements or siblings are left out."""
    return tuple(found for part in text.split(",") if (found := _selector(part.strip())))


def _rules(sheet: str, around: tuple[str, ...] = ()) -> Iterator[Rule]:
    at = 0
    while head := _HEAD.match(sheet, at):
        words = " ".join(head[1].split())
        at = head.end()
        if head[2] == ";":
            yield Rule(words, (), around)
            continue
        end = _closing(sheet, at)
        body, at = sheet[at:end], end + 1
        if words.startswith("@") and "{" in body:
            yield from _rules(body, (*around, words))
        else:
            yield Rule(words, declarations(body), around)


def _closing(sheet: str, at: int) -> int:
    """Where the brace closes that was opened before `at`; the end, if nowhere."""
    depth = 1
    for brace in _BRACE.finditer(sheet, at):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return len(sheet)


def _selector(text: str) -> Selector | None:
    """None for what is not only of types, classes, ids and attributes, one inside the other."""
    pieces = _JOINT.split(_CHILD.sub(">", " ".join(text.split())))
    found = [_COMPOUND.fullmatch(piece) for piece in pieces[::2]]
    if not all(found) or not all(pieces):
        return None
    compounds = [_compound(match) for match in found if match]
    weights = (
        sum(bool(one.identity) for one in compounds),
        sum(len(one.classes) + len(one.attributes) for one in compounds),
        sum(bool(one.tag) for one in compounds),
    )
    return Selector(tuple(compounds), tuple(pieces[1::2]), weights)


def _compound(found: re.Match[str]) -> Compound:
    marks = [mark[0] for mark in _MARK.finditer(found["marks"])]
    return Compound(
        tag="html" if found["tag"] == ":root" else found["tag"].lower().replace("*", ""),
        identity=next((mark[1:] for mark in marks if mark.startswith("#")), ""),
        classes=frozenset(mark[1:] for mark in marks if mark.startswith(".")),
        attributes=tuple(_attribute(mark[1:-1]) for mark in marks if mark.startswith("[")),
    )


def _attribute(written: str) -> tuple[str, str | None]:
    name, equals, value = written.partition("=")
    return name.lower(), value.strip("\"'") if equals else None


_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_DECLARATION = re.compile(r"""(?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\))+""")
_IMPORTANT = re.compile(r"!\s*important\s*$", re.IGNORECASE)
_HEAD = re.compile(r"\s*([^{};]+)([{;])")
_BRACE = re.compile("[{}]")
_CHILD = re.compile(r"\s*>\s*")
_JOINT = re.compile("([ >])")
_MARK = re.compile(r"""[.#][\w-]+|\[[\w-]+(?:=(?:"[^"]*"|'[^']*'|[\w-]*))?\]""")
_COMPOUND = re.compile(rf"(?P<tag>:root|\*|[A-Za-z][\w-]*|)(?P<marks>(?:{_MARK.pattern})*)")
