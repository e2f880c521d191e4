"""A further edition of an issue: its latest draft copied under another language, for somebody to translate."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from wagtail.admin import messages
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.log_actions import log
from wagtail.models import Locale

from pipeline.content.issuefile.normal import normal_language
from pipeline.content.types import ContentError
from pipeline.models import Issue
from pipeline.staff.reach import language_label
from pipeline.staff.sends import require


def clean_tag(tag: str) -> str:
    """Holds a form's language to the rule of issue files. Raises ValidationError."""
    try:
        return normal_language(tag)
    except ContentError as error:
        raise ValidationError(error.message) from error


class LanguageForm(WagtailAdminModelForm):
    """An issue's form."""

    def clean_language(self) -> str:
        return clean_tag(self.cleaned_data["language"])


class TranslateForm(forms.Form):
    """Into which language. Those that other issues have are offered; any other may be written."""

    language = forms.CharField(
        label=gettext_lazy("Language"),
        max_length=35,
        help_text=gettext_lazy("A tag such as en or ko."),
        widget=forms.TextInput(attrs={"list": "languages", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, issue: Issue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.issue = issue

    def clean_language(self) -> str:
        tag = clean_tag(self.cleaned_data["language"])
        if self.issue.get_translations(inclusive=True).filter(language__iexact=tag).exists():
            raise ValidationError(_("There is an edition in this language already."))
        return tag


@require_http_methods(["GET", "HEAD", "POST"])
def translate(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the language; then make the copy and open it."""
    require(request, "pipeline.add_issue")
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    editions = list(issue.get_translations(inclusive=True).order_by("language"))
    form = TranslateForm(request.POST or None, issue=issue)
    if request.method == "POST" and form.is_valid():
        made = _copied(issue, form.cleaned_data["language"], request)
        messages.success(request, _("Here is the copy to translate. Nothing of it is published yet."))
        return redirect("wagtailsnippets_pipeline_issue:edit", made.pk)
    taken = {edition.locale_id for edition in editions}
    offered = [
        (each.language_code, language_label(each.language_code)) for each in Locale.objects.exclude(pk__in=taken)
    ]
    return render(
        request, "staff/translate.html", {"issue": issue, "editions": editions, "form": form, "offered": offered}
    )


@transaction.atomic
def _copied(issue: Issue, language: str, request: HttpRequest) -> Issue:
    locale, _made = Locale.objects.get_or_create(language_code=language)
    copy = issue.copy_for_translation(locale)
    copy.save()
    copy.save_revision(user=request.user)
    log(instance=copy, action="wagtail.create", user=request.user, content_changed=True)
    return copy
