"""Rules that set the same thing by different properties: a shorthand here, a part of it there.

premailer keeps a property at the place where it first met it, and so the wrong one may win: of
`p{padding:1px} .b{padding-left:3px} p.b{padding:9px}` it makes `padding:9px; padding-left:3px`, and of
`p{padding-left:3px}` on an element with `style="padding:0;padding-left:1px"` it makes `padding-left:1px; padding:0`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final, TypeAlias

from pipeline.content.stylesheet.sheet import Problem, Rule

Compound: TypeAlias = tuple[frozenset[str], frozenset[str]]
"""Of a selector: the one type that it asks for, or none, and the classes. Of an element: what types it may have."""
Chain: TypeAlias = tuple[Compound, ...]
"""A selector from left to right; an element with all that it stands in, the outermost first."""

_SIDES, _ASPECTS = ("top", "right", "bottom", "left"), ("width", "style", "color")
_CORNERS = ("top-left", "top-right", "bottom-right", "bottom-left")
_WHOLES: Final = {
    "background": "color image repeat attachment position size origin clip",
    "columns": "width count",
    "flex": "grow shrink basis",
    "list-style": "type position image",
    "margin": "top right bottom left",
    "outline": "width style color",
    "overflow": "x y",
    "padding": "top right bottom left",
    "text-decoration": "line style color thickness",
}
_PARTS: Final[dict[str, frozenset[str]]] = {
    **{whole: frozenset(f"{whole}-{part}" for part in parts.split()) for whole, parts in _WHOLES.items()},
    "border": frozenset(f"border-{side}-{aspect}" for side, aspect in product(_SIDES, _ASPECTS)),
    **{f"border-{side}": frozenset(f"border-{side}-{aspect}" for aspect in _ASPECTS) for side in _SIDES},
    **{f"border-{aspect}": frozenset(f"border-{side}-{aspect}" for side in _SIDES) for aspect in _ASPECTS},
    "border-radius": frozenset(f"border-{corner}-radius" for corner in _CORNERS),
    "font": frozenset({*(f"font-{part}" for part in ("family", "size", "style", "weight", "variant")), "line-height"}),
}
"""Shorthands, and the single properties that they set."""


@dataclass(frozen=True, slots=True)
class Clash:
    one: Chain
    other: Chain
    """The selectors of two rules that would clash on an element that both choose."""
    problem: Problem


def overlap(one: str, other: str) -> bool:
    """Whether two different properties set the same thing."""
    return one != other and bool(_PARTS.get(one, frozenset({one})) & _PARTS.get(other, frozenset({other})))


def possible(rules: Sequence[Rule]) -> Iterator[Clash]:
    """Every two rules that would clash, unless the types that they ask for keep them apart."""
    chosen = [(rule, selector) for rule in rules for selector in _selectors(rule)]
    for (first, one), (second, other) in combinations(chosen, 2):
        types, others = one[-1][0], other[-1][0]
        if first is second or (types and others and types != others):
            continue
        for left, right in product(first.declarations, second.declarations):
            if overlap(left.name, right.name):
                why = f"{right.name} here and {left.name} in an earlier rule hit the same element"
                message = f"{why}, and the inliner may write them in the wrong order; use the same property in both"
                yield Clash(one, other, (right.at, message))


def actual(clashes: Iterable[Clash], elements: Iterable[Chain]) -> list[Problem]:
    """Those that come true with these elements, one for each place. A child (`>`) is taken for any descendant."""
    there = tuple(elements)
    found: dict[int, Problem] = {}
    for clash in clashes:
        if any(_chooses(clash.one, each) and _chooses(clash.other, each) for each in there):
            found.setdefault(clash.problem[0], clash.problem)
    return list(found.values())


def _selectors(rule: Rule) -> Iterator[Chain]:
    for selector in "".join(token.text for token in rule.selector).split(","):
        yield tuple(_compound(text) for text in selector.replace(">", " ").split())


def _compound(text: str) -> Compound:
    kind, *classes = text.split(".")
    return frozenset({kind} if kind else ()), frozenset(classes)


def _chooses(selector: Chain, element: Chain) -> bool:
    *around, last = selector
    if not _fits(last, element[-1]):
        return False
    above = iter(element[:-1])
    return all(any(_fits(each, ancestor) for ancestor in above) for each in around)


def _fits(wanted: Compound, there: Compound) -> bool:
    return wanted[0] <= there[0] and wanted[1] <= there[1]
