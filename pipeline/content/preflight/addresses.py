"""Findings of addresses: links and pictures that lead nowhere, or where readers cannot follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipeline.content import hosts, links, merge, walk
from pipeline.content.hosts import Reach
from pipeline.content.preflight.findings import block, note, warn
from pipeline.content.types import ContentError, Finding, IssueDocument
from pipeline.content.walk import Field, Kind


@dataclass(frozen=True, slots=True)
class Target:
    """A web address that a reader's mail program opens, and where in the issue it stands."""

    place: str
    url: str
    """Merge tags have given way to their fallbacks."""


def check(document: IssueDocument) -> Iterator[Finding]:
    for field in walk.fields(document):
        if field.kind is Kind.SRC:
            yield from _picture(field)
        else:
            yield from (found for url in _urls(field) for found in _link(field.place, url))
    yield from _hosts(document)


def targets(document: IssueDocument) -> Iterator[Target]:
    """Every usable web address of links and pictures, in reading order, repeated as often as it stands there."""
    for field in walk.fields(document):
        for url in [field.value] if field.kind is Kind.SRC else _urls(field):
            if url.startswith(("https://", "http://")) and (filled := _filled(url)):
                yield Target(field.place, filled)


def _urls(field: Field) -> Iterator[str]:
    if field.kind is Kind.URL:
        yield field.value
    elif field.kind is Kind.HTML and "<a " in field.value:
        try:
            yield from (link.url for link in links.in_html(field.value))
        except ContentError:
            return  # `texts` tells that it is no inline HTML


def _filled(url: str) -> str:
    """The address with its fallbacks; empty when it is no address."""
    try:
        return "" if links.problem(url) else merge.fill(merge.parse(url), {})
    except ContentError:
        return ""


def _link(place: str, url: str) -> Iterator[Finding]:
    try:
        if problem := links.problem(url):
            yield block("link", place, "“{url}”: {problem}", url=url, problem=problem)
    except ContentError as error:
        yield block("text", place, "{error}", error=error)


def _picture(field: Field) -> Iterator[Finding]:
    path = field.value.strip()
    absolute = "://" in path or path.startswith(("//", "data:", "javascript:"))
    if not path:
        yield block("picture", field.place, "the picture has no file")
    elif absolute:
        yield from _link(field.place, path)
    elif path.startswith("/") or ".." in path.split("/"):
        yield block("picture", field.place, "“{path}” leads out of the issue's own folder", path=path)


def _hosts(document: IssueDocument) -> Iterator[Finding]:
    """One finding for each host, however many addresses it has here."""
    found: dict[tuple[str, Reach, str], list[Target]] = {}
    for target in targets(document):
        parts = urlsplit(target.url)
        host = parts.hostname or ""
        found.setdefault((host, hosts.reach(host), parts.scheme), []).append(target)
    for (host, reach, scheme), at in found.items():
        more = f" +{len(at) - 1}" if len(at) > 1 else ""
        yield from _host(reach, scheme, at[0].place, host=host, url=f"{at[0].url}{more}")


def _host(reach: Reach, scheme: str, place: str, **values: object) -> Iterator[Finding]:
    match reach:
        case Reach.NOWHERE:
            pattern = "“{host}” is the reader's own machine or none at all; write a public address ({url})"
            yield block("host-nowhere", place, pattern, **values)
        case Reach.INSIDE:
            pattern = "“{host}” is known only inside some network; readers elsewhere cannot open it ({url})"
            yield warn("host-inside", place, pattern, **values)
        case Reach.EXAMPLE:
            pattern = "“{host}” is a name set aside for examples; no reader can open it ({url})"
            yield note("host-example", place, pattern, **values)
        case Reach.PUBLIC if scheme == "http":
            pattern = "“{host}” is addressed unencrypted; write https:// if it answers there ({url})"
            yield warn("http", place, pattern, **values)
