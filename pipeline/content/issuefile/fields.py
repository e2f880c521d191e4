"""Single values: which characters, lines, addresses and paths an issue may hold.

Each `normal_*` gives the value's normal form or raises `ContentError` without a place; callers add it.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pipeline.content.types import ContentError

MERGE_TAG: Final = re.compile(r"\{\{.*?\}\}")
"""`{{ … }}` on one line; what it may hold is for the merge stage to say."""

_FORBIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed (CR has its own message), DEL, C1
    "\u2028\u2029"  # line and paragraph separator: lines that no editor shows
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides and isolates: text that reads otherwise
    "\ufeff\ufffe\uffff\ud800-\udfff"  # byte order marks, noncharacters, surrogates
    "]"
)
_SPACES = re.compile(r"[ \t\n\r]+")


@dataclass(frozen=True, slots=True)
class Forbidden:
    position: int
    message: str


def first_forbidden(text: str) -> Forbidden | None:
    """The first character of `text` that no field may hold, with words for a person."""
    found = _FORBIDDEN.search(text)
    if not found:
        return None
    name = unicodedata.name(found[0], "control or non-character")
    return Forbidden(
        found.start(),
        f"the character U+{ord(found[0]):04X} ({name.lower()}) is invisible or turns text round: delete it",
    )


def check_characters(text: str) -> None:
    """Raise `ContentError` at the first forbidden character (a carriage return counts as white space)."""
    if found := first_forbidden(text.replace("\r", " ")):
        raise ContentError(found.message)


def normal_line(text: str) -> str:
    """One line: blanks, tabs and line ends collapse to one space, none at the ends. Other spaces stay."""
    check_characters(text)
    return _SPACES.sub(" ", text).strip(" ")


def required_line(text: str, name: str) -> str:
    line = normal_line(text)
    if not line:
        raise ContentError(f"{name} is empty")
    return line


_WEB = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)
_HOST_AND_MORE = re.compile(r"[^/]*//[^\s/?#]+[/?#]")
_MAIL_OR_PHONE = re.compile(r"mailto:[^\s@]+@[^\s@]+|tel:\+?[0-9][0-9().-]*", re.IGNORECASE)
_UNSAFE_IN_LINK = re.compile(r"[\s<>\"\\`^{}|]")


def normal_link(url: str) -> str:
    """An address that a reader may follow: http, https, mailto or tel. Raises `ContentError`."""
    url = normal_line(url)
    if _MAIL_OR_PHONE.fullmatch(url) and not _UNSAFE_IN_LINK.search(url):
        return url
    return normal_web_link(url, allowed="http://, https://, mailto: or tel:")


def normal_web_link(url: str, *, allowed: str = "http:// or https://") -> str:
    """An http or https address. Merge tags may stand after the host. Raises `ContentError`."""
    url = normal_line(url)
    bare = MERGE_TAG.sub("", url)
    host, tag, _ = url.partition("{{")
    if not _WEB.fullmatch(bare) or (tag and not _HOST_AND_MORE.match(host)):
        raise ContentError(f"{url!r} is no usable address: it must begin with {allowed} and hold no spaces")
    if unsafe := _UNSAFE_IN_LINK.search(bare):
        raise ContentError(f"the address {url!r} holds {unsafe[0]!r}: write it percent-encoded (a space is %20)")
    return url


def normal_picture_source(src: str) -> str:
    """An http(s) address, or a path relative to the issue file that stays below it. Raises `ContentError`."""
    src = required_line(src, "the picture's file")
    if MERGE_TAG.search(src):
        raise ContentError("a picture is the same for everyone: no merge tags in its address")
    if re.match(r"https?:", src, re.IGNORECASE):
        return normal_web_link(src)
    decoded = unquote(src)
    if re.search(r"[\\:<>\"|?*{}#]", decoded) or decoded.startswith("/") or ".." in decoded.split("/"):
        raise ContentError(
            f"{src!r} is no usable picture: give an http(s) address or a path below the issue file "
            "such as pictures/tower.png, without .. or a leading /"
        )
    return src


def normal_address(address: str, name: str) -> str:
    """A mail address in the plain form local@domain. Raises `ContentError` naming the field."""
    address = normal_line(address)
    if not re.fullmatch(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+", address):
        raise ContentError(f"{name} must be a mail address such as news@example.org, not {address!r}")
    return address


def matching(value: str, pattern: str, message: str) -> str:
    """`value` when all of it matches, else `ContentError` with what is allowed."""
    value = normal_line(value)
    if not re.fullmatch(pattern, value):
        raise ContentError(f"{message}, not {value!r}")
    return value


_CIRCLED = {"➊": 10, "❶": 10, "①": 20, "➀": 10}
"""The first of each row of circled numbers, and how many follow it in Unicode."""


def circled_number(text: str) -> int:
    """The number that `text` begins with as a circled digit (➊ ❶ ① ➀), 0 without one."""
    code = ord(text[0]) if text else 0
    return next((code - ord(one) + 1 for one, count in _CIRCLED.items() if 0 <= code - ord(one) < count), 0)
