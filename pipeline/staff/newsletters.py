"""Newsletters: the form."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.forms import CheckboxSelectMultiple
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList
from wagtail.admin.viewsets.model import ModelViewSet

from pipeline.content.issuefile.normal import normal_profile
from pipeline.content.types import ContentError
from pipeline.documents import profile_of
from pipeline.models import Newsletter
from pipeline.staff.translating import clean_tag


class NewsletterForm(WagtailAdminModelForm):
    """Holds a newsletter to the rules that an issue file is held to."""

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
        name = "brand" if name.startswith("brand_") else name
        return name if name in self.fields else None


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
                    FieldPanel("layout"),
                    FieldPanel("brand", help_text=_('Colours of the layout, such as {"primary": "#12355b"}.')),
                    FieldPanel("sender_domain"),
                ],
                heading=_("Layout"),
                classname="collapsed",
            ),
        ],
        base_form_class=NewsletterForm,
    )
