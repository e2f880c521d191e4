"""A newsletter's layout and brand as form fields, one for each setting; `content.brand` says what it may be."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, Panel

from pipeline.content import brand, layout
from pipeline.content.brand import SETTINGS, Problem
from pipeline.pictures import LOGOS

PREFIX: Final = "brand_"
_LAYOUTS: Final = {
    "bulletin": _("Bulletin"),
    "letter": _("Letter"),
    "digest": _("Digest"),
}
_FONTS: Final = {
    "sans": _("Without serifs (Arial)"),
    "serif": _("With serifs (Georgia)"),
    "wide": _("Wide (Verdana)"),
}


def layouts() -> list[tuple[str, Any]]:
    """The choices of layouts; one's own go by the name of their folder."""
    return [(name, _LAYOUTS.get(name, name)) for name in layout.names(settings.LAYOUTS)]


def said(problem: Problem) -> str:
    """A problem in the language of the page."""
    return gettext(problem.pattern).format(**problem.values)


class BrandFields(forms.Form):
    """Mixed into the form of a newsletter, whose `brand` holds what is not left at its default."""

    layout = forms.ChoiceField(label=_("Layout"), choices=layouts)
    brand_primary = forms.CharField(label=_("Primary colour"), required=False, widget=forms.ColorInput)
    brand_accent = forms.CharField(label=_("Accent colour"), required=False, widget=forms.ColorInput)
    brand_font = forms.ChoiceField(
        label=_("Font"), required=False, choices=[(name, _FONTS[name]) for name in brand.FONTS]
    )
    brand_width = forms.CharField(label=_("Width in pixels"), required=False, widget=forms.NumberInput)
    brand_logo = forms.CharField(label=_("Address of the logo"), required=False, widget=forms.URLInput)
    brand_logo_dark = forms.CharField(
        label=_("Address of the logo for dark mode"), required=False, widget=forms.URLInput
    )
    brand_logo_width = forms.CharField(label=_("Width of the logo in pixels"), required=False, widget=forms.NumberInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held: Mapping[str, str] = self.instance.brand  # type: ignore[attr-defined]
        for name in LOGOS:  # a plain list: Wagtail's chooser comes with a script inside the page, which is not let in
            self.fields[name].queryset = self.fields[name].queryset.order_by("title", "pk")  # type: ignore[attr-defined]
        self.initial.setdefault("layout", self.instance.layout)  # type: ignore[attr-defined]
        for name, setting in SETTINGS.items():
            self.initial.setdefault(PREFIX + name, held.get(name, setting.default))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = {name: (cleaned.get(PREFIX + name) or "").strip() for name in SETTINGS}
        chosen = {name: value for name, value in given.items() if value and value != SETTINGS[name].default}
        for name, value in chosen.items():
            if wrong := brand.problem(name, value):
                self.add_error(PREFIX + name, said(wrong))
        for name in LOGOS:
            if name in chosen and cleaned.get(name):
                self.add_error(PREFIX + name, _("Choose a picture, or give its address: one of the two."))
        self.instance.brand = chosen  # type: ignore[attr-defined]
        return cleaned


def hard_to_read(held: Mapping[str, str]) -> Iterator[str]:
    """What is to be said of a newsletter's colours once they are saved."""
    return (said(problem) for problem in brand.hard_to_read(held))


def panel() -> Panel:
    """The fields on the page, under one heading."""
    return MultiFieldPanel(
        [
            FieldPanel(
                "layout",
                help_text=_(
                    "Bulletin: band, contents, sections. Letter: a plain page. Digest: a card for each article."
                ),
            ),
            FieldRowPanel(
                [
                    FieldPanel("brand_primary", help_text=_("Masthead, buttons and titles.")),
                    FieldPanel("brand_accent", help_text=_("Links and marks.")),
                ]
            ),
            FieldRowPanel(
                [
                    FieldPanel("brand_font", help_text=_("Korean letters follow in a font of their own.")),
                    FieldPanel("brand_width", help_text=_("From 560 to 700, on wide screens.")),
                ]
            ),
            FieldRowPanel(
                [
                    FieldPanel("logo", widget=forms.Select, help_text=_("From the library, where it is uploaded.")),
                    FieldPanel(
                        "brand_logo",
                        help_text=_("In place of a chosen one: a PNG, JPEG or GIF that everybody can load."),
                    ),
                ]
            ),
            FieldRowPanel(
                [
                    FieldPanel(
                        "logo_dark",
                        widget=forms.Select,
                        help_text=_("Without one, dark mode puts the logo on a white plate."),
                    ),
                    FieldPanel("brand_logo_dark"),
                ]
            ),
            FieldPanel("brand_logo_width"),
        ],
        heading=_("Layout and brand"),
    )
