"""Rows of cells out of decoded text, in constant memory, whatever the quotes do (RFC 4180, leniently)."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from subscribers.csvfile.encoding import CsvFileError

MAX_ROW: Final = 100_000
"""Characters of one row; below csv's own limit for a field (131,072), so that ours is the one that speaks."""
MAX_REREAD: Final = 20_000_000
"""Characters read again behind quotes that never close, before the file as a whole is refused."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One row that cannot be used."""

    row: int
    """The line of the file on which it begins; the header is usually 1."""
    column: str
    """The column's name as in the file, or empty when the whole row is meant."""
    message: str


@dataclass(slots=True)
class Record:
    row: int
    cells: list[str]


class _RowTooLongError(Exception):
    pass


class Lines:
    """The file's lines, with those of the record in work remembered, so that a broken one can be read anew."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._number = 0
        self._taken: list[str] = []
        self._size = 0
        self.reread = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self._number += 1
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_ROW:
            raise _RowTooLongError
        return line

    def _read(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        rest = line
        while len(rest) > MAX_ROW and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(MAX_ROW + 1)
        return line

    @property
    def row(self) -> int:
        """The line on which the record in work begins."""
        return self._number - len(self._taken) + 1

    @property
    def span(self) -> int:
        return len(self._taken)

    def begin(self) -> None:
        """Forget the lines of the last record: it is done."""
        self._taken.clear()
        self._size = 0

    def give_back(self) -> None:
        """Keep the first line of the record as spent and put the others back."""
        self._again.extendleft(reversed(self._taken[1:]))
        self._number -= len(self._taken) - 1
        self.reread += self._size
        self.begin()


def read_records(lines: Lines, delimiter: str) -> Iterator[Record | RowError]:
    """Yield each row that is not blank. After a broken quote reading goes on at the very next line.

    Raises:
        CsvFileError: there are so many quotes that never close that this cannot be a table.

    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RowTooLongError) as error:
            yield RowError(lines.row, "", _broken(lines, error))
            lines.give_back()
            if lines.reread > MAX_REREAD:
                raise CsvFileError(
                    f"Too many quotation marks are opened and never closed, the last one in row {lines.row - 1}. "
                    "Check how the file was exported."
                ) from error
            continue
        if any(cells):
            yield Record(lines.row, cells)


def _broken(lines: Lines, error: Exception) -> str:
    if lines.span == 1 and isinstance(error, _RowTooLongError):
        return f"The row is longer than {MAX_ROW:,} characters."
    if lines.span == 1 and "expected after" in str(error):
        return "There is text after a closing quotation mark. Inside a quoted cell, double the mark."
    return "A quotation mark is opened and not closed where its cell ends. The rows after it are read as usual."
