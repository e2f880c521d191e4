"""Findings of mail programs: what the compiled page uses that some of them are known not to show.

Warnings only, one for each feature, quiet about what MJML and our layouts use with a fallback in mind
(`harmless.tsv`). What no data speaks of is not known, and never called fine.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from pipeline.content.preflight import css
from pipeline.content.preflight.clients.table import FAMILIES, PLATFORMS, Row, harmless, table
from pipeline.content.preflight.findings import note, warn
from pipeline.content.preflight.page import Page
from pipeline.content.types import Finding


def check(page: Page, language: str) -> Iterator[Finding]:
    for feature in sorted(_used(page) & table().rows.keys() - harmless().keys()):
        yield from _told(feature, table().rows[feature])
    if language.partition("-")[0].lower() == "ko":
        pattern = (
            "how Naver Mail and Daum Mail show the page is not known, for want of published tests; look at a test send"
        )
        yield note("client-unknown", "page", pattern)


def _told(feature: str, rows: Sequence[Row]) -> Iterator[Finding]:
    refusing = _named(client for row in rows if row.verdict == "n" for client in row.clients)
    unknown = _named(client for row in rows if row.verdict == "u" for client in row.clients)
    told = {"feature": feature, "clients": refusing, "tested": rows[0].tested, "unknown": unknown}
    if refusing and unknown:
        pattern = (
            "“{feature}” is not shown by {clients} (tested {tested}; not known: {unknown}); can readers do without it?"
        )
        yield warn("client-support", "page", pattern, **told)
    elif refusing:
        pattern = "“{feature}” is not shown by {clients} (tested {tested}); can readers do without it?"
        yield warn("client-support", "page", pattern, **told)


def _named(clients: Iterable[str]) -> str:
    """`Gmail, Outlook (Windows, Mac)`: a family whose every member is meant stands for itself."""
    whole, meant = _families(table().clients), _families(clients)
    return ", ".join(
        FAMILIES[family] if set(on) == set(whole[family]) else f"{FAMILIES[family]} ({', '.join(on)})"
        for family, on in meant.items()
    )


def _families(clients: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for client in clients:
        family, _, platform = client.partition(".")
        found.setdefault(family, []).append(PLATFORMS[platform])
    return found


def _used(page: Page) -> set[str]:
    """What the page uses, each feature as the table writes it."""
    styles = {element.get("style") or "" for element in page.by_attribute.get("style", ())}
    sources = {element.get("src") or "" for element in page.tagged("img")}
    targets = {element.get("href") or "" for element in page.tagged("a")}
    return set().union(
        (f"<{tag}>" for tag in page.by_tag),
        (f"{name}=" for name in page.by_attribute),
        *(_features(css.declarations(style)) for style in styles),
        *(_features(rule.declarations) | _heads(rule) for rule in page.rules),
        ("data:" if src.startswith("data:") else PurePosixPath(urlsplit(src).path).suffix.lower() for src in sources),
        ("mailto:" if target.startswith("mailto:") else 'href="#"' for target in targets if _LOCAL.match(target)),
        ("<meta color-scheme>" for meta in page.tagged("meta") if meta.get("name") == "color-scheme"),
    )


@lru_cache(maxsize=4096)
def _features(declared: css.Declarations) -> frozenset[str]:
    """Properties, and what their values are made of; a side of a box counts as the whole box."""
    found = set()
    for name, value, important in declared:
        found |= {name, f"{name}:{value}", _SIDE.sub(r"\1", name)}
        found |= {value} & _SIZES
        found |= {f"{function}()" for function in _FUNCTION.findall(value)}
        found |= {f"{unit} unit" for unit in _UNIT.findall(value)}
        if important:
            found.add("!important")
    return frozenset(found)


@lru_cache(maxsize=1024)
def _heads(rule: css.Rule) -> frozenset[str]:
    """At-rules, and the states in selectors."""
    at = [*rule.at, *([rule.selector] if rule.selector.startswith("@") else [])]
    queries = {f"@media ({query})" for head in at for query in _QUERY.findall(head)}
    return frozenset({*(head.partition(" ")[0] for head in at), *queries, *_STATE.findall(rule.selector)})


_SIZES = frozenset({"fit-content", "min-content", "max-content"})
_LOCAL = re.compile("#|mailto:")
_SIDE = re.compile(r"^(padding|margin|border)-(?:top|right|bottom|left)(?:-(?:color|style|width))?$")
_FUNCTION = re.compile(r"\b([a-z-]+)\(")
_UNIT = re.compile(r"\d(vh|vw|vmin|vmax|rem|ch)\b")
_QUERY = re.compile(r"\(\s*([a-z-]+)")
_STATE = re.compile("::?[a-z-]+")
