"""An issue file compiled and judged, by commands that touch neither database nor network."""

import os
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

from pipeline.commands.layout import own_layouts
from pipeline.content import compile as chain
from pipeline.content import layout, preflight
from pipeline.content.issuefile import IssueFile
from pipeline.content.preflight.findings import note
from pipeline.content.types import (
    Compilation,
    ContentError,
    Finding,
    NewsletterProfile,
    PictureUse,
    PublicPicture,
    Site,
)
from pipeline.issuefolder import IssueFolder, Tried


def compiled(folder: IssueFolder, tried: Tried) -> Compilation:
    """Compile it; the same file with the same pictures gives the same bytes. Raises ContentError."""
    issue, site = folder.issue, site_of(folder.issue)
    newsletter, pictures = issue.newsletter or _stand_in(issue.document.newsletter), _public(tried, site)
    _check_layout(folder, newsletter.layout)
    nonce = sha256(repr((issue, site, pictures)).encode()).hexdigest()[:16]
    return chain.compile_issue(issue.document, newsletter, site, nonce=nonce, layouts=own_layouts(), pictures=pictures)


def _check_layout(folder: IssueFolder, name: str) -> None:
    """Raise ContentError, at the place where the file names it, for a layout that does not exist."""
    try:
        layout.folders(name, own_layouts())
    except ContentError as error:
        line, column = folder.issue.position("newsletter.layout") or (0, 0)
        raise ContentError(error.message, source=str(folder.path), line=line, column=column) from error


def findings_of(folder: IssueFolder) -> tuple[Finding, ...]:
    """All that preflight has to say of a file and its pictures.

    Raises ContentError when it cannot be compiled, and no finding says why.
    """
    tried = folder.tried()
    try:
        return judged(compiled(folder, tried), folder.issue, tried)
    except ContentError:
        findings = (*preflight.check(folder.document, folder.issue.newsletter), *tried.findings)
        if preflight.blocked(findings):
            return findings
        raise


def judged(compilation: Compilation, issue: IssueFile, tried: Tried) -> tuple[Finding, ...]:
    """The findings of a compile, and of what only an issue file can lack."""
    others = (found for found in compilation.findings if found.id != "picture-missing")  # told better in `tried`
    return (*others, *tried.findings, *_unknown_newsletter(issue))


def _unknown_newsletter(issue: IssueFile) -> Iterator[Finding]:
    if issue.newsletter is None:
        pattern = "only its short name “{slug}” is known here, so sender and postal address go unchecked"
        yield note("newsletter", "newsletter", pattern, slug=issue.document.newsletter)


def _public(tried: Tried, site: Site) -> dict[PictureUse, PublicPicture]:
    """The pictures at the addresses that they will have."""
    media = (os.environ.get("PRESSRUN_MEDIA_URL") or f"{site.base_url}/media").rstrip("/")
    return {
        use: PublicPicture(f"{media}/pictures/{made.name}", made.width, made.height, len(made.content))
        for use, made in tried.prepared.items()
    }


def site_of(issue: IssueFile) -> Site:
    """Where this installation answers, as the environment says."""
    base_url = os.environ.get("PRESSRUN_BASE_URL") or "http://127.0.0.1:8000"
    bounce_domain = os.environ.get("PRESSRUN_BOUNCE_DOMAIN") or "bounces.localhost"
    sender = issue.newsletter.sender_address if issue.newsletter else ""
    domain = sender.rpartition("@")[2] or urlsplit(base_url).hostname or "localhost"
    return Site(base_url.rstrip("/"), bounce_domain, domain)


def _stand_in(slug: str) -> NewsletterProfile:
    """For a newsletter that only the database knows: enough to see the page."""
    return NewsletterProfile(slug, slug, slug, "newsletter@example.org", postal_address="(postal address)")
