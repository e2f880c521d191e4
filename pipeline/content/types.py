"""The values that pass through the content stage. No behaviour lives here.

`IssueDocument` is what an editor wrote, whether in an issue file or in the staff form.
`Proof` is what the compiler made of it: wire-ready byte segments with slots between them.

Inline text (`Html` below) is a small, clean subset of HTML, always in this canonical form: text with `&`, `<`,
`>` escaped as `&amp; &lt; &gt;` (quotes stay as they are), `<strong>`, `<em>`, `<br/>` and `<a href="…">` with
`&amp;` and `&quot;` escaped in the address. No other element, no other attribute. Merge tags
(`{{ first_name | default("there") }}`) stand in it as plain text.

`lang`, wherever it stands, is the BCP 47 language of that part where it is not that of what surrounds it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Html: TypeAlias = str
"""Inline text in the canonical subset described above."""


class ListStyle(StrEnum):
    BULLET = "bullet"
    NUMBER = "number"
    CIRCLED = "circled"


@dataclass(frozen=True, slots=True)
class Paragraph:
    html: Html
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A sub-heading inside an article."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class ItemList:
    style: ListStyle
    items: tuple[Html, ...]
    """Each may hold `<br/>`: an entry with its explanation below it."""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture; with `video`, it is a doorway to one and carries a play badge of its own."""

    src: str
    """An absolute http(s) URL, or a path relative to the issue file."""
    alt: str
    """Empty means decorative."""
    credit: str = ""
    caption: str = ""
    link: str = ""
    video: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of labels and values: period, eligibility, how to apply."""

    rows: tuple[tuple[str, Html], ...]
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A literature reference, one line of inline text."""

    html: Html
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    html: Html
    by: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A highlighted box: a deadline moved, a correction."""

    html: Html
    title: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Teaser:
    """A short pointer to a story elsewhere. Two neighbours stand side by side where the screen is wide enough."""

    title: str
    html: Html = ""
    url: str = ""
    src: str = ""
    """A picture, as in `Picture.src`; empty for none."""
    alt: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Divider:
    """A rule between two thoughts."""


@dataclass(frozen=True, slots=True)
class Sponsor:
    """Paid content, always labelled as such."""

    html: Html
    by: str
    """Who pays."""
    url: str = ""
    src: str = ""
    alt: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who greets at the end: the name, on further lines (`<br/>`) what they do; with a portrait or drawn signature."""

    html: Html
    src: str = ""
    alt: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file to download, with its kind and size shown beside it."""

    label: str
    url: str
    kind: str = ""
    """`PDF`, `HWP`; empty: taken from the end of the address."""
    size: str = ""
    """As printed: `1.2 MB`."""
    lang: str = ""


Block: TypeAlias = (
    Paragraph | Heading | ItemList | Picture | Facts | Citation | Quote | Button | Notice | Teaser | Divider | Sponsor
    | Signature | FileLink
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    blocks: tuple[Block, ...]
    source: str = ""
    """Who published it first, as printed: `MOLIT`, `Sejong City, Daejeon City`."""
    date: dt.date | None = None
    url: str = ""
    """Where to read the whole story; shown as a read-more link."""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    articles: tuple[Article, ...]
    intro: tuple[Block, ...] = ()
    lang: str = ""


@dataclass(frozen=True, slots=True)
class IssueDocument:
    newsletter: str
    """The newsletter's slug."""
    number: int
    date: dt.date
    language: str
    """BCP 47: `en`, `ko`."""
    title: str
    subject: str
    """May hold merge tags."""
    preheader: str
    sections: tuple[Section, ...]
    advertising: bool = False
    """Whether it advertises: Korean law then asks for `(광고)` at the very start of the subject."""


class Shape(StrEnum):
    """What a picture is prepared for: how large, and whether it carries a play badge."""

    WHOLE = "whole"
    """As wide as the column."""
    DOORWAY = "doorway"
    """As wide as the column, a play badge drawn into it: it leads to a video."""
    HALF = "half"
    """One of two side by side."""
    SMALL = "small"
    """A portrait or a drawn signature."""
    LOGO = "logo"


@dataclass(frozen=True, slots=True)
class PictureUse:
    """One use of a picture in an issue."""

    src: str
    shape: Shape = Shape.WHOLE


@dataclass(frozen=True, slots=True)
class PublicPicture:
    """A picture as mail shows it. Width, height (pixels, twice what a layout gives it) and size are 0 when unknown."""

    url: str
    """Absolute, in wire form."""
    width: int = 0
    height: int = 0
    size: int = 0
    """Bytes."""


class LinkMode(StrEnum):
    DIRECT = "direct"
    """Links stay as they are written. Nothing is counted."""
    COUNTED = "counted"
    """Through a redirect that is the same for every reader: totals, nobody's name."""
    PERSONAL = "personal"
    """Through a redirect with the reader's signed token at its end."""


@dataclass(frozen=True, slots=True)
class NewsletterProfile:
    """What a compile needs to know of the newsletter."""

    slug: str
    name: str
    sender_name: str
    sender_address: str
    reply_to: str = ""
    postal_address: str = ""
    language: str = "en"
    layout: str = "bulletin"
    brand: Mapping[str, str] = field(default_factory=dict)
    """Brand settings of the layout: `primary`, `accent` … as `#rrggbb`; `logo`, `font`, `width` …"""
    links: LinkMode = LinkMode.DIRECT
    utm: Mapping[str, str] = field(default_factory=dict)
    """Parameters added to web links: `{"utm_source": "city", "utm_campaign": "issue-{number}"}`. A value may name the
    issue's `{number}`, `{date}` and `{language}`."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where this installation answers."""

    base_url: str
    """`https://news.example.org`, no trailing slash."""
    bounce_domain: str
    message_id_domain: str


class Context(StrEnum):
    """Where a slot stands, and so how its value is escaped and encoded."""

    TEXT = "text"
    """The text part: quoted-printable."""
    HTML = "html"
    """Text or a quoted attribute of the HTML part: HTML-escaped, then quoted-printable."""
    URL = "url"
    """Inside an address in either part: percent-encoded unless URL-safe already, then quoted-printable."""
    HEADER = "header"
    """The value is a whole header value that is wire-ready already (a token, a date, an encoded address)."""
    HEADER_TEXT = "header-text"
    """A whole header value with merge tags: filled, RFC 2047 encoded and folded per recipient."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A hole in the proof. `name` is a key of the values given to `fill`, or for merge tags the field's name."""

    name: str
    context: Context
    default: str = ""
    """Used when the value is missing or blank: the merge tag's fallback."""
    template: str = ""
    """For HEADER_TEXT: the whole template (`Hello {{ first_name | default("there") }}`)."""


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """A link that goes through the redirect: what must be stored before the first message leaves."""

    key: str
    url: str
    """As written."""
    target: str
    """Where it leads until somebody repairs it: the wire form of `url`, with the newsletter's parameters."""
    text: str


class Severity(StrEnum):
    BLOCK = "block"
    WARN = "warn"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that preflight has to say."""

    id: str
    severity: Severity
    place: str
    """`sections[2].articles[0].blocks[1]`, `subject`, or `line 12, column 4`."""
    message: str
    """What it is and what to do about it."""
    pattern: str = ""
    """The message with `{names}` where its values stand: what a translation knows it by. Empty: it has none."""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """An issue compiled. `segments[i]`, `slots[i]`, `segments[i+1]` … in turn make the whole wire message.

    Invariant: `len(segments) == len(slots) + 1`. The bytes end every line in CRLF, no line starts with a dot,
    and the message ends with CRLF (the closing dot line is the SMTP client's).
    """

    hash: str
    """SHA-256, hex, over segments and slots."""
    language: str
    subject: str
    """The template, for people."""
    segments: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    html_size: int
    """Bytes of the HTML before transfer encoding."""
    encoded_size: int
    """Bytes of the whole message with its slots empty."""
    links: tuple[Link, ...]
    layout: str


@dataclass(frozen=True, slots=True)
class Card:
    """How a page that links to the issue may introduce it. Plain text; merge tags have given way to fallbacks."""

    title: str = ""
    description: str = ""
    image: str = ""
    """Absolute address of the first picture, else of the logo; empty when there is neither."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """What `compile()` gives back: the proof with its human-readable halves and what preflight found."""

    proof: Proof
    html: str
    """The inlined HTML with merge tags back in readable form, for people and previews."""
    text: str
    findings: tuple[Finding, ...]
    card: Card = Card()
    redirects: tuple[Redirect, ...] = ()
    """In reading order, each key once; none where links are direct."""


class ContentError(Exception):
    """Something a person wrote cannot be used. `str()` says where, what and what is allowed."""

    def __init__(self, message: str, *, source: str = "", line: int = 0, column: int = 0) -> None:
        self.message, self.source, self.line, self.column = message, source, line, column
        place = ", ".join(
            part for part in (source, f"line {line}" if line else "", f"column {column}" if column else "") if part
        )
        super().__init__(f"{place}: {message}" if place else message)
