"""Where a passage of Markdown stands in its file, so that every error names line and column, both from 1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from markdown_it.tree import SyntaxTreeNode

from pipeline.content.types import ContentError

T = TypeVar("T")


class Position(NamedTuple):
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Passage:
    """The inline source of one block: `content` as Markdown gives it, `lines` as the file has them."""

    content: str
    lines: Sequence[str]
    first_line: int
    source: str

    def error(self, message: str, position: int = 0, *, within: str = "") -> ContentError:
        """An error at `position` of the content, or of the part `within` it that a rule looks at."""
        if within and within != self.content:
            position += max(self.content.find(within), 0)
        before = self.content[:position]
        row = before.count("\n")
        column = position - (before.rfind("\n") + 1)
        return ContentError(
            message, source=self.source, line=self.first_line + row, column=self._indent(row) + column + 1
        )

    def at(self, position: int, function: Callable[[], T], *, within: str = "") -> T:
        """What `function` gives; its `ContentError` without a place gets this one."""
        try:
            return function()
        except ContentError as error:
            if error.line:
                raise
            raise self.error(error.message, position, within=within) from error

    def _indent(self, row: int) -> int:
        """Characters of the file's line before the content's line: the latter is its end, but for closing marks."""
        wanted = self.content.split("\n")[row].rstrip()
        line = self.lines[row].rstrip() if row < len(self.lines) else ""
        return len(line) - len(wanted) if line.endswith(wanted) else max(line.find(wanted), 0)


class Body:
    """A file's text by lines."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.split("\n")
        self._source = source

    def passage(self, node: SyntaxTreeNode) -> Passage:
        """The inline source of `node`, which is of type `inline`."""
        first, last = node.map or (0, 0)
        return Passage(node.content, self._lines[first : max(last, first + 1)], first + 1, self._source)

    def error(self, message: str, node: SyntaxTreeNode) -> ContentError:
        """An error at the first sign of a block."""
        line, column = self.position(node)
        return ContentError(message, source=self._source, line=line, column=column)

    def position(self, node: SyntaxTreeNode) -> Position:
        """The first sign of a block."""
        row = (node.map or (0, 0))[0]
        line = self._lines[row]
        return Position(row + 1, len(line) - len(line.lstrip()) + 1)
