"""How links go out: as they are written, or through a redirect that counts; with the newsletter's parameters added.

The address of a redirect is known while the issue is compiled: the same link of the same issue has the same key in
every proof of it, in HTML and text. What keys lead to is stored when the proof is made, and nothing else ever is.
"""

import re
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from pipeline.content import links, merge
from pipeline.content.slots import SlotTable
from pipeline.content.types import (
    Context,
    IssueDocument,
    LinkMode,
    NewsletterProfile,
    Redirect,
    Site,
)

READER: Final = "token.click"
"""The slot of personal links. It stands last, so that all links of a reader share one value."""
KEY: Final = re.compile("[a-z2-7]{16}")
"""A key: base32 of 10 bytes, which needs no padding."""
_KEY_BYTES: Final = 10
_SENT_BEFORE: Final = re.compile(rf"https?://[^/?#]+/c/{KEY.pattern}(?:[/?#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tracking:
    """What the keys of an issue are made from."""

    issue: str
    """What tells this issue from every other of the installation."""
    secret: bytes = field(repr=False)
    """Up to 64 bytes, so that nobody outside can tell a key beforehand."""

    def key(self, target: str) -> str:
        """Keyed BLAKE2b (RFC 7693) of issue and address, in lower-case base32: 16 characters."""
        told = f"{self.issue}\n{target}".encode()
        digest = blake2b(told, digest_size=_KEY_BYTES, key=self.secret, person=b"link").digest()
        return b32encode(digest).decode("ascii").lower()


class LinkTable:
    """The links of one issue while it is compiled: gives each its address, and knows which need a redirect."""

    def __init__(
        self,
        document: IssueDocument,
        newsletter: NewsletterProfile,
        *,
        site: Site,
        slots: SlotTable,
        tracking: Tracking | None = None,
    ) -> None:
        """Without `tracking` all links are direct, whatever the newsletter says."""
        self._document, self._base_url, self._slots = document, site.base_url, slots
        self._tracking = None if newsletter.links is LinkMode.DIRECT else tracking
        self._personal = newsletter.links is LinkMode.PERSONAL
        self._parameters = parameters(document, newsletter)
        self._redirects: dict[str, tuple[str, str]] = {}

    def address(self, url: str) -> str:
        """The wire form of what a person wrote, with its merge tags as tokens; not yet escaped for HTML."""
        parts = merge.parse(url)
        plain = links.normal("".join(part if isinstance(part, str) else self._token(part) for part in parts))
        target = links.with_parameters(plain, self._parameters)
        if self._tracking is None or not can_be_led(url):
            return target
        return self._redirect(url, self._tracking.key(target), target)

    def leads(self, url: str) -> bool:
        """Whether this link goes through the redirect."""
        return self._tracking is not None and can_be_led(url)

    def redirects(self) -> tuple[Redirect, ...]:
        """What was asked for, in reading order; what only the layout has stands last."""
        texts: dict[str, list[str]] = {}
        for link in links.of(self._document):
            texts.setdefault(link.url, []).append(link.text)
        asked = [*filter(self._redirects.__contains__, texts), *(url for url in self._redirects if url not in texts)]
        made: dict[str, Redirect] = {}
        for url in asked:
            key, target = self._redirects[url]
            made.setdefault(key, Redirect(key, url, target, " · ".join(filter(None, texts.get(url, ())))))
        return tuple(made.values())

    def _redirect(self, url: str, key: str, target: str) -> str:
        self._redirects[url] = key, target
        reader = f"/{self._slots.token(READER, Context.URL)}" if self._personal else ""
        return f"{self._base_url}/c/{key}{reader}"

    def _token(self, tag: merge.Tag) -> str:
        return self._slots.token(tag.field, Context.URL, default=tag.default)


def parameters(document: IssueDocument, newsletter: NewsletterProfile) -> Mapping[str, str]:
    """What is added to the issue's web links, with `{number}`, `{date}` and `{language}` filled in."""
    told = {"{number}": f"{document.number}", "{date}": document.date.isoformat(), "{language}": document.language}
    marks = re.compile("|".join(map(re.escape, told)))
    return {name: marks.sub(lambda mark: told[mark[0]], value) for name, value in newsletter.utm.items()}


def problem(url: str) -> str:
    """What is wrong with an address for a redirect to lead to, in words for a person; empty when nothing is.

    Raises ContentError for a broken merge tag in it.
    """
    if wrong := links.problem(url):
        return wrong
    if not can_be_led(url):
        return "a redirect leads everybody to the same page: https:// or http://, without merge tags"
    return "it is a redirect of a mail that was sent; write the page's own address" if looks_sent(url) else ""


def can_be_led(url: str) -> bool:
    """Whether a redirect can stand for it: pages, but for an address that is unusable or differs from reader to reader.

    Raises ContentError for a broken merge tag in it.
    """
    return links.is_web(url) and not merge.has_tags(url) and not links.problem(url)


def looks_sent(url: str) -> bool:
    """Whether it has the shape of a redirect: of a mail of this house, or of another with the same software."""
    return _SENT_BEFORE.fullmatch(url) is not None
