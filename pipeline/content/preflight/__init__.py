"""What is wrong with an issue, in words for its editor, before anybody can send it.

A `block` finding must be mended before the issue can be sent; a `warn` finding is for the editor to decide; a `note`
is good to know. docs/preflight.md lists them all.

Inside, of the document: `newsletter` · `envelope` subject, preheader, language · `texts` every text · `addresses` links
and pictures' hosts · `blocks` their shape · `languages` which script is written where.
"""

from pipeline.content import walk
from pipeline.content.preflight import addresses, blocks, envelope, languages, newsletter, texts
from pipeline.content.preflight.findings import warn
from pipeline.content.types import Finding, IssueDocument, NewsletterProfile, Proof, Severity

_HTML_MAX = 90_000
"""Gmail shows the rest of a longer page only on request; the exact figure is not published (about 102 KB)."""


def check(document: IssueDocument, profile: NewsletterProfile | None) -> tuple[Finding, ...]:
    """All findings before a compile, in reading order of the issue; without a profile, those of the issue alone."""
    return (
        *(newsletter.check(profile) if profile else ()),
        *envelope.check(document),
        *(finding for field in walk.fields(document) for finding in texts.check(field)),
        *addresses.check(document),
        *blocks.check(document),
        *languages.check(document),
    )


def weigh(proof: Proof) -> tuple[Finding, ...]:
    """What can be said only of a compiled issue: its size."""
    if proof.html_size <= _HTML_MAX:
        return ()
    pattern = (
        "the HTML has {size} KB; above {limit} KB Gmail cuts the end off, the unsubscribe link too; shorten the issue"
    )
    return (warn("html-size", "issue", pattern, size=f"{proof.html_size / 1000:.0f}", limit=_HTML_MAX // 1000),)


def blocked(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.BLOCK for finding in findings)
