"""What is wrong with an issue, in words for its editor, before anybody can send it.

A `block` finding must be mended before the issue can be sent; a `warn` finding is for the editor to decide; a `note`
is good to know. docs/preflight.md lists them all.

Inside, of the document: `newsletter` · `envelope` subject, preheader, language · `texts` every text · `addresses` links
and pictures' hosts · `tracked` links that are counted · `blocks` their shape · `languages` which letters are written
where. Of the prepared pictures: `shown`. Of the compiled page, which `page` and `css` take apart: `required` ·
`structure` headings, names, roles · `contrast` · `clients` mail programs · `weight`.
"""

from collections.abc import Mapping

from pipeline.content import walk
from pipeline.content.preflight import (
    addresses,
    blocks,
    clients,
    contrast,
    envelope,
    languages,
    newsletter,
    required,
    shown,
    structure,
    texts,
    tracked,
    weight,
)
from pipeline.content.preflight.page import Page
from pipeline.content.types import (
    Compilation,
    Finding,
    IssueDocument,
    NewsletterProfile,
    PictureUse,
    PublicPicture,
    Severity,
)


def check(document: IssueDocument, profile: NewsletterProfile | None) -> tuple[Finding, ...]:
    """All findings before a compile, in reading order of the issue; without a profile, those of the issue alone."""
    return (
        *(newsletter.check(profile) if profile else ()),
        *envelope.check(document),
        *(finding for field in walk.fields(document) for finding in texts.check(field)),
        *addresses.check(document),
        *tracked.check(document, profile),
        *blocks.check(document),
        *languages.check(document),
    )


def check_pictures(document: IssueDocument, pictures: Mapping[PictureUse, PublicPicture] | None) -> tuple[Finding, ...]:
    """What can be said once pictures are prepared; nothing before."""
    return () if pictures is None else tuple(shown.check(document, pictures))


def weigh(
    made: Compilation,
    document: IssueDocument,
    profile: NewsletterProfile,
    *,
    pictures: Mapping[PictureUse, PublicPicture],
) -> tuple[Finding, ...]:
    """What can be said only of a compiled issue: what its page shows to whom, and how much there is of it."""
    page = Page.read(made.html)
    return (
        *required.check(page, made.text, profile),
        *structure.check(page, document),
        *contrast.check(page),
        *clients.check(page, document.language),
        *weight.check(page, document, proof=made.proof, pictures=pictures),
    )


def blocked(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.BLOCK for finding in findings)
