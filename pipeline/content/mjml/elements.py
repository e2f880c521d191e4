"""MJML read as XML: its elements with the offsets where they stand.

By expat and not by lxml, because it says of everything where it stands, to the character.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import name2codepoint
from typing import Final, Self
from xml.parsers import expat

from pipeline.content.mjml import malformed

_DOCTYPE: Final = "<!DOCTYPE mjml [{}]>".format(
    "".join(f'<!ENTITY {name} "&#{code};">' for name, code in name2codepoint.items() if code > 0x7F)
).encode()
"""HTML's entities, which XML does not know. A declaration of the layout's own is an error behind it."""
_TAG = re.compile("<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_MARKUP = re.compile(rb"<!--.*?-->|<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>", re.DOTALL)


@dataclass(slots=True, eq=False)
class Element:
    """Offsets are in bytes of UTF-8; `characters` turns one into what Python counts."""

    tag: str
    attributes: Mapping[str, str]
    at: int
    """Where its `<` stands."""
    parent: Self | None
    children: list[Self] = field(default_factory=list)
    text_end: int = -1
    """Where the first text directly in it ends that is more than blanks; -1 without any."""
    end: int = -1
    """Where its end tag begins."""

    def ancestors(self) -> Iterator[Self]:
        above = self.parent
        while above is not None:
            yield above
            above = above.parent


def read(source: str) -> list[Element]:
    """All elements in the order in which they open. Raises `malformed.NotWellFormedError`."""
    return _Reader(source.encode()).read()


def characters(source: str, at: int) -> int:
    """An offset in bytes as one in characters."""
    return len(source.encode()[:at].decode(errors="ignore"))


def text_start(source: str, element: Element) -> int:
    """Where the first text directly in the element begins, in bytes."""
    ahead = source.encode()[: element.text_end]
    markup = _MARKUP.match(ahead, ahead.rfind(b"<"))
    text = ahead[markup.end() :] if markup else ahead
    return element.text_end - len(text.lstrip())


def attribute_start(source: str, at: int, name: str) -> int:
    """Where an attribute of the tag at `at` stands; both in characters."""
    tag = _TAG.match(source, at)
    found = re.search(rf"(?<=\s){re.escape(name)}\s*=", tag[0]) if tag else None
    return at + found.start() if found else at


def content(source: str, element: Element) -> tuple[str, int]:
    """What stands between the element's tags, as written, and its offset in bytes."""
    written = source.encode()
    opening = _MARKUP.match(written, element.at)
    start = opening.end() if opening else element.at
    return written[start : element.end].decode(), start


class _Reader:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._elements: list[Element] = []
        self._open: list[Element] = []
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartCdataSectionHandler = self._refuse_cdata
        self._parser.ProcessingInstructionHandler = self._refuse_instruction

    def read(self) -> list[Element]:
        try:
            self._parser.Parse(_DOCTYPE + self._source, True)
        except expat.ExpatError as error:
            at = max(self._parser.ErrorByteIndex - len(_DOCTYPE), 0)
            opened = [(element.tag, element.at) for element in self._open]
            raise malformed.explained(error.code, self._source, at, opened=opened) from error
        return self._elements

    @property
    def _at(self) -> int:
        return self._parser.CurrentByteIndex - len(_DOCTYPE)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        above = self._open[-1] if self._open else None
        element = Element(tag, attributes, self._at, above)
        if above is not None:
            above.children.append(element)
        self._elements.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop().end = self._at

    def _text(self, text: str) -> None:
        # Expat tells of text when it meets what comes after.
        if self._open[-1].text_end < 0 and text.strip():
            self._open[-1].text_end = self._at

    def _refuse_cdata(self) -> None:
        raise malformed.NotWellFormedError("<![CDATA[ is not used in MJML; write & as &amp; and < as &lt;", self._at)

    def _refuse_instruction(self, name: str, _text: str) -> None:
        raise malformed.NotWellFormedError(f"<?{name} is not used in MJML; leave it out", self._at)
