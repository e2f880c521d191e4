"""Addresses in an issue: which are allowed, their wire form, and the list of all of them.

How they go out, straight or through the redirect, is in `tracking`.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, quote, unquote_plus, urlencode, urlsplit, urlunsplit

import idna

from pipeline.content import markup, merge, walk
from pipeline.content.types import Html, IssueDocument, Link

_MAX = 2000
"""Longer addresses are cut by some mail programs."""
_SAFE = "%/:?#[]@!$&'()*+,;=-._~"
"""Reserved and unreserved characters of RFC 3986, and the percent sign of what is encoded already."""
_PHONE = re.compile(r"\+?[0-9().-]{3,30}")
_BEFORE_TAG = re.compile(r"https?://[^/?#]+[/?#]|mailto:[^?]+\?")
_BAD = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u3000\ud800-\udfff<>\"\\^`{|}]")


def problem(url: str) -> str:
    """What is wrong with an address that readers can click, in words for an editor; empty when nothing is.

    Raises ContentError for a broken merge tag in it.
    """
    if not url.strip():
        return "the address is empty"
    first, *rest = merge.parse(url)
    if rest or isinstance(first, merge.Tag):
        if not _BEFORE_TAG.match(str(first)):
            return "a merge tag may stand only after the host: https://example.org/?name={{ name }}"
        url = "".join(part if isinstance(part, str) else "tag" for part in (first, *rest))
    if len(url) > _MAX:
        return f"the address has {len(url)} characters; {_MAX} is the limit"
    if found := _BAD.search(url):
        return f"U+{ord(found[0]):04X} may not stand in an address; write it percent-encoded"
    try:
        parts = urlsplit(url)
        return _problem_of(parts)
    except ValueError as error:
        return f"it is not an address: {error}"


def normal(url: str) -> str:
    """The wire form (RFC 3986): host in A-labels, everything else that is not ASCII percent-encoded.

    Takes what `problem` lets pass; an address that cannot be read comes back percent-encoded as it is.
    """
    try:
        parts = urlsplit(url)
        if parts.hostname and not parts.netloc.isascii():
            port = f":{parts.port}" if parts.port else ""
            parts = parts._replace(netloc=_ascii_host(parts.hostname) + port)
    except ValueError:
        return quote(url, safe=_SAFE)
    return quote(urlunsplit(parts), safe=_SAFE)


def is_web(url: str) -> bool:
    """Whether it leads to a page: http or https, in any case."""
    return url[:8].lower().startswith(("https://", "http://"))


def with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    """The wire form with parameters added to its query; what the query has already, it keeps and has once.

    Mail and telephone addresses stay as they are, and so does everything when there are no parameters.
    """
    if not parameters or not is_web(address):
        return address
    page, hash_sign, fragment = address.partition("#")
    path, _, query = page.partition("?")
    there = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&")}
    added = [(name, value) for name, value in parameters.items() if name not in there]
    if not added:
        return address
    query = "&".join(part for part in (query.removesuffix("&"), urlencode(added, quote_via=quote)) if part)
    return f"{path}?{query}{hash_sign}{fragment}"


def of(document: IssueDocument) -> tuple[Link, ...]:
    """Every address that can be clicked, in reading order, each (address, text) once."""
    return tuple(dict.fromkeys(link for field in walk.fields(document) for link in in_field(field)))


def in_html(html: Html) -> Iterator[Link]:
    """The links of inline text. Raises ContentError when it is not canonical."""
    href, words = "", list[str]()
    for token in markup.parse(html):
        if token.kind == "open" and token.text == "a":
            href, words = token.href, []
        elif token.kind == "close" and token.text == "a":
            yield Link(href, " ".join("".join(words).split()))
        elif token.kind in {"text", "break"}:
            words.append(token.text)


def in_field(field: walk.Field) -> Iterator[Link]:
    """The links of one piece of an issue. Raises ContentError for inline text that is not canonical."""
    if field.kind is walk.Kind.HTML:
        yield from in_html(field.value)
    elif field.kind is walk.Kind.URL:
        yield Link(field.value, field.label)


def _problem_of(parts: SplitResult) -> str:
    if parts.scheme == "mailto":
        return "" if "@" in parts.path.strip("@") else "mailto: needs an e-mail address"
    if parts.scheme == "tel":
        return "" if _PHONE.fullmatch(parts.path) else "tel: needs a telephone number"
    if parts.scheme not in {"http", "https"}:
        return "only https://, http://, mailto: and tel: addresses are allowed"
    if "@" in parts.netloc:
        return "an address may not carry a user name or password"
    if not parts.hostname:
        return "the address names no host"
    _ = parts.port, _ascii_host(parts.hostname)
    return ""


def _ascii_host(host: str) -> str:
    """Raises ValueError (idna.IDNAError is one) for a host that cannot be in the DNS."""
    return host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
