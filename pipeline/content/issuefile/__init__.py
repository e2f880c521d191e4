"""The issue file: Markdown with YAML front matter, there and back.

`parse` reads a file, `write` writes one, `normalise` brings a document from elsewhere (the staff form) into the
one form that a file can carry. For every `IssueFile` x that `write` accepts: `parse(write(x)) == normal(x)`.
The syntax, as editors read it, is in docs/issue-file.md.

Inside: `spans` inline text and its normal form · `fields` single values · `normal` whole documents ·
`frontmatter` the YAML · `places` line and column · `flavour` our Markdown · `reader` (`blocks`, `dressing`) and
`writer` the body.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.content import merge
from pipeline.content.issuefile.fields import first_forbidden
from pipeline.content.issuefile.frontmatter import read_front_matter, write_front_matter
from pipeline.content.issuefile.normal import normal_profile, normalise
from pipeline.content.issuefile.places import Position
from pipeline.content.issuefile.reader import read_sections
from pipeline.content.issuefile.spans import normal_html
from pipeline.content.issuefile.writer import write_sections
from pipeline.content.types import ContentError, Finding, IssueDocument, NewsletterProfile

__all__ = ["IssueFile", "Position", "normal", "normal_html", "normalise", "parse", "write"]

MAX_CHARACTERS = 200_000
"""Ten times a long issue; Markdown may cost the square of a hostile text's length."""


@dataclass(frozen=True, slots=True)
class IssueFile:
    document: IssueDocument
    newsletter: NewsletterProfile | None = None
    """None when the front matter names the newsletter by its slug alone."""
    begun: Mapping[str, Position] = field(default_factory=dict, compare=False, repr=False)
    """Where in the file each part begins, by its place; nothing for an issue that comes from elsewhere."""

    text: str = field(default="", compare=False, repr=False)
    """The file as it was read, with line ends as `\n`."""

    def found(self, finding: Finding) -> Position | None:
        """Where in the file a finding is: that of a merge tag at the tag, any other at what it is within."""
        begun = self.position(finding.place)
        return _bad_tag(self.text, begun) if begun and finding.id == "text" else begun

    def position(self, place: str) -> Position | None:
        """Where a place is in the file, or what it is within: `subject`, `sections[0].articles[1].blocks[2].url`."""
        while place and place not in self.begun:
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return self.begun.get(place)


def parse(text: str, *, source: str = "issue file") -> IssueFile:
    """Read an issue file. The result is in normal form.

    Raises `ContentError` with `source`, line and column (both from 1) for anything that the file may not hold;
    nothing is dropped in silence.
    """
    _check_length(text, source)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")  # as Windows saves it
    _check_characters(text, source)
    matter, body = _split(text, source)
    front = read_front_matter(matter, source=source)
    sections, begun = read_sections(body, source=source)
    return IssueFile(IssueDocument(sections=sections, **front.fields), front.profile, {**front.begun, **begun}, text)


def write(issue: IssueFile) -> str:
    """The file that `parse` reads back to the normal form of `issue`. Raises `ContentError` like `normalise`."""
    issue = normal(issue)
    body = write_sections(issue.document.sections)
    text = f"---\n{write_front_matter(issue.document, issue.newsletter)}---\n" + (f"\n{body}" if body else "")
    _check_length(text, "issue file")
    return text


def normal(issue: IssueFile) -> IssueFile:
    """Document and profile in normal form. Raises `ContentError` as `normalise` does."""
    if issue.newsletter is None:
        return replace(issue, document=normalise(issue.document))
    return IssueFile(normalise(issue.document), normal_profile(issue.newsletter, slug=issue.document.newsletter))


def _check_length(text: str, source: str) -> None:
    if len(text) > MAX_CHARACTERS:
        message = f"the file has {len(text):,} characters; an issue file has at most {MAX_CHARACTERS:,}"
        raise ContentError(message, source=source)


def _check_characters(text: str, source: str) -> None:
    if found := first_forbidden(text):
        raise _error_at(text, found.position, found.message, source)


def _error_at(text: str, position: int, message: str, source: str) -> ContentError:
    before = text[:position]
    return ContentError(message, source=source, line=before.count("\n") + 1, column=position - before.rfind("\n"))


def _bad_tag(text: str, begun: Position) -> Position:
    """The first merge tag from a place on that is none; the place itself when there is no such."""
    start = sum(len(line) + 1 for line in text.split("\n")[: begun.line - 1]) + begun.column - 1
    for tag in _TAG.finditer(text, start):
        try:
            merge.parse(" ".join(tag[0].split()))
        except ContentError:
            before = text[: tag.start()]
            return Position(before.count("\n") + 1, tag.start() - before.rfind("\n"))
    return begun


_TAG = re.compile(r"(?<!\\)\{\{.*?\}\}", re.DOTALL)
_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"^---[ \t]*(?:\n|\Z)", re.MULTILINE)


def _split(text: str, source: str) -> tuple[str, str]:
    """Front matter and body, each with empty lines in place of what is missing, so that line numbers hold."""
    opening = _OPENING.match(text)
    if not opening:
        raise ContentError(
            "no front matter: the first line must be ---, then newsletter, title, number, date, language, "
            "subject and preheader, then --- again",
            source=source,
            line=1,
            column=1,
        )
    closing = _CLOSING.search(text, opening.end())
    if not closing:
        raise ContentError(
            "the front matter that begins here has no end: close it with a line ---", source=source, line=1, column=1
        )
    matter = "\n" + text[opening.end() : closing.start()]
    return matter, "\n" * text.count("\n", 0, closing.end()) + text[closing.end() :]
