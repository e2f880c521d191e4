"""Findings of the newsletter: what a compile takes from it."""

import re
from collections.abc import Iterator

from pipeline.content import headers
from pipeline.content.layout import BRAND
from pipeline.content.preflight import texts
from pipeline.content.preflight.colours import WHITE, colour, contrast
from pipeline.content.preflight.findings import block, warn
from pipeline.content.types import Finding, NewsletterProfile

_SLUG = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


def check(profile: NewsletterProfile) -> Iterator[Finding]:
    if not profile.postal_address.strip():
        yield block("postal-address", "newsletter", "there is no postal address; the law asks for one in every issue")
    if not _SLUG.fullmatch(profile.slug):
        yield block("slug", "newsletter", "“{slug}” is not a slug of a-z, 0-9 and hyphens", slug=profile.slug)
    if not profile.name.strip():
        yield block("name", "newsletter", "the newsletter has no name")
    if not headers.is_address(profile.sender_address):
        address = profile.sender_address
        yield block("sender", "newsletter", "“{address}” is not a sender address", address=address)
    if profile.reply_to and not headers.is_address(profile.reply_to):
        address = profile.reply_to
        yield block("reply-to", "newsletter", "“{address}” is not an address to reply to", address=address)
    yield from _texts(profile)
    yield from _brand(profile)


def _texts(profile: NewsletterProfile) -> Iterator[Finding]:
    for place, text in (("newsletter.sender_name", profile.sender_name), ("newsletter.name", profile.name)):
        yield from texts.header(place, text)
    for place, text in (("newsletter.postal_address", profile.postal_address), ("newsletter.name", profile.name)):
        yield from texts.characters(place, text)


def _brand(profile: NewsletterProfile) -> Iterator[Finding]:
    for name, value in profile.brand.items():
        place = f"newsletter.brand.{name}"
        if name not in BRAND:
            pattern = "the layout has no setting “{name}”; it has {known}"
            yield block("brand", place, pattern, name=name, known=", ".join(BRAND))
        elif not _COLOUR.fullmatch(value):
            yield block("brand", place, "“{value}” is not a colour such as #12355b", value=value)
        elif contrast(WHITE, colour(value) or WHITE) < 4.5:
            pattern = "white text on {value} is hard to read (WCAG asks for 4.5 to 1); choose a darker colour"
            yield warn("contrast-brand", place, pattern, value=value)
