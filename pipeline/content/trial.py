"""A layout tried out before any newsletter uses it: on made-up issues that have everything (`specimen`)."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from pipeline.content import layout, lint, sandbox, specimen
from pipeline.content.compile import compile_issue
from pipeline.content.slots import SlotTable
from pipeline.content.tracking import LinkTable
from pipeline.content.types import ContentError, IssueDocument, NewsletterProfile

_NONCE: Final = "trialofalayout"


def mistakes(name: str, own: Path | None = None) -> list[ContentError]:
    """Everything that is wrong with a layout, each once, with file, line and column where they are known.

    `own`: a folder of own layouts, looked in first. Raises ContentError for a layout that does not exist.
    """
    environment = sandbox.sandbox(layout.folders(name, own))
    found = {str(error): error for error in sandbox.unreadable(environment)}
    for document, newsletter in specimen.issues() if not found else ():
        profile = replace(newsletter, layout=name)
        found |= {str(error): error for error in _of_issue(document, profile, own)}
    return list(found.values())


def _of_issue(document: IssueDocument, newsletter: NewsletterProfile, own: Path | None) -> list[ContentError]:
    """All that lint finds; when that is nothing, the first that the whole chain does."""
    slots = SlotTable(_NONCE)
    ink = layout.Ink(slots, specimen.SITE, {}, LinkTable(document, newsletter, site=specimen.SITE, slots=slots))
    try:
        if found := lint.errors(layout.render(document, newsletter, ink=ink, layouts=own)):
            return found
        compile_issue(document, newsletter, specimen.SITE, nonce=_NONCE, layouts=own)
    except ContentError as error:
        return [error]
    return []
