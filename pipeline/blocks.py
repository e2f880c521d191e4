"""The blocks of an issue's body in the staff form, one for each content type of `content.types`."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from wagtail import blocks

INLINE = ["bold", "italic", "link"]


class InlineBlock(blocks.RichTextBlock):
    """One run of inline text."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(features=INLINE, **kwargs)


class ItemListBlock(blocks.StructBlock):
    style = blocks.ChoiceBlock(
        choices=[("bullet", _("bullets")), ("number", _("numbers")), ("circled", _("circled numbers"))],
        default="bullet",
        label=_("style"),
    )
    items = blocks.ListBlock(InlineBlock(label=_("entry")), label=_("entries"))


class PictureBlock(blocks.StructBlock):
    src = blocks.CharBlock(label=_("picture address"))
    alt = blocks.CharBlock(
        required=False, label=_("alternative text"), help_text=_("empty only for decoration")
    )
    credit = blocks.CharBlock(required=False, label=_("credit"))
    caption = blocks.CharBlock(required=False, label=_("caption"))
    link = blocks.URLBlock(required=False, label=_("link"))
    video = blocks.URLBlock(required=False, label=_("video"))


class FactBlock(blocks.StructBlock):
    label = blocks.CharBlock(label=_("label"))
    value = InlineBlock(label=_("value"))


class QuoteBlock(blocks.StructBlock):
    text = InlineBlock(label=_("text"))
    by = blocks.CharBlock(required=False, label=_("said by"))


class ButtonBlock(blocks.StructBlock):
    label = blocks.CharBlock(label=_("label"))
    url = blocks.CharBlock(label=_("address"))


class ContentBlock(blocks.StreamBlock):
    paragraph = InlineBlock(label=_("paragraph"))
    heading = blocks.CharBlock(label=_("sub-heading"))
    list = ItemListBlock(label=_("list"))
    picture = PictureBlock(label=_("picture or video"))
    facts = blocks.ListBlock(FactBlock(), label=_("facts table"))
    citation = InlineBlock(label=_("citation"))
    quote = QuoteBlock(label=_("quote"))
    button = ButtonBlock(label=_("button"))


class ArticleBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("headline"))
    source = blocks.CharBlock(required=False, label=_("source"))
    date = blocks.DateBlock(required=False, label=_("date"))
    url = blocks.URLBlock(required=False, label=_("read more at"))
    blocks = ContentBlock(required=False, label=_("content"))


class SectionBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("section title"))
    intro = ContentBlock(required=False, label=_("introduction"))
    articles = blocks.ListBlock(ArticleBlock(label=_("article")), label=_("articles"), default=[])


class IssueBody(blocks.StreamBlock):
    section = SectionBlock(label=_("section"))

    class Meta:
        icon: ClassVar = "doc-full"
