"""Findings of the newsletter: what a compile takes from it."""

import re
from collections.abc import Iterator

from pipeline.content import brand, headers
from pipeline.content.preflight import texts
from pipeline.content.preflight.findings import block, warn
from pipeline.content.types import Finding, NewsletterProfile

_SLUG = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")


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
    wrong = {name: problem for name, value in profile.brand.items() if (problem := brand.problem(name, value.strip()))}
    for problem in wrong.values():
        yield block("brand", f"newsletter.brand.{problem.setting}", problem.pattern, **problem.values)
    for problem in brand.hard_to_read({name: value for name, value in profile.brand.items() if name not in wrong}):
        yield warn("contrast-brand", f"newsletter.brand.{problem.setting}", problem.pattern, **problem.values)
