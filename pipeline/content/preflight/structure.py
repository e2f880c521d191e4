"""Findings of what the compiled page tells those who have it read aloud: language, marks, headings, names, roles."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from lxml import etree

from pipeline.content.preflight.findings import warn
from pipeline.content.preflight.page import Page
from pipeline.content.types import Finding, IssueDocument


def check(page: Page, document: IssueDocument) -> Iterator[Finding]:
    yield from _language(page, document)
    yield from _anchors(page)
    yield from _headings(page)
    yield from _names(page)
    yield from _tables(page)


def _language(page: Page, document: IssueDocument) -> Iterator[Finding]:
    said = page.elements[0].get("lang") or ""
    if said != document.language:
        pattern = "the page says that its language is “{said}”, and the issue's is “{language}”; mend the layout"
        yield warn("page-language", "page", pattern, said=said, language=document.language)


def _anchors(page: Page) -> Iterator[Finding]:
    ids = Counter(identity for element in page.elements if (identity := element.get("id")))
    for identity in [identity for identity, times in ids.items() if times > 1]:
        pattern = "the mark #{id} stands {times} times in the page, so links may lead to the wrong one; mend the layout"
        yield warn("anchor-twice", "page", pattern, id=identity, times=ids[identity])
    targets = ids.keys() | {element.get("name") for element in page.tagged("a")}
    for href in dict.fromkeys(element.get("href") or "" for element in page.tagged("a")):
        if href.startswith("#") and href[1:] not in targets:
            yield warn("anchor-missing", "page", "a link leads to {href}, which is nowhere in the page", href=href)


def _headings(page: Page) -> Iterator[Finding]:
    headings = [element for element in page.elements if element.tag in _HEADINGS]
    if (first := len(page.tagged("h1"))) != 1:
        pattern = "the page has {count} headings of the first level, and should have one; mend the layout"
        yield warn("h1", "page", pattern, count=first)
    for one, next_one in pairwise(headings):
        if int(str(next_one.tag)[1]) > int(str(one.tag)[1]) + 1:
            text = _text(next_one)[:40]
            pattern = "“{text}” is a heading of level {level} right after one of level {before}; a level is left out"
            yield warn("heading-order", "page", pattern, text=text, level=str(next_one.tag)[1], before=str(one.tag)[1])
            return


def _names(page: Page) -> Iterator[Finding]:
    """What is read out for pictures and links."""
    if silent := [picture for picture in page.tagged("img") if picture.get("alt") is None]:
        pattern = "{count} pictures have no alt attribute, so their file names are read out; mend the layout ({src})"
        yield warn("page-alt", "page", pattern, count=len(silent), src=silent[0].get("src") or "")
    for link in page.tagged("a"):
        if link.get("href") and not _name(link):
            pattern = "the link to {href} has no text and no name to read out"
            yield warn("page-link-name", "page", pattern, href=link.get("href"))
            return


def _tables(page: Page) -> Iterator[Finding]:
    """A table that arranges says so by its role; one with facts has headings."""
    bare = [table for table in page.tagged("table") if not table.get("role") and not _has_headings(table)]
    if bare:
        pattern = (
            '{count} tables that only arrange lack role="presentation", and are read out cell by cell; mend the layout'
        )
        yield warn("table-role", "page", pattern, count=len(bare))
    if any(table.get("role") in {"presentation", "none"} and _has_headings(table) for table in page.tagged("table")):
        yield warn("table-facts", "page", "a table of facts has the role of one that only arranges; mend the layout")


def _has_headings(table: etree._Element) -> bool:
    """Of its own, not of a table inside it."""
    return any(next(cell.iterancestors("table"), None) is table for cell in table.iter("th", "caption"))


def _name(link: etree._Element) -> str:
    inside = "".join(picture.get("alt") or "" for picture in link.iter("img"))
    return (link.get("aria-label") or link.get("title") or inside or _text(link)).strip()


def _text(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
