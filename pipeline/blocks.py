"""The blocks of an issue's body in the staff form, one for each content type of `content.types`, with its field names.

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
from pipeline.content.issuefile.normal import normal_language
from pipeline.content.types import ContentError
from pipeline.richtext import cleaned, paragraphs_of

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


class LanguageBlock(RuledBlock):
    """The language of a part that is not in the language of what surrounds it."""

    rule = staticmethod(normal_language)


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
        checked = super().clean(value)
        try:
            written = paragraphs_of(checked.source)
        except ContentError as error:
            raise ValidationError(str(error)) from error
        if self.required and not written:
            raise ValidationError(_("Write something here, or remove this block."))
        return RichText(cleaned(checked.source))


class PartBlock(blocks.StructBlock):
    """A part of an issue; its language stands among the block's settings, folded away."""

    lang = LanguageBlock(
        required=False,
        max_length=35,
        label=_("language"),
        help_text=_("A tag such as en or ko, if this part is not in the language of the issue."),
    )

    first: ClassVar[tuple[str, ...]] = ()
    """The fields that stand first in the form; the others follow as they are declared."""

    def get_form_layout(self) -> blocks.BlockGroup:
        others = [name for name in self.child_blocks if name not in {*self.first, "lang"}]
        return blocks.BlockGroup([*self.first, *others], settings=["lang"])


class BareBlock(PartBlock):
    """A part with one field. Without a language it is stored as the field alone, as before blocks had languages."""

    @property
    def only(self) -> str:
        name: str = next(name for name in self.child_blocks if name != "lang")
        return name

    def to_python(self, value: Any) -> Any:
        return super().to_python(self._whole(value))

    def bulk_to_python(self, values: Any) -> Any:
        return super().bulk_to_python([self._whole(value) for value in values])

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return prepared if prepared["lang"] else prepared[self.only]

    def _whole(self, value: Any) -> Any:
        return value if isinstance(value, dict) else {self.only: value}


class ParagraphBlock(BareBlock):
    html = InlineBlock(label=_("text"))

    class Meta:
        icon: ClassVar = "pilcrow"


class HeadingBlock(BareBlock):
    text = LineBlock(label=_("text"))

    class Meta:
        icon: ClassVar = "title"
        label_format: ClassVar = "{text}"


class CitationBlock(BareBlock):
    html = InlineBlock(label=_("text"))

    class Meta:
        icon: ClassVar = "doc-full"


class ItemListBlock(PartBlock):
    style = blocks.ChoiceBlock(
        choices=[("bullet", _("bullets")), ("number", _("numbers")), ("circled", _("circled numbers"))],
        default="bullet",
        label=_("style"),
    )
    items = blocks.ListBlock(InlineBlock(label=_("entry")), label=_("entries"))

    class Meta:
        icon: ClassVar = "list-ul"


class PicturedBlock(PartBlock):
    """A part with a picture, chosen or named by its address."""

    image = ImageChooserBlock(required=False, label=_("picture"))
    src = PictureSourceBlock(
        required=False,
        label=_("or its address"),
        help_text=_("https://…, or the file's path in the issue file"),
    )
    alt = LineBlock(
        required=False,
        label=_("alternative text"),
        help_text=_("What the picture shows, for those who do not see it."),
    )
    decorative = blocks.BooleanBlock(
        required=False,
        label=_("only decoration"),
        help_text=_("It tells nothing that the text does not say. It then needs no alternative text."),
    )

    def clean(self, value: Any) -> Any:
        checked = super().clean(value)
        shown, described, decorative = (
            checked["image"] or checked["src"],
            checked["alt"],
            checked["decorative"],
        )
        if checked["image"] and checked["src"]:
            raise _refusal("src", _("Choose a picture, or give its address: one of the two."))
        if described and not shown:
            raise _refusal("alt", _("There is no picture that this describes."))
        if shown and not described and not decorative:
            raise _refusal("alt", _("Describe what the picture shows, or tick that it is only decoration."))
        if described and decorative:
            raise _refusal("decorative", _("What is described is no decoration: remove the tick or the description."))
        return checked


def _refusal(field: str, message: Any) -> blocks.StructBlockValidationError:
    return blocks.StructBlockValidationError(block_errors={field: ValidationError(message)})


class PictureBlock(PicturedBlock):
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
        if not (value["image"] or value["src"]):
            raise _refusal("src", _("Choose a picture, or give its address: one of the two."))
        return super().clean(value)


class FactBlock(blocks.StructBlock):
    label = LineBlock(label=_("label"))
    value = InlineBlock(label=_("value"))

    class Meta:
        label_format: ClassVar = "{label}"


class FactsBlock(BareBlock):
    rows = blocks.ListBlock(FactBlock(label=_("row")), label=_("rows"))

    class Meta:
        icon: ClassVar = "table"


class QuoteBlock(PartBlock):
    text = InlineBlock(label=_("text"))
    by = LineBlock(required=False, label=_("said by"))

    class Meta:
        icon: ClassVar = "openquote"


class ButtonBlock(PartBlock):
    label = LineBlock(label=_("label"))
    url = LinkBlock(label=_("address"))

    class Meta:
        icon: ClassVar = "link-external"
        label_format: ClassVar = "{label}"


class NoticeBlock(PartBlock):
    title = LineBlock(required=False, label=_("title"))
    html = InlineBlock(label=_("text"))

    class Meta:
        icon: ClassVar = "warning"
        label_format: ClassVar = "{title}"


class TeaserBlock(PicturedBlock):
    first = ("title", "html", "url")
    title = LineBlock(label=_("title"))
    html = InlineBlock(required=False, label=_("text"))
    url = WebLinkBlock(required=False, label=_("read more at"))

    class Meta:
        icon: ClassVar = "doc-empty"
        label_format: ClassVar = "{title}"


class SponsorBlock(PicturedBlock):
    first = ("by", "html", "url")
    by = LineBlock(label=_("paid for by"), help_text=_("Shown with the word that marks advertising."))
    html = InlineBlock(label=_("text"))
    url = WebLinkBlock(required=False, label=_("read more at"))

    class Meta:
        icon: ClassVar = "tag"
        label_format: ClassVar = "{by}"


class SignatureBlock(PicturedBlock):
    first = ("html",)
    html = InlineBlock(label=_("name, and what you do"))

    class Meta:
        icon: ClassVar = "user"


class FileLinkBlock(PartBlock):
    label = LineBlock(label=_("label"))
    url = WebLinkBlock(label=_("address"))
    kind = LineBlock(
        required=False,
        label=_("kind"),
        help_text=_("PDF, HWP …; empty: taken from the end of the address."),
    )
    size = LineBlock(required=False, label=_("size"), help_text=_("As readers see it: 1.2 MB."))

    class Meta:
        icon: ClassVar = "download"
        label_format: ClassVar = "{label}"


class ContentBlock(blocks.StreamBlock):
    paragraph = ParagraphBlock(label=_("paragraph"))
    heading = HeadingBlock(label=_("sub-heading"))
    list = ItemListBlock(label=_("list"))
    picture = PictureBlock(label=_("picture or video"))
    facts = FactsBlock(label=_("facts table"))
    citation = CitationBlock(label=_("citation"))
    quote = QuoteBlock(label=_("quote"))
    button = ButtonBlock(label=_("button"))
    notice = NoticeBlock(label=_("notice"))
    teaser = TeaserBlock(label=_("teaser"))
    divider = blocks.StaticBlock(label=_("divider"), icon="horizontalrule", admin_text=_("A thin line."))
    sponsor = SponsorBlock(label=_("sponsored text"))
    signature = SignatureBlock(label=_("signature"))
    file = FileLinkBlock(label=_("file to download"))


class ArticleBlock(PartBlock):
    title = LineBlock(label=_("headline"))
    source = LineBlock(required=False, label=_("source"), help_text=_("Who published it first."))
    date = blocks.DateBlock(required=False, label=_("date"))
    url = WebLinkBlock(required=False, label=_("read more at"))
    blocks = ContentBlock(required=False, label=_("content"))

    class Meta:
        icon: ClassVar = "doc-full"
        label_format: ClassVar = "{title}"


class SectionBlock(PartBlock):
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
