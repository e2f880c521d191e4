"""Whether the links and pictures of an issue answer: asked on request, and never while somebody writes or sends.

Warns only: an address may fail now and work tomorrow, and some sites let no program look.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import Final
from urllib.parse import urldefrag, urlsplit

from pipeline.content.hosts import Reach, reach
from pipeline.content.preflight.addresses import Target, targets
from pipeline.content.preflight.findings import note, warn
from pipeline.content.types import Finding, IssueDocument
from pipeline.guarded import Client, Limits, RefusedError, UnreachableError

AT_ONCE: Final = 8
SECONDS: Final = 20.0
"""For all addresses of an issue together."""
ADDRESSES_AT_MOST: Final = 200
CLIENT: Final = Client(Limits(seconds=8.0))
_NO_HEAD: Final = frozenset({400, 403, 404, 405, 406, 429, 500, 501, 502, 503})
"""What servers say to HEAD that would say something better to GET."""
_SHUT: Final = frozenset({401, 403, 407, 429, 451, 999})
"""Not for programs, or not without signing in: readers may well see it."""


def check_links(document: IssueDocument, *, client: Client = CLIENT, seconds: float = SECONDS) -> tuple[Finding, ...]:
    """Ask every address of an issue once, some at a time; in reading order, what does not answer as it should.

    Takes `seconds` and no longer; what has not answered by then is told too.
    """
    asked = _distinct(document)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="link")
    asking = [pool.submit(_verdict, client, target) for target in asked[:ADDRESSES_AT_MOST]]
    answered = wait(asking, timeout=seconds).done
    pool.shutdown(wait=False, cancel_futures=True)
    told = [finding for future in asking if future in answered for finding in future.result()]
    if unasked := len(asked) - len(answered):
        pattern = "there was no time to ask {count} of {all} addresses; check again, or look at them yourself"
        told.append(note("link-unasked", "issue", pattern, count=unasked, all=len(asked)))
    return tuple(told)


def _distinct(document: IssueDocument) -> list[Target]:
    """Each address with the place where it stands first; those that no public host can answer are told elsewhere."""
    first: dict[str, Target] = {}
    for target in targets(document):
        url = urldefrag(target.url).url
        if reach(urlsplit(url).hostname or "") is Reach.PUBLIC:
            first.setdefault(url, Target(target.place, url))
    return list(first.values())


def _verdict(client: Client, target: Target) -> tuple[Finding, ...]:
    return tuple(_told(client, target))


def _told(client: Client, target: Target) -> Iterator[Finding]:
    try:
        status = _status(client, target.url)
    except RefusedError as error:
        yield warn("link-refused", target.place, "{url} was not asked. {why}", url=target.url, why=error)
    except UnreachableError as error:
        yield warn("link-silent", target.place, "{url} does not answer. {why}", url=target.url, why=error)
    else:
        if status in _SHUT:
            pattern = "{url} lets no program look (it answers {status}); open it yourself"
            yield note("link-shut", target.place, pattern, url=target.url, status=status)
        elif status >= 400:
            pattern = "{url} is broken: it answers {status} ({meaning}); mend the address, or ask whose it is"
            yield warn("link-broken", target.place, pattern, url=target.url, status=status, meaning=_meaning(status))


def _status(client: Client, url: str) -> int:
    status = client.ask("HEAD", url).status
    return client.ask("GET", url).status if status in _NO_HEAD else status


def _meaning(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "?"
