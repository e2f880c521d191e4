"""The redirect behind counted and personal links.

It leads to what is stored for the key and to nothing else; nothing of the request ever becomes part of an address.
No session, no template, one read by an index at most. A GET counts, but not a HEAD, a look ahead or a test mail's; and
none of them confirms or ends anything: programs open the links of a mail too.
"""

import atexit
import os
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from pipeline import transitions
from pipeline.content.tracking import KEY
from pipeline.keys import keyring
from pipeline.models import TrackedLink
from pipeline.public.page import page, private
from pipeline.public.tally import Click, Tally, by_link, by_reader
from pipeline.queries.links import personal_sends
from pipeline.tokens import BadTokenError, Purpose, StandIn

FRESH_SECONDS: Final = 5.0
"""How long a target is remembered: a repair takes effect after this long at the latest."""
_KEPT: Final = 10_000


class Target(NamedTuple):
    link_id: int
    address: str
    until: float


_TARGETS: dict[str, Target] = {}


@require_safe
@private
def follow(request: HttpRequest, key: str, token: str = "") -> HttpResponse:
    """Lead on. A token that is cut, wrong or missing only leaves the reader unnamed."""
    target = _target(key.lower())
    if target is None:
        return page(request, "unknown", {}, status=404)
    if request.method == "GET" and token != StandIn.TEST and not _looks_ahead(request):
        CLICKS.add(Click(target.link_id, timezone.now(), _reader(token)))
    return HttpResponse(status=302, headers={"Location": target.address})


def write(clicks: Sequence[Click]) -> None:
    """Put clicks into the books. A reader is noted only while the newsletter still says that links are personal."""
    transitions.count_clicks(by_link(clicks))
    readers = by_reader(clicks)
    allowed = personal_sends({send_id for send_id, _ in readers}) if readers else frozenset()
    for (send_id, delivery_id), at in readers.items():
        if send_id in allowed:
            transitions.record_click(send_id, delivery_id, at=at)


CLICKS: Final = Tally(write)
atexit.register(CLICKS.flush)
os.register_at_fork(after_in_child=CLICKS.forget)


def _target(key: str) -> Target | None:
    found = _TARGETS.get(key)
    if found is None or found.until < time.monotonic():
        found = _read(key)
    return found


def _read(key: str) -> Target | None:
    row = TrackedLink.objects.filter(key=key).values_list("pk", "target").first() if KEY.fullmatch(key) else None
    if row is None:
        return None
    if len(_TARGETS) >= _KEPT:
        _TARGETS.clear()
    _TARGETS[key] = found = Target(*row, time.monotonic() + FRESH_SECONDS)
    return found


def _looks_ahead(request: HttpRequest) -> bool:
    """Whether a browser fetches before anybody has clicked (Fetch standard, `Sec-Purpose`; older names beside it)."""
    said = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"))
    return any("prefetch" in words.lower() or "preview" in words.lower() for words in said)


def _reader(token: str) -> tuple[int, int] | None:
    if not token:
        return None
    try:
        send_id, delivery_id = keyring().verify(Purpose.CLICK, token)
    except BadTokenError:
        return None
    return send_id, delivery_id
