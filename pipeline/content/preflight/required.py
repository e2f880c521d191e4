"""Findings of what law and good manners ask of every issue, looked for in both parts of the compiled message."""

from collections.abc import Iterator
from html import unescape

from pipeline.content.preflight.findings import block
from pipeline.content.preflight.page import Page
from pipeline.content.types import Finding, NewsletterProfile

_UNSUBSCRIBE = "{{ token.unsubscribe }}"


def check(page: Page, text: str, newsletter: NewsletterProfile) -> Iterator[Finding]:
    """`text` and the page hold their slots as people write them."""
    shown = " ".join("".join(map(str, page.elements[0].itertext())).split())
    if not any(_UNSUBSCRIBE in unescape(link.get("href") or "") for link in page.tagged("a")):
        yield block("unsubscribe-html", "page", "the page has no link to unsubscribe; mend the layout")
    if _UNSUBSCRIBE not in text:
        yield block("unsubscribe-text", "text part", "the text part has no address to unsubscribe; mend the layout")
    if not _stands_in(newsletter.postal_address, shown):
        yield block("postal-address-html", "page", "the postal address is not in the page; mend the layout")
    if not _stands_in(newsletter.postal_address, text):
        yield block("postal-address-text", "text part", "the postal address is not in the text part; mend the layout")


def _stands_in(address: str, text: str) -> bool:
    """Line by line: a layout may put them where it likes, and wrap them."""
    words = "".join(text.split())
    return all("".join(line.split()) in words for line in address.splitlines())
