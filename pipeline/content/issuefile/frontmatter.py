"""The front matter: a small, strict piece of YAML.

Only mappings of names to single values are read, every value as the text it is written as (so `no` is a language and
`1.10` a text). Lists, anchors, aliases and tags are refused, and so are doubled and unknown names.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeAlias, TypeVar

import yaml

from pipeline.content import brand
from pipeline.content.issuefile.fields import matching, normal_address, normal_line, required_line
from pipeline.content.issuefile.normal import (
    normal_language,
    normal_link_mode,
    normal_number,
    normal_parameter,
    normal_slug,
)
from pipeline.content.issuefile.places import Position
from pipeline.content.types import ContentError, IssueDocument, LinkMode, NewsletterProfile

MAX_CHARACTERS = 20_000
MAX_DEPTH = 3

REQUIRED = ("newsletter", "title", "number", "date", "language", "subject", "preheader")
KEYS = (*REQUIRED, "advertising")
NEWSLETTER_KEYS = (
    "slug", "name", "sender", "reply_to", "postal_address", "language", "layout", "brand", "links", "utm",
)  # fmt: skip
SENDER_KEYS = ("name", "address")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and where it stands."""

    value: "str | Entries"
    line: int
    column: int


Entries: TypeAlias = dict[str, Entry]


@dataclass(frozen=True, slots=True)
class FrontMatter:
    fields: dict[str, Any]
    """Keyword arguments for `IssueDocument` except its sections."""
    profile: NewsletterProfile | None
    """The newsletter when it is written out."""
    begun: dict[str, Position]
    """Where each value begins, by its place: `subject`, `newsletter.brand.primary`."""


def read_front_matter(text: str, *, source: str) -> FrontMatter:
    """Read the front matter. Raises `ContentError` with line and column.

    `text` has an empty first line in place of the opening `---`, so that its lines count as the file's.
    """
    fields = _Fields(source, Entry(_entries(text, source), 1, 1))
    fields.expect("the front matter", KEYS, required=REQUIRED)
    profile = fields.inner("newsletter").profile() if fields.is_mapping("newsletter") else None
    read = {
        "newsletter": profile.slug if profile else fields.read("newsletter", normal_slug),
        "title": fields.read("title", partial(required_line, name="the title")),
        "number": fields.read("number", _number),
        "date": fields.read("date", read_date),
        "language": fields.read("language", normal_language),
        "subject": fields.read("subject", partial(required_line, name="the subject")),
        "preheader": fields.read("preheader", normal_line),
        "advertising": "advertising" in fields.entries and fields.read("advertising", _yes_or_no),
    }
    return FrontMatter(read, profile, dict(_begun(fields.entries)))


def _begun(entries: Entries, within: str = "") -> Iterator[tuple[str, Position]]:
    for name, entry in entries.items():
        yield within + name, Position(entry.line, entry.column)
        if isinstance(entry.value, dict):
            yield from _begun(entry.value, f"{within}{name}.")


def _number(text: str) -> int:
    return normal_number(int(matching(text, r"[1-9][0-9]{0,8}", "the number must be a whole number such as 20")))


def _yes_or_no(text: str) -> bool:
    return matching(text, "true|false", "advertising is true or false") == "true"


def read_date(text: str) -> date:
    """The day written as 2021-08-31. Raises `ContentError`."""
    try:
        return date.fromisoformat(matching(text, r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date is written 2021-08-31"))
    except ValueError as error:
        raise ContentError(f"{text} is no day of the calendar; a date is written 2021-08-31") from error


@dataclass(frozen=True, slots=True)
class _Fields:
    """The entries of one mapping, read by name; errors name the place of the value."""

    source: str
    whole: Entry

    @property
    def entries(self) -> Entries:
        return self.whole.value if isinstance(self.whole.value, dict) else {}

    def expect(self, what: str, allowed: tuple[str, ...], *, required: tuple[str, ...]) -> None:
        for key, entry in self.entries.items():
            if key not in allowed:
                raise _error(f"{what} has no {key!r}; it has {', '.join(allowed)}", self.source, entry)
        if missing := [key for key in required if key not in self.entries]:
            raise _error(f"{what} lacks {', '.join(missing)}", self.source, self.whole)

    def is_mapping(self, key: str) -> bool:
        return isinstance(self.entries[key].value, dict)

    def read(self, key: str, convert: Callable[[str], T]) -> T:
        entry = self.entries[key]
        if not isinstance(entry.value, str):
            raise _error(f"{key} must be a single value, not a mapping", self.source, entry)
        try:
            return convert(entry.value)
        except ContentError as error:
            raise _error(error.message, self.source, entry) from error

    def optional(self, key: str, convert: Callable[[str], str], *, default: str = "") -> str:
        return self.read(key, lambda text: convert(text) if text else default) if key in self.entries else default

    def inner(self, key: str) -> "_Fields":
        if not self.is_mapping(key):
            raise _error(f"{key} must be a mapping of names to values", self.source, self.entries[key])
        return _Fields(self.source, self.entries[key])

    def profile(self) -> NewsletterProfile:
        """The newsletter written out."""
        self.expect("the newsletter", NEWSLETTER_KEYS, required=("slug", "name", "sender"))
        name = self.read("name", partial(required_line, name="the newsletter's name"))
        sender_name, sender_address = self._sender(name)
        return NewsletterProfile(
            slug=self.read("slug", normal_slug),
            name=name,
            sender_name=sender_name,
            sender_address=sender_address,
            reply_to=self.optional("reply_to", partial(normal_address, name="reply_to")),
            postal_address=self.optional("postal_address", normal_line),
            language=self.optional("language", normal_language, default="en"),
            layout=self.optional("layout", normal_slug, default="bulletin"),
            brand=self.inner("brand").brand() if "brand" in self.entries else {},
            links=self.read("links", normal_link_mode) if "links" in self.entries else LinkMode.DIRECT,
            utm=self.inner("utm").parameters() if "utm" in self.entries else {},
        )

    def brand(self) -> dict[str, str]:
        return {name: self.read(name, partial(brand.normal, name)) for name in self.entries}

    def parameters(self) -> dict[str, str]:
        return {name: self.read(name, partial(normal_parameter, name)) for name in self.entries}

    def _sender(self, newsletter: str) -> tuple[str, str]:
        """Name and address, from a mapping or from the address alone (then the newsletter's name is the sender's)."""
        address = partial(normal_address, name="the sender's address")
        if not self.is_mapping("sender"):
            return newsletter, self.read("sender", address)
        sender = self.inner("sender")
        sender.expect("the sender", SENDER_KEYS, required=SENDER_KEYS)
        return sender.read("name", partial(required_line, name="the sender's name")), sender.read("address", address)


def _error(message: str, source: str, entry: Entry) -> ContentError:
    return ContentError(message, source=source, line=entry.line, column=entry.column)


def _entries(text: str, source: str) -> Entries:
    if len(text) > MAX_CHARACTERS:
        message = f"the front matter is longer than {MAX_CHARACTERS:,} characters"
        raise ContentError(message, source=source, line=1, column=1)
    if escape := _BEYOND_UNICODE.search(text):  # PyYAML fails on it without a place
        line, before = text.count("\n", 0, escape.start()) + 1, text.rfind("\n", 0, escape.start())
        raise ContentError(f"{escape[0]} names no character", source=source, line=line, column=escape.start() - before)
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        plain = (event for event in events if not isinstance(event, _OUTER_EVENTS))
        return _Values(source, plain).whole()
    except yaml.MarkedYAMLError as error:
        line, column = _place(error.problem_mark)
        raise ContentError(
            f"the front matter is no valid YAML: {error.problem}; put a text with : or # in "
            'double quotes, with \\" for a double quote inside them',
            source=source,
            line=line,
            column=column,
        ) from error


_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")


def _place(mark: "yaml.Mark | yaml._yaml.Mark | None") -> tuple[int, int]:
    """Line and column from 1."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


_OUTER_EVENTS = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


@dataclass(frozen=True, slots=True)
class _Values:
    """Mappings and texts out of YAML's events, so that nothing is built which is not allowed."""

    source: str
    events: Iterator[yaml.Event]

    def whole(self) -> Entries:
        first = next(self.events, None)
        entry = self._entry(first, depth=0) if first else Entry({}, 1, 1)
        if extra := next(self.events, None):
            raise self._refusal("a second YAML document", extra)
        if not isinstance(entry.value, dict):
            raise _error("the front matter must have lines such as title: Smart City", self.source, entry)
        return entry.value

    def _entry(self, event: yaml.Event, *, depth: int) -> Entry:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refusal("an anchor or alias (& or *)", event)
        if getattr(event, "tag", None):
            raise self._refusal("a tag (!)", event)
        line, column = _place(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return Entry(event.value, line, column)
        if not isinstance(event, yaml.MappingStartEvent) or depth == MAX_DEPTH:
            raise self._refusal("a list or a mapping this deep", event)
        return Entry(self._mapping(depth), line, column)

    def _mapping(self, depth: int) -> Entries:
        entries: Entries = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._entry(event, depth=depth + 1)
            if not isinstance(key.value, str):
                raise self._refusal("a mapping as a name", event)
            if key.value in entries:
                first = entries[key.value].line
                raise _error(f"{key.value!r} stands here a second time (first in line {first})", self.source, key)
            entries[key.value] = self._entry(next(self.events), depth=depth + 1)
        return entries

    def _refusal(self, what: str, event: yaml.Event) -> ContentError:
        line, column = _place(event.start_mark)
        return ContentError(
            f"{what} is not used in front matter: write names and single values, a text with special signs in "
            "double quotes",
            source=self.source,
            line=line,
            column=column,
        )


def write_front_matter(document: IssueDocument, profile: NewsletterProfile | None) -> str:
    """The lines between the two `---`."""
    return "".join(
        (
            _newsletter(profile) if profile else f"newsletter: {document.newsletter}\n",
            f"title: {_text(document.title)}\n",
            f"number: {document.number}\n",
            f"date: {document.date.isoformat()}\n",
            f"language: {document.language}\n",
            f"subject: {_text(document.subject)}\n",
            f"preheader: {_text(document.preheader)}\n",
            "advertising: true\n" if document.advertising else "",
        )
    )


def _newsletter(profile: NewsletterProfile) -> str:
    return "".join(
        (
            f"newsletter:\n  slug: {profile.slug}\n  name: {_text(profile.name)}\n",
            f"  sender:\n    name: {_text(profile.sender_name)}\n    address: {_text(profile.sender_address)}\n",
            f"  reply_to: {_text(profile.reply_to)}\n" if profile.reply_to else "",
            f"  postal_address: {_text(profile.postal_address)}\n" if profile.postal_address else "",
            f"  language: {profile.language}\n  layout: {profile.layout}\n",
            "  brand:\n" if profile.brand else "",
            *(f"    {key}: {_text(value)}\n" for key, value in profile.brand.items()),
            f"  links: {profile.links}\n" if profile.links is not LinkMode.DIRECT else "",
            "  utm:\n" if profile.utm else "",
            *(f"    {key}: {_text(value)}\n" for key, value in profile.utm.items()),
        )
    )


def _text(value: str) -> str:
    """A YAML scalar: JSON's strings are YAML's double-quoted ones too."""
    return json.dumps(value, ensure_ascii=False)
