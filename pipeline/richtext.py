"""The form's rich text (`<p>` with `<b>`, `<i>`, `<a>`) and the canonical inline HTML of an issue: there and back.

Rich text from the form is hostile. What is stored is what nh3 leaves of it; and of what is read, only the elements that
the canonical form knows have any effect, of all others the text stays, as text.
"""

from html.parser import HTMLParser
from typing import Final

import nh3

from pipeline.content.issuefile.spans import BREAK, STYLES, Span, html_of, normal_spans
from pipeline.content.types import Html

_NAMES: Final = {"b": "strong", "i": "em"}
_INLINE: Final = {*STYLES, *_NAMES, "span", "embed"}
_KEPT: Final = {"p", "br", *STYLES, *_NAMES}


class _Reader(HTMLParser):
    """Collects the paragraphs of rich text as spans."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[Span]] = [[]]
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = _NAMES.get(tag, tag)
        if name in STYLES:
            self._open.append((name, dict(attrs).get("href") or ""))
        elif name == "br":
            self._add(BREAK)
        elif name not in _INLINE:
            self.paragraphs.append([])

    def handle_endtag(self, tag: str) -> None:
        name = _NAMES.get(tag, tag)
        opened = [index for index, (each, _) in enumerate(self._open) if each == name]
        if opened:
            del self._open[opened[-1]]
        elif name not in _INLINE and name != "br":
            self.paragraphs.append([])

    def handle_data(self, data: str) -> None:
        self._add(data.replace("\n", BREAK))  # inside a link the editor writes a line break as it is

    def _add(self, text: str) -> None:
        styles = dict(self._open)
        span = Span(text, strong="strong" in styles, em="em" in styles, href=styles.get("a", ""))
        self.paragraphs[-1].append(span)


def paragraphs_of(source: str) -> tuple[Html, ...]:
    """Rich text as canonical inline HTML, one for each paragraph that is not empty.

    Raises ContentError for an address or a character that an issue may not hold.
    """
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return tuple(html for spans in reader.paragraphs if (html := html_of(normal_spans(spans))))


def inline_of(source: str) -> Html:
    """Rich text as one run of inline HTML, `<br/>` between paragraphs. Raises ContentError like `paragraphs_of`."""
    return "<br/>".join(paragraphs_of(source))


def cleaned(source: str) -> str:
    """Rich text with nothing in it but the elements of the form, to be stored.

    Addresses that no issue may hold are for `paragraphs_of` to refuse first: here they would be gone without a word.
    """
    clean = nh3.clean(source, tags=_KEPT, attributes={"a": {"href"}}, link_rel=None)
    return clean.replace("<br>", "<br/>")  # as Wagtail's editor wants to read it


def source_of(html: Html) -> str:
    """Canonical inline HTML as the form's rich text."""
    for ours, theirs in (("strong", "b"), ("em", "i")):
        html = html.replace(f"<{ours}>", f"<{theirs}>").replace(f"</{ours}>", f"</{theirs}>")
    return f"<p>{html}</p>" if html else ""
