"""Lines of the text part, filled by display width: a Korean, Chinese or Japanese character takes two columns."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from wcwidth import wcswidth

WIDTH: Final = 72
"""Columns, so that a line survives being quoted once or twice."""

_SPACE: Final = re.compile(r"[ \t\n\r\f\v]+")
"""Where a line may always end. A no-break space is none of these."""
_IDEOGRAPHS: Final = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_KANA: Final = "\u3041-\u3096\u309f\u30a1-\u30fa\u30ff"
_SMALL: Final = "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"
_OPENING: Final = "「『（［｛【〔《〈"
_CLOSING: Final = "」』）］｝】〕》〉、。，．：；！？・…ー々〻\u3000"
_BETWEEN: Final = re.compile(
    f"(?<=[{_IDEOGRAPHS}{_KANA}{_CLOSING}])(?=[{_IDEOGRAPHS}{_KANA}{_OPENING}])(?![{_SMALL}々〻])"
)
"""Where Chinese and Japanese break without a space (after UAX 14, JIS X 4051): between ideographs and kana, not after
what opens and not before what closes. Hangul never does: Korean breaks at its spaces."""


def width(text: str) -> int:
    """Columns on a terminal; one for each character when the text holds controls."""
    if text.isascii():  # by far the most, and controls count one as well
        return len(text)
    return len(text) if (columns := wcswidth(text)) < 0 else columns


def fill(
    text: str, *, first: str = "", rest: str | None = None, measure: Callable[[str], int] = width
) -> Iterator[str]:
    """Lines of at most WIDTH columns; a word that is wider alone, such as an address, has its line to itself.

    `first` and `rest` stand before the first line and the further ones; without `rest`, blanks as wide as `first`.
    At least one line. None ends with white space.
    """
    words = list(filter(None, _SPACE.split(text)))
    if measure(whole := first + " ".join(words)) <= WIDTH:
        yield whole.rstrip()
        return
    behind = " " * measure(first) if rest is None else rest
    line, used, empty = first, measure(first), True
    for gap, piece in _pieces(words):
        columns = measure(piece)
        if not empty and used + len(gap) + columns > WIDTH:
            yield line.rstrip()
            line, used, empty = behind, measure(behind), True
        lead = "" if empty else gap
        line, used, empty = line + lead + piece, used + len(lead) + columns, False
    yield line.rstrip()


def _pieces(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What no line may end within, each with what stands before it on the same line: a space or nothing."""
    for word in words:
        gap = " "
        for piece in _BETWEEN.split(word):
            yield gap, piece
            gap = ""
