r"""Attribute lists: `{.citation}`, `{source="MOLIT" date=2021-08-23}`.

An attribute is a class (`.name`) or a name with a value, bare or in double quotes; inside quotes `\"` and `\\`
stand for the signs themselves.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pipeline.content.issuefile.places import Passage
from pipeline.content.types import ContentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    """With its dot for a class."""
    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Attributes:
    items: tuple[Attribute, ...]
    end: int
    """The position after the closing brace."""
    passage: Passage
    within: str
    """The part of the passage in which the positions count."""

    def names(self) -> set[str]:
        return {item.name for item in self.items}

    def read(self, what: str, allowed: tuple[str, ...]) -> dict[str, str]:
        """Name → value. Raises `ContentError` at the first attribute that `what` does not take."""
        for item in self.items:
            if item.name not in allowed:
                takes = f"takes {', '.join(allowed)}" if allowed else "takes no attributes"
                raise self.error(f"{what} {takes}, not {item.name}", item.name)
        return {item.name: item.value for item in self.items}

    def error(self, message: str, name: str) -> ContentError:
        """An error at the attribute called `name`."""
        position = next((item.position for item in self.items if item.name == name), 0)
        return self.passage.error(message, position, within=self.within)

    def converted(self, name: str, convert: Callable[[str], T]) -> T | None:
        """What `convert` makes of the attribute, None without it. A `ContentError` gets its place."""
        item = next((item for item in self.items if item.name == name), None)
        if item is None:
            return None
        return self.passage.at(item.position, partial(convert, item.value), within=self.within)


_ITEM = re.compile(
    r"(?P<class>\.[A-Za-z][\w-]*)"
    r"|(?P<name>[A-Za-z][\w-]*)=(?:\"(?P<quoted>(?:[^\"\\\n]|\\[^\n])*)\"|(?P<bare>[^\s\"{}=,;]+))"
)
_SPACE = re.compile(r"\s*")


def read_attributes(text: str, start: int, passage: Passage) -> Attributes:
    """The attribute list whose brace opens at `start`. Raises `ContentError` when it cannot be read."""
    items: list[Attribute] = []
    position = start + 1
    while True:
        blank = _SPACE.match(text, position)
        after = blank.end() if blank else position
        if items and text.startswith("}", after):
            return Attributes(tuple(items), after + 1, passage, text)
        item = _ITEM.match(text, after)
        if not item or (items and after == position):
            raise passage.error(_UNREADABLE, after if items else start, within=text)
        attribute = _attribute(item)
        if attribute.name in {each.name for each in items}:
            raise passage.error(f"{attribute.name} stands twice in this list", after, within=text)
        items.append(attribute)
        position = item.end()


_UNREADABLE = (
    'no attribute list such as {.citation} or {source="MOLIT" date=2021-08-23}; for the brace itself write \\{'
)


def _attribute(item: re.Match[str]) -> Attribute:
    if item["class"]:
        return Attribute(item["class"], "", item.start())
    value = item["bare"] or re.sub(r"\\(.)", r"\1", item["quoted"] or "")
    return Attribute(item["name"], value, item.start())


_BARE = {"date", "lang"}
"""Values that hold letters, digits and hyphens alone, written without quotes."""


def write_attributes(*classes: str, **values: str) -> str:
    """`{.class name="value"}` of what is not empty; the empty string when nothing is left."""
    items = [*classes, *(f"{name}={_value(name, value)}" for name, value in values.items() if value)]
    return f"{{{' '.join(items)}}}" if items else ""


def _value(name: str, value: str) -> str:
    if name in _BARE and re.fullmatch(r"[A-Za-z0-9-]+", value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
