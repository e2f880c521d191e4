"""The compiled page, parsed once for all checks: its elements, its style rules, and which rule meets which element.

What stands in comments, Outlook's conditional ones too, is no part of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from lxml import etree

from pipeline.content.preflight import css


@dataclass(frozen=True, slots=True)
class Page:
    elements: tuple[etree._Element, ...]
    """In document order, the root first."""
    rules: tuple[css.Rule, ...]
    """Of all style blocks, in order."""
    by_class: Mapping[str, Sequence[etree._Element]]
    by_tag: Mapping[str, Sequence[etree._Element]]
    by_attribute: Mapping[str, Sequence[etree._Element]]

    @classmethod
    def read(cls, html: str) -> Self:
        root = etree.fromstring(html.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8"))
        elements = tuple(root.iter(etree.Element))
        by_class: dict[str, list[etree._Element]] = {}
        by_tag: dict[str, list[etree._Element]] = {}
        by_attribute: dict[str, list[etree._Element]] = {}
        for element in elements:
            by_tag.setdefault(str(element.tag), []).append(element)
            for name in element.attrib:
                by_attribute.setdefault(str(name), []).append(element)
            for name in (element.get("class") or "").split():
                by_class.setdefault(name, []).append(element)
        rules = tuple(rule for block in by_tag.get("style", ()) for rule in _rules_of(block))
        return cls(elements, rules, by_class, by_tag, by_attribute)

    def tagged(self, *tags: str) -> list[etree._Element]:
        """All elements of these types; in document order within each."""
        return [element for tag in tags for element in self.by_tag.get(tag, ())]

    def matching(self, selector: css.Selector) -> set[etree._Element]:
        """The elements that a selector means. From the left, because libxml2 walks down a tree faster than we up."""
        found = self._meant(selector.compounds[0])
        for joint, compound in zip(selector.joints, selector.compounds[1:], strict=True):
            outer, wanted = found, self._meant(compound)
            if joint == ">":
                found = {element for element in wanted if element.getparent() in outer}
            else:
                inside = (each.iterdescendants(compound.tag or None) for each in outer)
                found = {element for descendants in inside for element in descendants if element in wanted}
        return found

    def _meant(self, compound: css.Compound) -> set[etree._Element]:
        """Those that are what a compound says, wherever they stand."""
        asked = (*compound.attributes, *((("id", compound.identity),) if compound.identity else ()))
        lists = [self.by_class.get(name, ()) for name in compound.classes]
        lists += [self.by_attribute.get(name, ()) for name, _ in asked]
        if compound.tag or not lists:
            lists.append(self.by_tag.get(compound.tag, ()) if compound.tag else self.elements)
        found = set(lists[0]).intersection(*lists[1:])
        return (
            {each for each in found if all(value in {None, each.get(name)} for name, value in asked)}
            if asked
            else found
        )


def own_text(element: etree._Element) -> str:
    """The text that stands directly in an element, not in its children."""
    return "".join((element.text or "", *(child.tail or "" for child in element)))


def _rules_of(block: etree._Element) -> Iterator[css.Rule]:
    media = block.get("media")
    for rule in css.rules(block.text or ""):
        yield css.Rule(rule.selector, rule.declarations, (f"@media {media}", *rule.at)) if media else rule
