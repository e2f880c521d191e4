"""Whether both parts of a mail say the same: every text and every link of the issue stands in each of them.

The text part is written from the document and the HTML part by a layout; this compares what came out of both with what
went in, so that nobody who reads only one of them misses anything. Order and decoration are each part's own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from pipeline.content import markup, merge, walk
from pipeline.content.links import in_html
from pipeline.content.plaintext import as_label
from pipeline.content.preflight.findings import block
from pipeline.content.types import Finding, Html, IssueDocument, Link, NewsletterProfile

_WORDS: Final = etree.XPath("//body//text()[not(parent::style)] | //img/@alt", smart_strings=False)
_TARGETS: Final = etree.XPath("//a/@href", smart_strings=False)


@dataclass(frozen=True, slots=True)
class _Said:
    """One text or one address of the issue: where it stands, how it was written, and what to look for."""

    place: str
    written: str
    sought: str


def check(
    document: IssueDocument,
    newsletter: NewsletterProfile,
    *,
    html: str,
    text: str,
    wire: Callable[[str], str],
) -> Iterator[Finding]:
    """What is missing in one of the parts, with its place in the issue: blocking findings.

    `html` and `text` have their merge tags in readable form, and so has what `wire` makes of an address. Raises
    ContentError for a broken merge tag.
    """
    texts = [_Said(place, said, _squeezed(said)) for place, said in _texts(document, newsletter)]
    links = [(_Said(place, link.url, wire(link.url)), link.text) for place, link in _links(document)]
    page = etree.HTML(html)
    words, targets = _squeezed("".join(_strings(_WORDS(page)))), set(_strings(_TARGETS(page)))
    yield from _unsaid("the HTML part", texts, words)
    yield from (_missing("the HTML part", link) for link, _ in links if link.sought not in targets)

    joined = _joined(text)
    yield from _unsaid("the text part", texts, _squeezed(joined))
    for link, label in links:
        if label not in as_label(link.written) and f"<{_joined(link.sought)}>" not in joined:
            yield _missing("the text part", link)


def _unsaid(part: str, texts: Sequence[_Said], words: str) -> Iterator[Finding]:
    """Texts that stand in a part less often than in the issue: what stands within another does not stand for this."""
    whole = "\n".join(said.sought for said in texts)
    for said in texts:
        if said.sought and words.count(said.sought) < whole.count(said.sought):
            yield _missing(part, said)


def _missing(part: str, said: _Said) -> Finding:
    pattern = "{part} does not show “{what}”: the layout leaves it out and must be mended"
    return block("parts", said.place, pattern, part=part, what=said.written[:60])


def _strings(found: object) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else []


def _joined(text: str) -> str:
    """Without white space, which every medium sets anew."""
    return "".join(text.split())


def _squeezed(text: str) -> str:
    """Without white space, and without the mark that begins the lines of a quote."""
    return _joined(text).replace(">", "")


def _texts(document: IssueDocument, newsletter: NewsletterProfile) -> Iterator[tuple[str, str]]:
    """All that a reader must get, as a preview shows it. Subject and preheader are the inbox's."""
    for field in walk.fields(document):
        if field.kind is walk.Kind.HTML:
            yield from ((field.place, piece) for piece in _pieces(field.value))
        elif field.kind in {walk.Kind.TEXT, walk.Kind.TITLE} and field.place not in {"subject", "preheader"}:
            yield field.place, _readable(field.value)
    for line in newsletter.postal_address.splitlines():
        yield "newsletter.postal_address", line


def _pieces(html: Html) -> Iterator[str]:
    """The visible text, cut at the end of each link: there the text part has its address."""
    piece = ""
    for token in markup.parse(html):
        if token.kind in {"text", "break"}:
            piece += _readable(token.text)
        elif token.kind == "close" and token.text == "a":
            yield piece
            piece = ""
    yield piece


def _readable(text: str) -> str:
    """Merge tags in the one form in which they are shown."""
    return "".join(map(str, merge.parse(text))) if "{{" in text else text


def _links(document: IssueDocument) -> Iterator[tuple[str, Link]]:
    """A link's text is empty where the text part always has the address beside it."""
    for field in walk.fields(document):
        if field.kind is walk.Kind.URL:
            yield field.place, Link(field.value, "")
        elif field.kind is walk.Kind.HTML and "<a " in field.value:
            yield from ((field.place, link) for link in in_html(field.value))
