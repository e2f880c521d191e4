"""Looking an issue over: the panel beside the form, and its links asked on request."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from wagtail.admin.ui.side_panels import BaseSidePanel

from pipeline.content.types import ContentError, Severity
from pipeline.documents import document_of
from pipeline.linkcheck import check_links
from pipeline.models import Issue
from pipeline.staff import preview
from pipeline.staff.findings import graded
from pipeline.staff.sends import require


class FindingsPanel(BaseSidePanel):
    """What preflight says of the issue as it was last saved."""

    class SidePanelToggle(BaseSidePanel.SidePanelToggle):
        aria_label = _("Toggle what to mend before sending")
        icon_name = "clipboard-list"

        def get_context_data(self, parent_context: Any) -> dict[str, Any]:
            blocking = [each for each in self.panel.preview.findings if each.severity is Severity.BLOCK]
            return {**super().get_context_data(parent_context), "count": len(blocking)}

    name = "findings"
    title = _("Before sending")
    template_name = "staff/findings_panel.html"
    order = 450

    def __init__(self, issue: Issue, request: HttpRequest) -> None:
        super().__init__(issue, request)
        self.preview = preview.preview_of(issue)

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(parent_context),
            "grades": self.preview.grades,
            "issue": self.object,
            "may_ask": settings.LINK_CHECK and self.preview.document is not None,
        }


@require_POST
def ask_links(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask every address of the issue as it was last saved. A page of its own, or what htmx puts into one."""
    require(request, "pipeline.change_issue")
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    context: dict[str, Any] = {"issue": issue, "off": not settings.LINK_CHECK}
    try:
        document = document_of(issue)
    except ContentError as error:
        context["grades"] = preview.impossible(error).grades
    else:
        context["grades"] = graded(check_links(document) if settings.LINK_CHECK else (), document)
    return render(
        request, "staff/_links_asked.html" if request.headers.get("HX-Request") else "staff/links_asked.html", context
    )
