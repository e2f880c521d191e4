"""A layout held against what works: its MJML, the style rules in its head, those that go into the elements."""

from collections.abc import Iterator, Sequence
from typing import Final

from pipeline.content import mjml, stylesheet
from pipeline.content.layout import Page
from pipeline.content.mjml.components import BODY, COMPONENTS
from pipeline.content.mjml.elements import Element, characters, content
from pipeline.content.trace import Traced
from pipeline.content.types import ContentError

_MADE: Final = frozenset({"body", "div", "table", "tbody", "td", "tr"})
"""The types of element that the compiler makes of components; which of them is whose is not known here."""


def refuse(page: Page) -> None:
    """Raise the first thing that is wrong with a page, as ContentError with file, line and column of its layout."""
    if found := errors(page):
        raise found[0]


def errors(page: Page) -> list[ContentError]:
    """Everything that is wrong with a page, each with file, line and column of its layout."""
    elements, found = mjml.check(page.mjml)
    found += _head(page.mjml, elements)
    rules = stylesheet.in_elements(page.css.text)
    problems = rules.problems or (() if found else rules.on(_chains(elements)))
    return [*found, *(page.css.error(message, at) for at, message in problems)]


def _head(source: Traced, elements: Sequence[Element]) -> Iterator[ContentError]:
    size = 0
    for element in elements:
        if element.tag == "mj-style":
            css, start = content(source.text, element)
            at = characters(source.text, start)
            yield from (source.error(message, at + offset) for offset, message in stylesheet.in_head(css))
            size += len(css.encode())
            if size > stylesheet.MOST:
                what = f"the style rules up to here take {size:,} bytes"
                yield source.error(f"{what}; Gmail drops those beyond {stylesheet.MOST:,}, so leave some out", at)


def _chains(elements: Sequence[Element]) -> set[stylesheet.Chain]:
    """What the page will be of, as far as selectors can tell: HTML as written, components as what they become."""
    around: dict[Element, stylesheet.Chain] = {}
    chains: set[stylesheet.Chain] = set()
    for element in elements:
        chain = (*(around[element.parent] if element.parent is not None else ()), *_compounds(element))
        around[element] = chain
        chains |= {chain[:-1], chain} if element.tag in BODY else {chain}
    return chains - {()}


def _compounds(element: Element) -> stylesheet.Chain:
    """Of a component the element that bears its class, and one without a class inside."""
    if element.tag in BODY:
        return (_MADE, frozenset(element.attributes.get("css-class", "").split())), (_MADE, frozenset())
    if element.tag in COMPONENTS:
        return ()
    return ((frozenset({element.tag}), frozenset(element.attributes.get("class", "").split())),)
