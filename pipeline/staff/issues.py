"""Issues: the form with its live preview and its findings, and the way from one edition to the others."""

from typing import ClassVar, Final

import django_filters  # type: ignore[import-untyped]
from django import forms
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.components import MediaContainer
from wagtail.admin.ui.side_panels import ChecksSidePanel
from wagtail.admin.utils import set_query_params
from wagtail.admin.widgets.button import Button
from wagtail.models import Locale
from wagtail.snippets.views.snippets import CopyView, CreateView, EditView, IndexView, SnippetViewSet

from pipeline.models import Issue
from pipeline.staff import preview
from pipeline.staff.checking import FindingsPanel, ask_links
from pipeline.staff.deleting import SnippetDeleteView
from pipeline.staff.translating import LanguageForm, translate

COPIED: Final = "copy-of"
"""In the address that a copy is posted to: the issue that it is a copy of."""


class _WithFindings:
    """In place of Wagtail's page checks, which want scripts in the page that is shown."""

    def get_side_panels(self) -> MediaContainer:
        panels = super().get_side_panels()  # type: ignore[misc]
        kept = [panel for panel in panels if not isinstance(panel, ChecksSidePanel)]
        issue: Issue = self.form.instance  # type: ignore[attr-defined]
        if issue.pk:
            kept.append(FindingsPanel(issue, self.request))  # type: ignore[attr-defined]
        return MediaContainer(kept)


class _InTheirLanguage:
    """A new issue begins in the language that was chosen, else in that of these pages, not in the installation's."""

    request: HttpRequest

    def get_locale(self) -> Locale:
        chosen = "locale" in self.request.GET
        return super().get_locale() if chosen else Locale.get_active()  # type: ignore[misc]


class IssueIndexView(_InTheirLanguage, IndexView):
    pass


class IssueCreateView(_InTheirLanguage, _WithFindings, CreateView):
    def get_initial_form_instance(self) -> Issue | None:
        """In the language that Wagtail's switch says; the field may say any other."""
        issue: Issue | None = super().get_initial_form_instance()
        if issue and self.locale:
            issue.language = self.locale.language_code
        return issue

    def save_instance(self) -> Issue:
        """A copy shows what its original shows: the pictures of an issue file are in no field of the form."""
        copied = self.request.GET.get(COPIED, "")
        if copied.isdigit() and (original := Issue.objects.filter(pk=copied).first()):
            self.form.instance.pictures = original.pictures
        issue: Issue = super().save_instance()
        return issue


class IssueCopyView(_WithFindings, CopyView):
    def get_add_url(self) -> str:
        return str(set_query_params(super().get_add_url(), {COPIED: self.kwargs[self.pk_url_kwarg]}))


class IssueEditView(_WithFindings, EditView):
    @property
    def header_more_buttons(self) -> list[Button]:
        buttons = list(super().header_more_buttons)
        if self.request.user.has_perm("pipeline.change_issue"):
            tested, proofs = (reverse(name, args=[self.object.pk]) for name in ("testing:test", "proofs:of-issue"))
            buttons.append(Button(_("Send a test …"), url=tested, icon_name="mail", priority=6))
            buttons.append(Button(_("Proofs"), url=proofs, icon_name="clipboard-list", priority=7))
        if self.request.user.has_perm("pipeline.start_send"):
            url = reverse("sending:send", args=[self.object.pk])
            buttons.append(Button(_("Send …"), url=url, icon_name="mail", priority=5))
        if self.request.user.has_perm("pipeline.add_issue"):
            url = reverse(IssueViewSet.translate_url, args=[self.object.pk])
            buttons.append(Button(_("Translate …"), url=url, icon_name="globe", priority=6))
        if self.request.user.has_perm("pipeline.view_send") and self.object.tracked_links.exists():
            url = reverse("links:issue", args=[self.object.pk])
            buttons.append(Button(_("Links and clicks"), url=url, icon_name="link", priority=6))
        return buttons


class IssueFilters(WagtailFilterSet):
    """`locale` stands in place of Wagtail's own filter, which would offer no language but those of these pages."""

    locale = django_filters.ModelChoiceFilter(
        queryset=Locale.objects.all(), to_field_name="language_code", label=_("Language")
    )

    class Meta:
        model = Issue
        fields: ClassVar = ["newsletter", "locale"]


class IssueViewSet(SnippetViewSet):
    model = Issue
    icon = "doc-full-inverse"
    menu_order = 110
    add_to_admin_menu = True
    copy_view_enabled = True
    copy_view_class = IssueCopyView
    list_display: ClassVar = ["title", "newsletter", "number", "language", "date"]
    filterset_class = IssueFilters
    search_fields: ClassVar = ["title", "subject"]
    index_view_class = IssueIndexView
    add_view_class = IssueCreateView
    edit_view_class = IssueEditView
    delete_view_class = SnippetDeleteView
    edit_handler = ObjectList(
        [
            MultiFieldPanel(
                [
                    FieldPanel("newsletter"),
                    FieldRowPanel(
                        [
                            FieldPanel("number"),
                            FieldPanel("date", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")),
                            FieldPanel("language", help_text=_("A tag such as en or ko."), required_on_save=True),
                        ]
                    ),
                ],
                heading=_("Edition"),
            ),
            MultiFieldPanel(
                [
                    FieldPanel("title"),
                    FieldPanel("subject", help_text=_('May greet by name: {{ first_name | default("there") }}')),
                    FieldPanel("preheader", help_text=_("The line that inboxes show beside the subject.")),
                    FieldPanel(
                        "advertising",
                        help_text=_("This issue advertises. In Korea its subject must then begin with (광고)."),
                    ),
                ],
                heading=_("Headlines"),
            ),
            FieldPanel("body"),
        ],
        base_form_class=LanguageForm,
    )
    translate_url = "wagtailsnippets_pipeline_issue:translate"

    def get_urlpatterns(self) -> list[URLPattern]:
        ours = [
            path("translate/<int:pk>/", translate, name="translate"),
            path("ask-links/<int:pk>/", ask_links, name="ask_links"),
        ]
        return [*super().get_urlpatterns(), *ours]

    def on_register(self) -> None:
        """Gives the model its preview, as Wagtail gives it its form: models know nothing of pages."""
        super().on_register()
        Issue.preview_modes = preview.MODES
        Issue.preview_sizes = preview.SIZES
        Issue.serve_preview = preview.serve
