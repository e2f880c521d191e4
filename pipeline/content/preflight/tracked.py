"""Findings of the way that links will go: straight, or through a redirect."""

import re
from collections.abc import Iterator
from typing import Final

from pipeline.content import links, merge, tracking, walk
from pipeline.content.preflight.findings import note, warn
from pipeline.content.types import ContentError, Finding, IssueDocument, Link, LinkMode, NewsletterProfile

_SHOWS_AN_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def check(document: IssueDocument, profile: NewsletterProfile | None) -> Iterator[Finding]:
    mode = profile.links if profile else LinkMode.DIRECT
    if mode is LinkMode.PERSONAL:
        why = "each link tells who followed it; readers must know that and have agreed to it"
        yield note("links-personal", "newsletter.links", why)
    for field in walk.fields(document):
        try:
            yield from list(_field(field, led=mode is not LinkMode.DIRECT))
        except ContentError:
            continue  # `texts` and `addresses` tell what is wrong with it


def _field(field: walk.Field, *, led: bool) -> Iterator[Finding]:
    for link in links.in_field(field):
        if tracking.looks_sent(link.url):
            pattern = "“{url}” looks copied from a mail that was sent and may name its reader; write the page's address"
            yield warn("link-copied", field.place, pattern, url=link.url)
        if led:
            yield from _led(field.place, link)


def _led(place: str, link: Link) -> Iterator[Finding]:
    if links.is_web(link.url) and merge.has_tags(link.url):
        pattern = "“{url}” is another address for each reader, so it stays direct and is not counted"
        yield note("link-direct", place, pattern, url=link.url)
    elif tracking.can_be_led(link.url) and _SHOWS_AN_ADDRESS.fullmatch(link.text):
        pattern = "the link shows “{text}” and goes through a redirect; mail programs may warn of fraud. Use words"
        yield warn("link-shows-address", place, pattern, text=link.text)
