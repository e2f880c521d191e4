"""What is wrong with MJML that is no XML, in words for people. Expat says where it stumbled, seldom over what."""

import re
from collections.abc import Sequence
from html.entities import name2codepoint
from typing import Final
from xml.parsers import expat

_CODE = expat.errors.codes
_NAME = re.compile(rb"</?\s*([^\s<>/]*)")
_ENTITY = re.compile(rb"&(\w+);")

# Over what expat stumbled: what stands before the place, what stands there, and what to say. The first that fits.
# `here`, where there is one, is where people would look for it.
_STUMBLES: Final = tuple(
    (re.compile(before, re.DOTALL), re.compile(behind, re.DOTALL), said)
    for before, behind, said in (
        (
            rb"(?P<here><!\[?)\Z",
            rb"\[?(?:if|endif)\b",
            "<![if …]> is no comment, and the inliner would break it; write <!--[if !mso]><!--> … <!--<![endif]-->",
        ),
        (rb"(?P<here>&#?\w*)\Z", rb"", "& stands alone here; write &amp;"),
        (rb"<!--(?:(?!-->).)*(?P<here>--)\Z", rb"", "-- may not stand inside a comment; write - -"),
        (rb"", rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", "a control character stands here; delete it"),
        (rb"(?:^|[>\s\w])(?P<here><)\Z", rb"[^A-Za-z]", "< stands alone here; write &lt;"),
        (rb"(?P<here>\]\])\Z", rb">", "]]> may not stand in text; write ]]&gt;"),
        (rb"<[^<>]*=\s*\Z", rb"[^\"'\s]", 'the value needs quotes around it: name="value"'),
        (rb"<[^<>]*[\"']\Z", rb"[\w:-]", "a blank is missing between two attributes"),
        (
            rb"<[^<>]*=\s*(?P<here>\"[^\"<]*|'[^'<]*)\Z",
            rb"<",
            "the value that begins here is not closed with the same quote, or < stands in it: write &lt;",
        ),
        (rb"<[^<>]*\s(?P<here>[\w:-]+)\s*\Z", rb"[/>\w]", 'an attribute needs a value: name="value"'),
        (rb"", rb"", 'XML cannot have this here; tags are written <name attribute="value"> … </name> or <name />'),
    )
)


class NotWellFormedError(Exception):
    """What is wrong, and `at`, the offset in bytes."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


def explained(code: int, source: bytes, at: int, *, opened: Sequence[tuple[str, int]]) -> NotWellFormedError:
    """What expat's error means. `opened`: the elements that are open, with their offsets."""
    errors = expat.errors
    if code == _CODE[errors.XML_ERROR_TAG_MISMATCH]:
        return _mismatch(source, at, opened[-1][0])
    if code == _CODE[errors.XML_ERROR_NO_ELEMENTS] and opened:
        tag, start = opened[-1]
        return NotWellFormedError(f"<{tag}> is opened here and never closed", start)
    if code == _CODE[errors.XML_ERROR_UNDEFINED_ENTITY]:
        return _entity(source, at)
    return NotWellFormedError(_SAID[code], at) if code in _SAID else _stumble(source, at)


def _mismatch(source: bytes, at: int, opened: str) -> NotWellFormedError:
    # Expat points behind the </.
    start = source.rfind(b"<", 0, at + 1)
    found = _NAME.match(source, start)
    closing = found[1].decode(errors="replace") if found else ""
    return NotWellFormedError(f"</{closing}> stands where <{opened}> is still open; close it first: </{opened}>", start)


def _entity(source: bytes, at: int) -> NotWellFormedError:
    unknown = (found for found in _ENTITY.finditer(source, at) if found[1].decode() not in name2codepoint)
    found = next(unknown, None)
    if found is None:
        return NotWellFormedError("an unknown character reference stands here; write the character itself", at)
    return NotWellFormedError(
        f"{found[0].decode()} is no character that HTML knows; write it itself, or & as &amp;", found.start()
    )


def _stumble(source: bytes, at: int) -> NotWellFormedError:
    start = max(0, at - 500)
    for before, behind, said in _STUMBLES:
        if (found := before.search(source[start:at])) and behind.match(source, at):
            return NotWellFormedError(said, start + found.start("here") if "here" in before.groupindex else at)
    raise AssertionError("the last row fits everything")


_SAID: Final = {
    _CODE[expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE]: "this attribute stands twice in its tag; mjml-python would take "
    "the last and other compilers the first; keep one",
    _CODE[expat.errors.XML_ERROR_NO_ELEMENTS]: "there is no MJML here; begin with <mjml>",
    _CODE[expat.errors.XML_ERROR_SYNTAX]: "MJML begins with <mjml>, and nothing stands before it",
    _CODE[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: "nothing may stand behind </mjml>",
    _CODE[expat.errors.XML_ERROR_MISPLACED_XML_PI]: "<?xml …?> is not used in MJML; begin with <mjml>",
    _CODE[expat.errors.XML_ERROR_UNCLOSED_TOKEN]: "this is not closed; a comment ends with -->, a tag with >",
    _CODE[expat.errors.XML_ERROR_BAD_CHAR_REF]: "there is no such character; write another or none",
}
