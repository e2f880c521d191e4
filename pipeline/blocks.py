"""The blocks of an issue's body in the staff form, one for each content type of `content.types`.

What a block lets pass, `pipeline.documents` can turn into an `IssueDocument`: the rules of the issue file hold here
too, and an editor reads at the very block what is wrong with it.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.images.blocks import ImageChooserBlock
from wagtail.rich_text import RichText

from pipeline.content.issuefile.fields import normal_line, normal_link, normal_picture_source, normal_web_link
from pipeline.content.types import ContentError
from pipeline.richtext import paragraphs_of

INLINE = ["bold", "italic", "link"]


class RuledBlock(blocks.CharBlock):
    """Text under one of the rules of the issue file; comes out in normal form."""

    rule: Callable[[str], str]

    def clean(self, value: str) -> str:
        cleaned = super().clean(value)
        try:
            return type(self).rule(cleaned) if cleaned else ""
        except ContentError as error:
            raise ValidationError(str(error)) from error


class LineBlock(RuledBlock):
    rule = staticmethod(normal_line)


class LinkBlock(RuledBlock):
    """http, https, mailto or tel; merge tags may stand after the host."""

    rule = staticmethod(normal_link)


class WebLinkBlock(RuledBlock):
    rule = staticmethod(normal_web_link)


class PictureSourceBlock(RuledBlock):
    rule = staticmethod(normal_picture_source)


class InlineBlock(blocks.RichTextBlock):
    """One run of inline text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(features=INLINE, **kwargs)

    @cached_property
    def field(self) -> forms.CharField:
        from pipeline.draftail import WholeConverter  # Wagtail's editor loads only after the models

        field: forms.CharField = super().field
        field.widget.converter = WholeConverter(INLINE)
        return field

    def clean(self, value: RichText) -> RichText:
        cleaned = super().clean(value)
        try:
            written = paragraphs_of(cleaned.source)
        except ContentError as error:
            raise ValidationError(str(error)) from error
        if self.required and not written:
            raise ValidationError(_("Write something here, or remove this block."))
        return cleaned


class ItemListBlock(blocks.StructBlock):
    style = blocks.ChoiceBlock(
        choices=[("bullet", _("bullets")), ("number", _("numbers")), ("circled", _("circled numbers"))],
        default="bullet",
        label=_("style"),
    )
    items = blocks.ListBlock(InlineBlock(label=_("entry")), label=_("entries"))

    class Meta:
        icon: ClassVar = "list-ul"


class PictureBlock(blocks.StructBlock):
    image = ImageChooserBlock(required=False, label=_("picture"))
    src = PictureSourceBlock(
        required=False,
        label=_("or its address"),
        help_text=_("https://…, or the file's path in the issue file"),
    )
    alt = LineBlock(
        required=False,
        label=_("alternative text"),
        help_text=_("What the picture shows, for those who do not see it. Empty only for decoration."),
    )
    credit = LineBlock(required=False, label=_("credit"))
    caption = LineBlock(required=False, label=_("caption"))
    link = LinkBlock(required=False, label=_("link"))
    video = WebLinkBlock(
        required=False,
        label=_("video"),
        help_text=_("The address of a video; the picture then carries a play badge."),
    )

    class Meta:
        icon: ClassVar = "image"
        label_format: ClassVar = "{alt}"

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if bool(cleaned["image"]) == bool(cleaned["src"]):
            wrong = ValidationError(_("Choose a picture, or give its address: one of the two."))
            raise blocks.StructBlockValidationError(block_errors={"src": wrong})
        return cleaned


class FactBlock(blocks.StructBlock):
    label = LineBlock(label=_("label"))
    value = InlineBlock(label=_("value"))

    class Meta:
        label_format: ClassVar = "{label}"


class QuoteBlock(blocks.StructBlock):
    text = InlineBlock(label=_("text"))
    by = LineBlock(required=False, label=_("said by"))

    class Meta:
        icon: ClassVar = "openquote"


class ButtonBlock(blocks.StructBlock):
    label = LineBlock(label=_("label"))
    url = LinkBlock(label=_("address"))

    class Meta:
        icon: ClassVar = "link-external"
        label_format: ClassVar = "{label}"


class ContentBlock(blocks.StreamBlock):
    paragraph = InlineBlock(label=_("paragraph"), icon="pilcrow")
    heading = LineBlock(label=_("sub-heading"), icon="title")
    list = ItemListBlock(label=_("list"))
    picture = PictureBlock(label=_("picture or video"))
    facts = blocks.ListBlock(FactBlock(label=_("row")), label=_("facts table"), icon="table")
    citation = InlineBlock(label=_("citation"), icon="doc-full")
    quote = QuoteBlock(label=_("quote"))
    button = ButtonBlock(label=_("button"))


class ArticleBlock(blocks.StructBlock):
    title = LineBlock(label=_("headline"))
    source = LineBlock(required=False, label=_("source"), help_text=_("Who published it first."))
    date = blocks.DateBlock(required=False, label=_("date"))
    url = WebLinkBlock(required=False, label=_("read more at"))
    blocks = ContentBlock(required=False, label=_("content"))

    class Meta:
        icon: ClassVar = "doc-full"
        label_format: ClassVar = "{title}"


class SectionBlock(blocks.StructBlock):
    title = LineBlock(label=_("section title"))
    intro = ContentBlock(required=False, label=_("introduction"))
    articles = blocks.ListBlock(ArticleBlock(label=_("article")), label=_("articles"), default=[])

    class Meta:
        icon: ClassVar = "folder-open-inverse"
        label_format: ClassVar = "{title}"


class IssueBody(blocks.StreamBlock):
    section = SectionBlock(label=_("section"))

    class Meta:
        icon: ClassVar = "doc-full"
