"""An issue file read, compiled and judged, by commands that touch neither database nor network."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.commands.layout import own_layouts
from pipeline.content import compile as chain
from pipeline.content import preflight, walk
from pipeline.content.issuefile import IssueFile, parse
from pipeline.content.preflight.findings import block, note
from pipeline.content.types import Compilation, ContentError, Finding, NewsletterProfile, Site


def read_issue(path: Path) -> IssueFile:
    """Read an issue file; raises ContentError when it cannot be read or is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContentError(f"the file cannot be read: {error.strerror}", source=str(path)) from error
    except UnicodeDecodeError as error:
        raise ContentError("the file is not UTF-8; save it as UTF-8", source=str(path)) from error
    return parse(text, source=str(path))


def compiled(issue: IssueFile) -> Compilation:
    """Compile it; the same file gives the same bytes. Raises ContentError."""
    newsletter, site = issue.newsletter or _stand_in(issue.document.newsletter), site_of(issue)
    nonce = sha256(repr((issue, site)).encode()).hexdigest()[:16]
    return chain.compile_issue(issue.document, newsletter, site, nonce=nonce, layouts=own_layouts())


def findings_of(issue: IssueFile, folder: Path) -> tuple[Finding, ...]:
    """All that preflight has to say of a file in this folder.

    Raises ContentError when it cannot be compiled, and no finding says why.
    """
    try:
        return judged(compiled(issue), issue, folder)
    except ContentError:
        findings = preflight.check(issue.document, issue.newsletter)
        if preflight.blocked(findings):
            return findings
        raise


def judged(compilation: Compilation, issue: IssueFile, folder: Path) -> tuple[Finding, ...]:
    """The findings of a compile, and of what only an issue file can lack."""
    return (*compilation.findings, *_missing_pictures(issue, folder), *_unknown_newsletter(issue))


def _missing_pictures(issue: IssueFile, folder: Path) -> Iterator[Finding]:
    for place, use in walk.pictures(issue.document):
        if "://" not in use.src and not (folder / use.src).is_file():
            pattern = "there is no file {path}; put it there, or mend the name"
            yield block("picture-missing", place, pattern, path=folder / use.src)


def _unknown_newsletter(issue: IssueFile) -> Iterator[Finding]:
    if issue.newsletter is None:
        pattern = "only its short name “{slug}” is known here, so sender and postal address go unchecked"
        yield note("newsletter", "newsletter", pattern, slug=issue.document.newsletter)


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
