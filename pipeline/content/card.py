"""How a page that links to an issue may introduce it: a title, a sentence, a picture."""

from pipeline.content import merge, walk
from pipeline.content.layout import Ink
from pipeline.content.types import Card, IssueDocument, NewsletterProfile, Picture, Teaser


def card_of(document: IssueDocument, newsletter: NewsletterProfile, *, ink: Ink) -> Card:
    """The card of an issue for nobody in particular. `ink` knows where pictures are."""
    return Card(_impersonal(document.title), _impersonal(document.preheader), _image(document, newsletter, ink=ink))


def _image(document: IssueDocument, newsletter: NewsletterProfile, *, ink: Ink) -> str:
    for _, block in walk.blocks(document):
        if isinstance(block, Picture | Teaser) and block.src:
            return ink.picture(block).url
    logo = newsletter.brand.get("logo", "")
    return ink.logo(logo).url if logo else ""


def _impersonal(text: str) -> str:
    return " ".join(merge.fill(merge.parse(text), {}).split())
