"""Proofs: what would go out, looked at from every side, and the web edition that is made of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from wagtail.admin import messages
from wagtail.admin.viewsets.base import ViewSet

from pipeline import sending, transitions
from pipeline.content import merge, message, preflight
from pipeline.content.reader import values_of
from pipeline.content.types import ContentError, IssueDocument
from pipeline.content.types import Proof as Segments
from pipeline.documents import document_of
from pipeline.models import Issue, Proof, Publication
from pipeline.queries.publications import newest_of
from pipeline.staff.findings import graded
from pipeline.staff.preview import POLICY, SIZES
from pipeline.staff.reading import text_of
from pipeline.staff.sends import actor, require
from pipeline.tokens import StandIn

LOOK: Final = "pipeline.change_issue"
PUBLISH: Final = "pipeline.publish_edition"


class ProofViewSet(ViewSet):
    """Reached from an issue's page."""

    name = "proofs"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("of/<int:pk>/", proofs, name="of-issue"),
            path("<slug:key>/", proof, name="proof"),
            path("<slug:key>/html/", html, name="html"),
            path("<slug:key>/web/", web, name="web"),
        ]


@require_http_methods(["GET", "HEAD", "POST"])
def proofs(request: HttpRequest, pk: int) -> HttpResponse:
    """The proofs of an issue, the newest first; a POST makes one of the newest draft."""
    require(request, LOOK)
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    if request.method == "POST":
        return _make(request, issue)
    rows = issue.proofs.select_related("revision__user").defer("packed").order_by("-created_at")
    newest = newest_of(pk)
    return render(request, "staff/proofs.html", {"issue": issue, "proofs": rows, "newest": newest})


@require_safe
def proof(request: HttpRequest, key: str) -> HttpResponse:
    """One proof from every side."""
    require(request, LOOK)
    shown = _found(key)
    segments = message.load(bytes(shown.packed))
    sizes = {size["name"]: size for size in SIZES}
    context = {
        "proof": shown,
        "issue": shown.issue,
        "sizes": SIZES,
        "size": sizes.get(request.GET.get("size", ""), sizes["desktop"]),
        "text": message.message_parts(segments, _values(segments))[1],
        "head": message.head(segments),
        "links": segments.links,
        "grades": graded(shown.said, _document(shown)),
        "blocked": preflight.blocked(shown.said),
        "sends": shown.sends.order_by("pk"),
        **_on_the_web(request, shown),
    }
    return render(request, "staff/proof.html", context)


@require_safe
def html(request: HttpRequest, key: str) -> HttpResponse:
    """The HTML part by itself, a stranger to the page around it, with a name that is nobody's."""
    require(request, LOOK)
    segments = message.load(bytes(_found(key).packed))
    response = HttpResponse(message.message_parts(segments, _values(segments))[0])
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def web(request: HttpRequest, key: str) -> HttpResponse:
    """Publish, correct or withdraw the web edition; the transitions decide what is possible."""
    require(request, PUBLISH)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise PermissionDenied
    try:
        act(_found(key), text_of(request.POST, "note", most=2_000), actor(request))
    except transitions.PublicationError as error:
        messages.error(request, str(error))
    return redirect("proofs:proof", key)


ACTS: Final[Mapping[str, Callable[[Proof, str, str], Publication]]] = {
    "publish": lambda proof, _note, by: transitions.publish_edition(proof, by=by),
    "correct": lambda proof, note, by: transitions.correct_edition(proof, note=note, by=by),
    "withdraw": lambda proof, note, by: transitions.withdraw_edition(proof.issue_id, note=note, by=by),
}


def _make(request: HttpRequest, issue: Issue) -> HttpResponse:
    try:
        made = sending.make_draft_proof(issue)
    except ContentError as error:
        messages.error(request, _("No proof can be made yet: %(why)s") % {"why": error})
        return redirect("proofs:of-issue", issue.pk)
    return redirect("proofs:proof", made.pk)


def _document(shown: Proof) -> IssueDocument | None:
    """What the places of its findings are in: the draft that it was made of."""
    try:
        return document_of(shown.revision.as_object()) if shown.revision else None
    except ContentError:
        return None  # written by an older version under other rules; the places stay as they are


def _found(key: str) -> Proof:
    return get_object_or_404(Proof.objects.select_related("issue__newsletter", "revision__user"), pk=key)


def _values(segments: Segments) -> dict[str, str]:
    known = values_of(email="robin@example.org", language=segments.language, **merge.samples(segments.language))
    return known | message.stand_ins(segments, StandIn.TEST)


def _on_the_web(request: HttpRequest, proof: Proof) -> dict[str, Any]:
    newest = newest_of(proof.issue_id)
    shown = newest if newest and newest.is_shown else None
    return {
        "edition": shown,
        "is_this": bool(shown and shown.proof_id == proof.pk),
        "history": Publication.objects.filter(issue=proof.issue_id).order_by("-pk"),
        "may_publish": request.user.has_perm(PUBLISH),
    }
