"""Reads a message as it is found in the wild: never raises, never takes longer than a pass or two over it.

Not the standard library's parser: that one walks the whole stack of open boundaries for every line and recurses,
so that a small message can hold it for minutes. What is over a bound here (size, depth, parts, header lines) is
left unread, not refused. Sources: RFC 5322, RFC 2045 to 2047, RFC 2231 as far as bounces use them.
"""

import binascii
import codecs
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import cache
from itertools import islice
from typing import Final

SIZE_AT_MOST: Final = 1_000_000  # octets that are looked at
DEPTH_AT_MOST: Final = 20
PARTS_AT_MOST: Final = 200
HEADER_LINES_AT_MOST: Final = 4000  # of all parts together
TEXT_AT_MOST: Final = 250_000  # octets of a part that are made text of
HTML_AT_MOST: Final = 200_000  # characters
HEADER_AT_MOST: Final = 4000  # characters of one header

_ONE_OCTET_EACH: Final = frozenset(
    {
        *("ascii", "koi8-r", "koi8-u", "tis-620", "mac-roman"),
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
        *(f"cp{page}" for page in (437, 850, 866, *range(1250, 1259))),
    }
)
CHARSETS: Final = _ONE_OCTET_EACH | {
    *("utf-8", "utf-7", "utf-16", "utf-16-le", "utf-16-be"),
    *("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_ext", "shift_jis", "cp932", "euc_jp"),
    *("cp949", "euc_kr", "johab", "iso2022_kr", "gb2312", "gbk", "gb18030", "hz", "cp950", "big5", "big5hkscs"),
}
"""Python knows slow and strange codecs too (punycode, unicode_escape …); a message does not get to pick those."""
_SEVEN_BITS: Final = bytes(range(128)) + bytes(128)
"""Octets of eight bits as NUL, which `storable` makes U+FFFD."""
_CODEC_MODULES: Final = frozenset({name.replace("-", "_") for name in CHARSETS} | {"latin_1"})

_HEADER: Final = re.compile(r"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_UNFOLDED: Final = re.compile(r"[\w*-]{1,40}=")
"""A parameter on a line of its own, the blank before it lost."""
_PARAMETER: Final = re.compile(r';\s*([\w*-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,500})"|([^\s;"]{1,500}))')
_ENCODED_WORD: Final = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?]{0,1000})\?=")
_BETWEEN_WORDS: Final = re.compile(r"(\?=)[ \t]{1,100}(=\?)")
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(set(range(256)) - set(_BASE64))
_TAG: Final = re.compile(r"<[^<>]*>")
_LINE_TAG: Final = re.compile(
    r"<(?:br|/?p|/?div|/?tr|/?h[1-6]|/?li|/?table|/?td)\b[^<>]*>(?:[ \t]{0,8}\r?\n)?", re.IGNORECASE
)
_HIDDEN: Final = re.compile(r"<(script|style|head)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A message, or one part of it. Multiparts have `parts`, everything else a `body` as it was transferred."""

    headers: Sequence[tuple[str, str]]
    """(name in lower case, unfolded value), in order."""
    body: bytes = b""
    parts: Sequence["Part"] = ()
    kind: str = "text/plain"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """The first header of that name (lower case) with its encoded-words decoded, or an empty text."""
        return next((decode_words(value[:HEADER_AT_MOST]) for key, value in self.headers if key == name), "")

    def content(self) -> bytes:
        """The body with its transfer encoding undone, as far as it can be."""
        return _untransfer(self.body, self.header("content-transfer-encoding").lower().strip())

    def text(self) -> str:
        """The body as text, HTML as the text in it. Broken bytes become U+FFFD."""
        text = decode(self.content()[:TEXT_AT_MOST], self.parameters.get("charset", ""))
        return text_of_html(text) if self.kind == "text/html" else text

    def leaves(self) -> Iterator["Part"]:
        """The parts that hold something, in order. A returned message is one leaf."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(slots=True)
class _Left:
    """How much more of a message is read."""

    parts: int = PARTS_AT_MOST
    header_lines: int = HEADER_LINES_AT_MOST


def read(raw: bytes) -> Part:
    """Read a whole message."""
    lines = raw[:SIZE_AT_MOST].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    if lines.startswith(b"From "):  # an mbox separator
        lines = lines.partition(b"\n")[2]
    return _read(lines, 0, len(lines), DEPTH_AT_MOST, _Left())


def _read(lines: bytes, start: int, end: int, depth: int, left: _Left) -> Part:
    """Read `lines[start:end]`. Parts are places in the one message: a copy at each depth would be twenty of it."""
    headers, start = _split_head(lines, start, end, left)
    kind, parameters = _content_type(next((value for key, value in headers if key == "content-type"), ""))
    boundary = parameters.get("boundary", "").rstrip()
    if kind.startswith("multipart/"):
        places = _split_parts(lines, start, end, boundary, left) if boundary and depth else []
        parts = tuple(_read(lines, *place, depth - 1, left) for place in places)
        if parts:
            return Part(headers, b"", parts, kind, parameters)
        kind = "text/plain" if depth else kind  # a multipart without parts: what is there may still be readable
    return Part(headers, lines[start:end], (), kind, parameters)


def _split_head(lines: bytes, at: int, end: int, left: _Left) -> tuple[Sequence[tuple[str, str]], int]:
    """Headers, and where the body begins: after the first empty line, or with what is no line of a header."""
    headers: list[list[str]] = []
    while left.header_lines:
        left.header_lines -= 1
        stop = lines.find(b"\n", at, end) % (end + 1)  # -1: at the end
        line = _text_of_header(lines[at:stop])
        if not line.strip():
            return _joined(headers), min(stop + 1, end)
        if headers and (line[0] in " \t" or (headers[-1][-1].endswith(";") and _UNFOLDED.match(line))):
            headers[-1].append(" " + line.strip())
        elif found := _HEADER.match(line):
            headers.append([found[1].lower(), found[2].strip()])
        else:
            return _joined(headers), at
        at = stop + 1
    empty = lines.find(b"\n\n", at - 1, end)
    return _joined(headers), end if empty < 0 else empty + 2


def _joined(headers: Sequence[Sequence[str]]) -> Sequence[tuple[str, str]]:
    return tuple((name, "".join(pieces)) for name, *pieces in headers)


def _text_of_header(line: bytes) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return storable(text[:HEADER_AT_MOST])


def _content_type(value: str) -> tuple[str, Mapping[str, str]]:
    value = value[:HEADER_AT_MOST]
    kind = value.partition(";")[0].strip().lower()
    found = _PARAMETER.finditer(value)
    parameters = {m[1].lower().rstrip("*"): (m[2] if m[2] is not None else m[3]) for m in found}
    return (kind if "/" in kind else "text/plain"), parameters


def _split_parts(lines: bytes, start: int, end: int, boundary: str, left: _Left) -> list[tuple[int, int]]:
    """Where the parts between boundary lines begin and end; the last may lack its end. A header stands before."""
    places: list[tuple[int, int]] = []
    begun = None
    for at, after, is_last in _boundaries(lines, start, end, b"\n--" + boundary.encode("utf-8", "replace")):
        if begun is not None:
            places.append((begun, max(begun, at)))
        if is_last or not left.parts:
            return places
        left.parts -= 1
        begun = min(after + 1, end)
    if begun is not None:
        places.append((begun, end))
    return places


def _boundaries(lines: bytes, start: int, end: int, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each boundary line begins and ends, and whether it is the last. To compile a pattern would take longer."""
    at = lines.find(mark, start - 1, end)
    while at >= 0:
        after = lines.find(b"\n", at + len(mark), end)
        after = end if after < 0 else after
        rest = lines[at + len(mark) : after].rstrip(b" \t")
        if rest in {b"", b"--"}:
            yield at, after, rest == b"--"
        at = lines.find(mark, after, end)


def _untransfer(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        return _from_base64(body)
    return body


def _from_base64(text: bytes) -> bytes:
    letters = text.translate(None, delete=_NOT_BASE64)
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def decode(content: bytes, charset: str) -> str:
    """Decode by the charset's name; without one (or with one that we do not know) by what it looks like."""
    codec = _codec(charset)
    if codec is None or codec == "ascii":
        codec = _guess(content)
    if codec in _ONE_OCTET_EACH:
        return storable(codecs.charmap_decode(content, "strict", _letters(codec))[0])
    if codec == "utf-7":
        content = content.translate(_SEVEN_BITS)
    return storable(content.decode(codec, "replace"))


@cache
def _letters(codec: str) -> str:
    """What each octet means, U+FFFD where it is none; a decoder that meets many of those itself is 50 times slower."""
    return bytes(range(256)).decode(codec, "replace")


def storable(text: str) -> str:
    """Without NUL, which PostgreSQL does not take, and halves of characters, which UTF-7 can smuggle in."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _codec(charset: str) -> str | None:
    name = charset.strip(" '\"").lower().replace("_", "-")
    if name.startswith(("ks-c-5601", "ksc5601", "ks-x-1001")):
        return "cp949"
    module = normalize_encoding(name)
    module = aliases.get(module) or aliases.get(module.replace(".", "_")) or module
    return codecs.lookup(module).name if module in _CODEC_MODULES else None  # no other one is even loaded


def _guess(content: bytes) -> str:
    if b"\x1b$" in content:
        return "iso2022_jp"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def decode_words(value: str) -> str:
    """Decode the encoded-words (RFC 2047) of a header; what is broken stays as it is."""
    if "=?" not in value:
        return value
    return _ENCODED_WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1\2", value))


def _word(found: re.Match[str]) -> str:
    written = found[3].encode("utf-8")
    content = _from_base64(written) if found[2] in "bB" else binascii.a2b_qp(written, header=True)
    return decode(content, found[1])


def text_of_html(markup: str) -> str:
    """The words of an HTML page, blocks on their own lines."""
    shown = _LINE_TAG.sub("\n", "".join(_shown(markup[:HTML_AT_MOST])))
    return html.unescape(_TAG.sub(" ", shown)).replace("\xa0", " ")


def _shown(markup: str) -> Iterator[str]:
    """What stands outside script, style and head. Each character is looked at once."""
    at = 0
    folded = markup.lower() if len(markup.lower()) == len(markup) else markup
    for _ in islice(iter(int, 1), PARTS_AT_MOST):
        hidden = _HIDDEN.search(markup, at)
        if hidden is None:
            break
        yield markup[at : hidden.start()]
        end = folded.find(f"</{hidden[1].lower()}", hidden.end())
        if end < 0:
            return
        at = end
    yield markup[at:]


def address_of(value: str) -> str:
    """The first address in a header value or a report's field (`rfc822; a@b`, `"A" <a@b>`), or an empty text."""
    angle = ANGLE_ADDRESS.search(value)
    found = angle or ADDRESS.search(value)
    return found["address"] if found else ""


def addresses_of(value: str) -> Iterator[str]:
    """Each address in a header value. A name in quotes may hold one that is not meant."""
    if "," not in value:
        return iter(filter(None, [address_of(value)]))
    angles = [found["address"] for found in ANGLE_ADDRESS.finditer(value)]
    return iter(angles or [found["address"] for found in ADDRESS.finditer(value)])


_ATOM: Final = r"[^\s<>()\[\]:;@\\,\"'：；，、。（）「」＜＞]"
_LABEL: Final = r"[\w-]{1,63}"
ADDRESS: Final = re.compile(
    rf"(?<!{_ATOM})(?P<address>(?:\"[^\"\s]{{1,64}}\"|{_ATOM}(?:{_ATOM}|'){{0,127}})"
    rf"@(?![-_]){_LABEL}(?:\.{_LABEL}){{0,20}})(?![\w-])"
)
ANGLE_ADDRESS: Final = re.compile(rf"<\s?{ADDRESS.pattern}\s?>")
"""A mail address as people and servers write them. Starts only where a word starts, so that time stays linear."""
