"""What mail programs are known not to show: `support.tsv` and `harmless.tsv`, read once.

The figures are those of caniemail, under the MIT licence that stands beside them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """What some clients do with one feature."""

    tested: str
    """A day, as the tests of the feature were last looked at: `2021-03-09`."""
    verdict: str
    """`n` not shown, `a` partly, `u` not known."""
    clients: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    clients: tuple[str, ...]
    """All that were looked at; what stands for a client in no row is shown."""
    rows: Mapping[str, tuple[Row, ...]]
    """By how the feature is written: `border-radius` `display:flex` `calc()` `:hover` `@import` `<video>` `srcset=`."""


@cache
def table() -> Table:
    rows: dict[str, tuple[Row, ...]] = {}
    clients: tuple[str, ...] = ()
    for cells in _cells("support.tsv"):
        if cells[0] == "# clients":
            clients = tuple(cells[1].split())
        elif not cells[0].startswith("#"):
            feature, tested, verdict, whose, note = cells
            rows[feature] = (*rows.get(feature, ()), Row(tested, verdict, tuple(whose.split()), note))
    return Table(clients, rows)


@cache
def harmless() -> Mapping[str, str]:
    """Features whose absence costs a reader nothing, with the reason."""
    return {cells[0]: cells[1] for cells in _cells("harmless.tsv") if not cells[0].startswith("#")}


def _cells(name: str) -> Iterator[list[str]]:
    for line in files("pipeline.content.preflight.clients").joinpath(name).read_text(encoding="utf-8").splitlines():
        yield line.split("\t")


FAMILIES: Final[Mapping[str, str]] = {
    "gmail": "Gmail",
    "outlook": "Outlook",
    "apple-mail": "Apple Mail",
    "yahoo": "Yahoo Mail",
    "samsung-email": "Samsung Email",
    "thunderbird": "Thunderbird",
}
PLATFORMS: Final[Mapping[str, str]] = {
    "desktop-webmail": "web",
    "mobile-webmail": "web on telephones",
    "outlook-com": "web",
    "windows": "Windows",
    "macos": "Mac",
    "ios": "iPhone",
    "android": "Android",
}
