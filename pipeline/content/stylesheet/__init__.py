"""Style rules of a layout: what inline.css and head.css may hold, because of what the inliner and mail programs do.

premailer writes inline.css into the elements. It passes over selectors that it does not know, keeps one of several
values, and gets the order of shorthands wrong; mail programs drop whole blocks for one rule that they do not know. So
each of these is an error here, with its reason. Read with cssutils' tokenizer, which premailer brings (`sheet`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pipeline.content.stylesheet.clash import Chain, Clash, actual, overlap, possible
from pipeline.content.stylesheet.sheet import AtRule, Problem, Rule, read

__all__ = ["MOST", "Chain", "Inlined", "Problem", "in_elements", "in_head", "overlap"]

MOST: Final = 16_384 - 2_048
"""Bytes. Gmail drops all rules beyond 16 KB of a page; some of that is the compiler's own."""

_OUT_OF_PLACE: Final = {
    "@import": "no mail program loads it, and the inliner would fetch it; copy its rules here",
    "@font-face": "readers would fetch the font from elsewhere; name fonts that they have",
}
_COMPOUND = r"(?:[\w-]+(?:\.[\w-]+)*|(?:\.[\w-]+)+)"
_SELECTORS = re.compile(rf"{_COMPOUND}(?:\s*[\s>]\s*{_COMPOUND})*(?:\s*,\s*{_COMPOUND}(?:\s*[\s>]\s*{_COMPOUND})*)*")
_CHOSEN: Final = "Elements are chosen by types and classes, descendants (.a b) and children (.a > b) alone"


@dataclass(frozen=True, slots=True)
class Inlined:
    """Rules that are to be written into elements."""

    problems: tuple[Problem, ...]
    """What is wrong with them whatever the page is."""
    clashes: tuple[Clash, ...] = ()

    def on(self, elements: Iterable[Chain]) -> list[Problem]:
        """What is wrong with them on a page of these elements."""
        return actual(self.clashes, elements) if self.clashes else []


@lru_cache(maxsize=64)
def in_elements(css: str) -> Inlined:
    """Look at rules that are to be written into elements."""
    sheet = read(css)
    problems = list(sheet.problems)
    for item in sheet.at_rules:
        why = _OUT_OF_PLACE.get(item.name, "it cannot be written into elements; put it into head.css")
        problems.append((item.at, f"{item.name} has no place in inline.css: {why}"))
    for rule in sheet.rules:
        problems += (*_selector(rule), *_loading(rule), *_declared(rule))
    if problems:
        return Inlined(tuple(sorted(problems)))
    return Inlined((), tuple(possible(sheet.rules)))


@lru_cache(maxsize=64)
def in_head(css: str) -> tuple[Problem, ...]:
    """What is wrong with rules that stay in the head of a page."""
    sheet = read(css)
    problems = [*sheet.problems, *(found for item in sheet.at_rules for found in _at_rule(item))]
    for rule in sheet.rules:
        problems += (*_loading(rule), *_cramped(rule))
    return tuple(sorted(problems))


def _at_rule(item: AtRule) -> Iterator[Problem]:
    if item.within:
        why = "and Gmail then drops the whole block; write it apart"
        yield item.at, f"{item.name} stands inside {item.within}, {why}"
    elif item.name != "@media":
        unknown = "many mail programs do not know it, and some then drop the whole block; only @media is used"
        yield item.at, f"{item.name} has no place in mail: {_OUT_OF_PLACE.get(item.name, unknown)}"


def _selector(rule: Rule) -> Iterator[Problem]:
    known = {"IDENT", "S"}
    strange = (token for token in rule.selector if token.kind not in known and token.text not in {".", ">", ","})
    if token := next(strange, None):
        why = "the inliner passes over it without a word, or gets its weight wrong"
        yield token.at, f"{token.text!r} has no place in a selector of inline.css: {why}. {_CHOSEN}"
        return
    text = "".join(token.text for token in rule.selector)
    if not _SELECTORS.fullmatch(text.strip()):
        yield rule.selector[0].at, f"{text.strip()!r} is no selector. {_CHOSEN}"


def _loading(rule: Rule) -> Iterator[Problem]:
    for each in rule.declarations:
        for token in each.value:
            if token.kind == "URI" or token.text.lower().startswith("url("):
                yield token.at, f"{each.name} would load something; a picture belongs into mj-image or background-url"


def _declared(rule: Rule) -> Iterator[Problem]:
    names: list[str] = []
    for each in rule.declarations:
        if each.name in names:
            yield each.at, f"{each.name} stands twice in this rule, and the inliner keeps one alone; keep one"
        elif other := next((name for name in names if overlap(each.name, name)), ""):
            why = f"{each.name} and {other} set the same thing, and the inliner may write them in the wrong order"
            yield each.at, f"{why}; say it in one of them"
        names.append(each.name)
        yield from ((token.at, said) for token in each.value if (said := _value(token.text.lower())))


def _value(text: str) -> str:
    if text == "!":
        return "!important has no place in inline.css: a style of the element wins all the same; put it into head.css"
    if text.startswith("var("):
        return "var() is not known to many mail programs; write the value itself"
    return ""


def _cramped(rule: Rule) -> Iterator[Problem]:
    for each in rule.declarations:
        for before, token in zip(each.value, each.value[1:], strict=False):
            if token.text == "!" and before.kind != "S":
                yield token.at, "write a blank before !important; Outlook passes over it otherwise"
