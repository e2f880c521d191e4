"""What is on the web: the newest act at an address, and the editions beside it."""

from django.db.models import QuerySet

from pipeline.models import Issue, Publication


def acts() -> QuerySet[Publication]:
    """All of them, with their issue and proof but not the bulk of either."""
    wanted = Publication.objects.select_related("issue__newsletter", "proof")
    return wanted.defer("issue__body", "proof__packed", "proof__findings")


def newest_at(address: str) -> Publication | None:
    """What was last done at an address; answered from the index."""
    return acts().filter(address=address).order_by("-pk").first()


def newest_of(issue_id: int) -> Publication | None:
    """What was last done with the web edition of an issue."""
    return acts().filter(issue=issue_id).order_by("-pk").first()


def editions_beside(issue: Issue) -> list[Publication]:
    """The web editions of the same number that can be read now, this one among them, by language."""
    same = acts().filter(issue__newsletter=issue.newsletter_id, issue__number=issue.number)
    newest = same.order_by("issue_id", "-pk").distinct("issue_id")
    return sorted((each for each in newest if each.is_shown), key=lambda each: each.address)


def corrections_of(publication: Publication) -> QuerySet[Publication]:
    """What was corrected since it was (last) put on the web, newest first."""
    earlier = Publication.objects.filter(issue=publication.issue_id, pk__lte=publication.pk)
    published = earlier.filter(act=Publication.Act.PUBLISHED).order_by("-pk").values("pk")[:1]
    return earlier.filter(act=Publication.Act.CORRECTED, pk__gt=published).order_by("-pk")
