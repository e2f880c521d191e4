"""The public web edition of an issue: published by choice, corrected with a visible note, withdrawn.

Each act is a new row and the newest one counts, so the history needs no other book.
"""

from django.db import transaction

from pipeline.content.types import Severity
from pipeline.errors import PressrunError
from pipeline.models import Issue, Proof, Publication
from pipeline.queries.publications import newest_of

Act = Publication.Act


class PublicationError(PressrunError):
    """The web edition is not in a state in which this can be done. Nothing was changed."""


@transaction.atomic
def publish_edition(proof: Proof, *, by: str) -> Publication:
    """Put a proof on the web. Raises PublicationError when one is there already, or preflight forbids this one."""
    issue, newest = _locked(proof.issue_id)
    if newest is not None and newest.is_shown:
        raise PublicationError(
            f"{issue} is on the web already. Nothing was changed. What readers have seen is replaced by a correction, "
            "with a note that says what changed."
        )
    _require_fit(proof)
    return _added(issue, proof, Act.PUBLISHED, note="", by=by)


@transaction.atomic
def correct_edition(proof: Proof, *, note: str, by: str) -> Publication:
    """Put another proof in place of the published one, with a note for readers. Raises PublicationError."""
    issue, _ = _on_the_web(proof.issue_id)
    if not note.strip():
        raise PublicationError("Say in the note what changed: readers see it. Nothing was changed.")
    _require_fit(proof)
    return _added(issue, proof, Act.CORRECTED, note=note.strip(), by=by)


@transaction.atomic
def withdraw_edition(issue_id: int, *, note: str, by: str) -> Publication:
    """Take the web edition away: its address says from now on that it is gone. Raises PublicationError."""
    issue, newest = _on_the_web(issue_id)
    if not note.strip():
        raise PublicationError("Say why it is withdrawn: the history keeps it. Nothing was changed.")
    return _added(issue, newest.proof, Act.WITHDRAWN, note=note.strip(), by=by)


def _locked(issue_id: int) -> tuple[Issue, Publication | None]:
    """Two acts on one issue wait for each other."""
    issue = Issue.objects.select_for_update(of=("self",)).select_related("newsletter").get(pk=issue_id)
    return issue, newest_of(issue_id)


def _on_the_web(issue_id: int) -> tuple[Issue, Publication]:
    issue, newest = _locked(issue_id)
    if newest is None or not newest.is_shown:
        raise PublicationError(f"{issue} is not on the web. Nothing was changed. Publish it first.")
    return issue, newest


def _require_fit(proof: Proof) -> None:
    blocking = [found for found in proof.said if found.severity is Severity.BLOCK]
    if blocking:
        lines = "\n".join(f"  {found.place}: {found.message}" for found in blocking)
        raise PublicationError(f"{proof} is not fit for readers. Nothing was changed. Mend these first:\n{lines}")


def _added(issue: Issue, proof: Proof, act: Act, *, note: str, by: str) -> Publication:
    first = Publication.objects.filter(issue=issue).order_by("pk").first()
    address = first.address if first else f"{issue.newsletter.slug}/{issue.number}/{issue.language}"
    if Publication.objects.filter(address=address).exclude(issue=issue).exists():
        raise PublicationError(
            f"The address {address} belongs to another issue that was published under it. Nothing was changed. Give "
            "this issue another number."
        )
    return Publication.objects.create(address=address, issue=issue, proof=proof, act=act, note=note, by=by)
