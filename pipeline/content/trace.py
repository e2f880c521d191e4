"""Where rendered text came from: marks in the templates, and places found again by them.

A layout is rendered before it is checked, but its errors have to name the file, line and column as a person wrote them.
So each template gets marks where its tags or style rules begin. They come out with the text, wherever loops, macros
and includes put it, and are taken off before any other tool sees it.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Self

from pipeline.content.types import ContentError

_JINJA = r"""\{\#.*?\#\}
    | \{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}
    | \{%(?:"[^"]*"|'[^']*'|[^"'])*?%\}
    | \{\{(?:"[^"]*"|'[^']*'|[^"'])*?\}\}"""
_MARKUP = re.compile(rf"{_JINJA} | (?P<here>)<(?=[A-Za-z/!?])", re.VERBOSE | re.DOTALL)
_STYLE = re.compile(
    rf"""{_JINJA} | /\*.*?\*/ | "[^"\n]*" | '[^'\n]*' | (?:^|(?<=\n))[ \t]*(?P<here>)(?!\{{[%#])[^\s/"'{{]""",
    re.VERBOSE | re.DOTALL,
)
_MARK = re.compile("\x02([0-9]+):([0-9]+)\x03")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    """As errors name it: `bulletin/layout.mjml`."""
    source: str
    """As it was written, with line ends as `\\n`."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Text that templates made, without its marks, and where they stood."""

    text: str
    files: Sequence[File]
    offsets: Sequence[int]
    """Where in the text a mark stood, ascending …"""
    origins: Sequence[tuple[int, int]] = field(repr=False)
    """… and which file and offset it names. A mark's text is the file's from there on, until a template's own
    language intervenes."""

    @classmethod
    def plain(cls, text: str, name: str) -> Self:
        """Text that is a file as it stands."""
        return cls(text, (File(name, text),), (0,), ((0, 0),))

    @classmethod
    def rendered(cls, text: str, files: Sequence[File], *, name: str) -> Self:
        """Take the marks off. What stands before the first is said to come from the start of the file `name`."""
        first = next((number for number, file in enumerate(files) if file.name == name), 0)
        pieces, offsets, origins, at = list[str](), [0], [(first, 0)], 0
        for index, piece in enumerate(_MARK.split(text)):
            if index % 3 == 0:
                pieces.append(piece)
                at += len(piece)
            elif index % 3 == 1:
                offsets.append(at)
                origins.append((int(piece), 0))
            else:
                origins[-1] = origins[-1][0], int(piece)
        return cls("".join(pieces), files, offsets, origins)

    def error(self, message: str, offset: int, *, word: str = "") -> ContentError:
        """An error at an offset of the text. `word`: what stands there, to be looked for when a template made it."""
        source, line, column = self.place(offset, word=word)
        return ContentError(message, source=source, line=line, column=column)

    def place(self, offset: int, *, word: str = "") -> tuple[str, int, int]:
        """File, line and column, from 1, of an offset of the text.

        Exact where nothing but template text lies between it and a mark; else the place where the template's language
        intervenes, or that of `word` behind it.
        """
        number = bisect_right(self.offsets, offset) - 1
        file, at, exact = self._ahead(number, offset)
        if not exact and number + 1 < len(self.offsets) and (found := self._back(number + 1, offset)):
            file, at = found
        elif not exact and word:
            at = self._near(file, at, word)
        source = file.source
        return file.name, source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)

    def _origin(self, number: int) -> tuple[File, int]:
        index, at = self.origins[number]
        file = self.files[min(index, len(self.files) - 1)]
        return file, min(at, len(file.source))

    def _ahead(self, number: int, offset: int) -> tuple[File, int, bool]:
        """Walk template and text alike from the mark before."""
        (file, at), start = self._origin(number), self.offsets[number]
        pairs = zip(file.source[at:], self.text[start:offset], strict=False)
        walked = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return file, at + walked, walked == offset - start

    def _back(self, number: int, offset: int) -> tuple[File, int] | None:
        """Walk both backwards from the mark behind; None unless that reaches the offset."""
        (file, at), end = self._origin(number), self.offsets[number]
        written = self.text[offset:end]
        start = at - len(written)
        return (file, start) if start >= 0 and file.source[start:at] == written else None

    @staticmethod
    def _near(file: File, at: int, word: str) -> int:
        """The next place of a word within its tag, else `at`."""
        found = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])").search(file.source, at)
        return found.start() if found and "<" not in file.source[at : found.start()] else at


def marked(source: str, number: int, *, name: str) -> str:
    """The source with its marks, for file `number`: before each tag of MJML, before each line of a style sheet.

    Other files, such as text, get none. Nothing is put into the template's own language.
    """
    pattern = {"mjml": _MARKUP, "css": _STYLE}.get(name.rpartition(".")[2])
    if pattern is None:
        return source

    def mark(found: re.Match[str]) -> str:
        if found["here"] is None:
            return found[0]
        at, cut = found.start("here"), found.start("here") - found.start()
        return f"{found[0][:cut]}\x02{number}:{at}\x03{found[0][cut:]}"

    return pattern.sub(mark, source)
