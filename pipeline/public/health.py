"""Probes and monitoring: is this process alive, does the work get done, and the figures behind it.

`/livez` and `/healthz` need no sign-in and tell nothing of anybody. `/metrics` tells more (how much is sent, to which
large providers), so it is for this machine alone, or for whoever knows PRESSRUN_METRICS_TOKEN.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline import tasks
from pipeline.limits.loops import LOOPS
from pipeline.models import FeedbackKind, SendState
from pipeline.queries import destinations_covered, health
from pipeline.queries.feedback import to_look_at
from pipeline.replies import Reason
from pipeline.watchdog import patience

_QUICK_MS: Final = 2_000
_REMEMBERED_SECONDS: Final = 5
"""However often it is asked, the queue and the books are not asked more often than this."""
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


@require_safe
@never_cache
def live(_request: HttpRequest) -> HttpResponse:
    """200 `ok` when this process works and the database answers within two seconds, else 503."""
    if _database_answers():
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")


@require_safe
@never_cache
def healthy(_request: HttpRequest) -> JsonResponse:
    """200 when database and queue answer and all that is due is being worked on, else 503; what is wrong as JSON."""
    if not _database_answers():
        return JsonResponse({"ok": False, "database": False}, status=503)
    queue, vitals = _queue_answers(_moment()), _vitals(_moment())
    swept = vitals.sweep_seconds
    swept_lately = swept is not None and swept < patience()
    ok = queue and not vitals.stalled_sends and (swept_lately or not vitals.open_sends)
    told = {
        "ok": ok,
        "database": True,
        "queue": queue,
        "sweep_seconds": swept if swept is None else round(swept),
        "oldest_due_seconds": round(vitals.due_seconds),
        "stalled_sends": vitals.stalled_sends,
    }
    return JsonResponse(told, status=200 if ok else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus. 403 for strangers."""
    if not _may_see(request):
        return HttpResponse(
            "Figures are for this machine, or with PRESSRUN_METRICS_TOKEN as a bearer token.\n",
            status=403,
            content_type="text/plain",
        )
    return HttpResponse(_figures(_moment()), content_type=CONTENT_TYPE_LATEST)


class Books(Collector):
    """The figures, read from the database when they are asked for: any process can tell them, none keeps any."""

    def collect(self) -> Iterator[Metric]:
        vitals = health.vitals()
        yield _gauge("queue_reachable", "1 when the queue answers", float(_queue_answers(_moment())))
        yield _gauge("oldest_due_seconds", "Since the oldest waiting delivery or send was due", vitals.due_seconds)
        yield _gauge("stalled_sends", "Sends that ought to get on and do not", vitals.stalled_sends)
        if vitals.sweep_seconds is not None:
            yield _gauge("sweep_age_seconds", "Since a worker last swept", vitals.sweep_seconds)
        sends = dict.fromkeys(map(str, SendState), 0) | health.sends_by_state()
        yield _gauge("sends", "Sends by state", sends, label="state")
        waiting = dict.fromkeys(("pending", "claimed", "in_flight", "uncertain"), 0) | health.open_deliveries()
        yield _gauge("open_deliveries", "Deliveries that are not closed, by state", waiting, label="state")
        closed = dict.fromkeys(("accepted", "rejected", "expired", "held"), 0) | health.closed_last_minute()
        yield _gauge("closed_last_minute", "Deliveries closed in the last minute, by state", closed, label="state")
        deferred = health.deferrals_by_domain()
        yield _gauge("deferred", "Deliveries told to come later, by the largest domains", deferred, label="domain")
        yield from _returned()


def _returned() -> Iterator[Metric]:
    """What came back. A number of complaints is worth as much as the number of those who would tell us of one."""
    kinds, reasons = Counter(dict.fromkeys(map(str, FeedbackKind), 0)), Counter(dict.fromkeys(map(str, Reason), 0))
    for (kind, reason), number in health.returned_last_day().items():
        kinds[kind] += number
        if kind == FeedbackKind.BOUNCE and reason:
            reasons[reason] += number
    yield _gauge("returned_last_day", "Messages that came back within a day, by kind", kinds, label="kind")
    yield _gauge("bounced_last_day", "Attributed bounces by mail within a day, by reason", reasons, label="reason")
    waiting = to_look_at()
    yield _gauge("returned_to_look_at", "Returned messages nobody has looked at, by list", waiting, label="list")
    covered = destinations_covered()
    loops = {loop.destination: int(loop.destination in covered) for loop in LOOPS.values()}
    yield _gauge("complaints_heard_of", "1 where a complaint would be known, by provider", loops, label="provider")


def _gauge(name: str, what: str, value: float | Mapping[str, int], *, label: str = "") -> Metric:
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(f"pressrun_{name}", what, value=value)
    family = GaugeMetricFamily(f"pressrun_{name}", what, labels=[label])
    for key, number in value.items():
        family.add_metric([key], number)
    return family


def _may_see(request: HttpRequest) -> bool:
    """With the token; where none is set, from this machine, and not through a proxy on it."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        return compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode())
    if any(name in request.META for name in _FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:  # a unix socket has no address, and a proxy stands before it
        return False


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(_QUICK_MS)])
            cursor.execute("SELECT 1")
            cursor.execute("RESET statement_timeout")
    except DatabaseError:
        connection.close()
        return False
    return True


def _moment() -> int:
    return int(time.monotonic() // _REMEMBERED_SECONDS)


@lru_cache(maxsize=1)
def _queue_answers(_moment: int) -> bool:
    return tasks.queue_answers()


@lru_cache(maxsize=1)
def _vitals(_moment: int) -> health.Vitals:
    return health.vitals()


@lru_cache(maxsize=1)
def _figures(_moment: int) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Books())
    return generate_latest(registry)
