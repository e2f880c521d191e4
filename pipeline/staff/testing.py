"""Test sends from an issue's page, what became of the last ones, and the groups of addresses to test with."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from wagtail.admin import messages
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.viewsets.base import ViewSet
from wagtail.admin.viewsets.model import ModelViewSet

from pipeline import sending
from pipeline.content.types import ContentError
from pipeline.delivery.envelope import Verdict
from pipeline.delivery.testsend import Answer, send_test
from pipeline.errors import PressrunError
from pipeline.models import AuditEvent, Issue, TestGroup
from pipeline.staff.preview import preview_of
from pipeline.staff.sends import actor, require
from subscribers.models import Subscriber
from subscribers.queries import find

MAY: Final = "pipeline.change_issue"
SEES_PEOPLE: Final = "subscribers.view_subscriber"
SHOWN: Final = 5
WORDS: Final[Mapping[str, Promise]] = {
    Verdict.ACCEPTED: gettext_lazy("the relay took it"),
    Verdict.REJECTED: gettext_lazy("refused"),
    Verdict.DEFERRED: gettext_lazy("not now: the relay asks to come later"),
    Verdict.UNSENT: gettext_lazy("not handed over"),
    Verdict.UNCERTAIN: gettext_lazy("may have arrived: the relay’s answer never came"),
}


class TestForm(forms.Form):
    """To whom, and as whom."""

    addresses = forms.CharField(
        label=gettext_lazy("To these addresses"),
        help_text=gettext_lazy("One address on each line."),
        required=False,
        max_length=8_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    groups = forms.ModelMultipleChoiceField(
        TestGroup.objects.all(),
        label=gettext_lazy("And to"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reader = forms.CharField(
        label=gettext_lazy("As this subscriber gets it"),
        help_text=gettext_lazy("Their address; empty: with a name that is nobody’s. It is not written to."),
        required=False,
        max_length=320,
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["addresses"] = user.email
        if not user.has_perm(SEES_PEOPLE):
            del self.fields["reader"]
        if not TestGroup.objects.exists():
            del self.fields["groups"]

    def clean_reader(self) -> Subscriber | None:
        email = self.cleaned_data["reader"].strip()
        if not email:
            return None
        person = find(email)
        if person is None:
            raise ValidationError(_("Nobody has this address."))
        return person

    @property
    def emails(self) -> list[str]:
        groups = self.cleaned_data.get("groups", ())
        typed = [line.strip() for line in self.cleaned_data["addresses"].splitlines()]
        return [line for line in typed if line] + [email for group in groups for email in group.emails]


class TestingViewSet(ViewSet):
    """Reached from an issue's page."""

    name = "testing"

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("<int:pk>/", test, name="test")]


class TestGroupViewSet(ModelViewSet):
    model = TestGroup
    name = "test-groups"
    icon = "group"
    menu_order = 190
    add_to_admin_menu = True
    copy_view_enabled = False
    list_display: ClassVar = ["name", "addresses"]
    search_fields: ClassVar = ["name"]
    search_backend_name = None
    edit_handler = ObjectList([FieldPanel("name"), FieldPanel("addresses")])


@require_http_methods(["GET", "HEAD", "POST"])
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """The form with the last tests below it; a POST sends one of the newest draft."""
    require(request, MAY)
    issue = get_object_or_404(Issue.objects.select_related("newsletter"), pk=pk)
    form = TestForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid() and _sent(request, issue, form):
        return redirect("testing:test", pk)
    draft = issue.get_latest_revision_as_object()
    context = {"issue": issue, "form": form, "grades": preview_of(draft).grades, "tests": _last_tests(issue)}
    return render(request, "staff/test.html", context)


def _sent(request: HttpRequest, issue: Issue, form: TestForm) -> bool:
    try:
        proof = sending.make_draft_proof(issue)
        answers = send_test(proof, form.emails, actor=actor(request), reader=form.cleaned_data.get("reader"))
    except (PressrunError, ContentError) as error:
        form.add_error(None, str(error))
        return False
    _say(request, answers)
    return True


def _say(request: HttpRequest, answers: Sequence[Answer]) -> None:
    taken = sum(answer.verdict is Verdict.ACCEPTED for answer in answers)
    words = _("The relay took %(taken)s of %(all)s tests. Below are its words.")
    say = messages.success if taken == len(answers) else messages.warning
    say(request, words % {"taken": taken, "all": len(answers)})


def _last_tests(issue: Issue) -> list[tuple[AuditEvent, list[tuple[dict[str, str], Promise | str]]]]:
    """The newest first: who, when, and for each address what the relay said."""
    events = AuditEvent.objects.filter(subject=f"issue:{issue.pk}", action="proof.test-answered").order_by("-pk")
    return [
        (event, [(answer, WORDS.get(answer["verdict"], answer["verdict"])) for answer in event.detail["answers"]])
        for event in events[:SHOWN]
    ]
