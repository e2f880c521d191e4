"""Newsletters: the form."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.forms import CheckboxSelectMultiple, Field, RadioSelect, Textarea
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.admin import messages
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList
from wagtail.admin.views.generic import CreateView, EditView
from wagtail.admin.viewsets.model import ModelViewSet

from pipeline.content.issuefile.normal import normal_profile
from pipeline.content.types import ContentError
from pipeline.documents import profile_of
from pipeline.models import Newsletter
from pipeline.staff import brand
from pipeline.staff.brand import BrandFields
from pipeline.staff.deleting import DeleteView
from pipeline.staff.translating import clean_tag


class ParametersField(Field):
    """Names and texts, one `name = text` a line."""

    widget = Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> str:
        return "\n".join(f"{name} = {text}" for name, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> dict[str, str]:
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        pairs = [line.partition("=") for line in lines]
        for name, sign, _text in pairs:
            if not sign:
                raise ValidationError(_("Write one a line, such as: utm_source = city"))
            if sum(name.strip() == other.strip() for other, _, _ in pairs) > 1:
                raise ValidationError(_("A name may stand there only once."))
        return {name.strip(): text.strip() for name, _, text in pairs}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class NewsletterForm(BrandFields, WagtailAdminModelForm):
    """Holds a newsletter to the rules that an issue file is held to."""

    utm = ParametersField(
        label=_("Parameters of links"),
        required=False,
        help_text=_(
            "Added to every web link, one a line, such as: utm_campaign = issue-{number}. "
            "{date} and {language} may stand there too."
        ),
    )

    def clean_fallback_languages(self) -> list[str]:
        return [clean_tag(tag.strip()) for tag in self.cleaned_data["fallback_languages"]]

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        profile = profile_of(self.instance)
        try:
            normal_profile(profile, slug=profile.slug)
        except ContentError as error:
            self.add_error(self._field_of(error), ValidationError(error.message))

    def _field_of(self, error: ContentError) -> str | None:
        """The form's field for `newsletter.sender.address`, `newsletter.brand.accent` and the like."""
        name = error.source.removeprefix("newsletter.").replace(".", "_")
        name = "utm" if name.startswith("utm_") else name
        return name if name in self.fields else None


class _TellsOfColours:
    """Saves, and says what of the colours is hard to read."""

    def form_valid(self, form: NewsletterForm) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        for warning in brand.hard_to_read(form.instance.brand):
            messages.warning(self.request, warning)  # type: ignore[attr-defined]
        return response


class NewsletterCreateView(_TellsOfColours, CreateView):
    pass


class NewsletterEditView(_TellsOfColours, EditView):
    pass


class NewsletterViewSet(ModelViewSet):
    model = Newsletter
    name = "newsletters"
    icon = "mail"
    menu_order = 100
    add_to_admin_menu = True
    copy_view_enabled = False
    inspect_view_enabled = True
    list_display: ClassVar = ["name", "slug", "sender_address", "language"]
    search_fields: ClassVar = ["name", "slug"]
    search_backend_name = None
    add_view_class = NewsletterCreateView
    edit_view_class = NewsletterEditView
    delete_view_class = DeleteView
    edit_handler = ObjectList(
        [
            FieldPanel("name"),
            FieldPanel(
                "slug", help_text=_("Small letters, digits and hyphens. Issue files name the newsletter by it.")
            ),
            FieldPanel("language"),
            MultiFieldPanel(
                [FieldPanel("sender_name"), FieldPanel("sender_address"), FieldPanel("reply_to")],
                heading=_("Sender"),
            ),
            FieldPanel("postal_address", help_text=_("Stands at the end of every issue; the law asks for it.")),
            FieldPanel("default_lists", widget=CheckboxSelectMultiple),
            MultiFieldPanel(
                [
                    FieldPanel(
                        "fallback_languages",
                        help_text=_("In order, such as en,ko; for others nothing. Empty: the main edition serves all."),
                    ),
                    FieldPanel("unknown_language"),
                ],
                heading=_("Without an edition in their language"),
            ),
            MultiFieldPanel(
                [
                    FieldPanel(
                        "links",
                        widget=RadioSelect,
                        help_text=_(
                            "Counted and personal links go through an address of this site, so that one that is "
                            "wrong can be repaired after sending. Personal ones need the readers’ consent."
                        ),
                    ),
                    FieldPanel("utm"),
                ],
                heading=_("Links"),
            ),
            brand.panel(),
            FieldPanel("sender_domain"),
        ],
        base_form_class=NewsletterForm,
    )
