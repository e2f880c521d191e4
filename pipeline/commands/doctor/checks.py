"""The checks of `pressrun doctor`. What could not be found out is `unknown`, never `ok`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.resolver
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.utils import DatabaseError

from pipeline.delivery.batch import greet
from pipeline.delivery.sweep import last_sweep_seconds
from pipeline.errors import PressrunError
from pipeline.models import Newsletter, Transport
from pipeline.queries.sql import rows
from pipeline.readiness import DNS_SECONDS, is_public, relay_of, require_ready


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    verdict: Verdict
    detail: str


def examine() -> Iterator[Check]:
    """Every check, one after another; none raises."""
    for name, check in _CHECKS:
        try:
            yield from check()
        except (PressrunError, DatabaseError, OSError) as error:
            yield Check(name, Verdict.BAD, str(error).strip())
    for newsletter in Newsletter.objects.select_related("sender_domain"):
        yield from _sender(newsletter)


def _database() -> Iterator[Check]:
    [(version, commits, fsync, most)] = rows(
        "SELECT current_setting('server_version'), current_setting('synchronous_commit'), current_setting('fsync'),"
        " current_setting('max_connections')::int"
    )
    yield Check("database", Verdict.OK, f"PostgreSQL {version} at {connection.settings_dict['HOST'] or 'a socket'}")
    safe = commits in {"on", "remote_apply", "remote_write", "local"} and fsync == "on"
    what = f"synchronous_commit={commits}, fsync={fsync}"
    yield Check("durability", Verdict.OK if safe else Verdict.BAD, what if safe else f"{what}: a crash can lose books")
    yield Check("connections", Verdict.OK if most >= 20 else Verdict.WARN, f"{most} at most; a worker child takes 2")


def _pictures() -> Iterator[Check]:
    """A file goes there and comes back."""
    name = default_storage.save("doctor/trial", ContentFile(b"trial"))
    size = default_storage.size(name)
    default_storage.delete(name)
    verdict = Verdict.OK if size == len(b"trial") else Verdict.BAD
    yield Check("pictures", verdict, f"kept in {_place()}, fetched from {settings.PICTURES_URL}")


def _place() -> str:
    options = settings.STORAGES["default"].get("OPTIONS", {})
    return f"the bucket {options['bucket_name']}" if options else str(settings.MEDIA_ROOT)


def _broker() -> Iterator[Check]:
    from pipeline.celery import app
    from pipeline.commands.broker import require_safe_broker

    with app.connection_for_write() as broker:
        try:
            broker.connect()
        except broker.recoverable_connection_errors as error:
            yield Check("broker", Verdict.BAD, f"{error} Sends wait until it is back; nothing is lost.")
            return
    require_safe_broker()
    yield Check("broker", Verdict.OK, "it answers, and does not throw queues away")


def _worker() -> Iterator[Check]:
    seconds = last_sweep_seconds()
    if seconds is None:
        yield Check("worker", Verdict.WARN, "none has ever worked here; start `pressrun worker` or `pressrun up`")
    elif seconds > 12 * settings.SWEEP.total_seconds():
        yield Check("worker", Verdict.BAD, f"the last sweep was {seconds:.0f} s ago; no worker seems to run")
    else:
        yield Check("worker", Verdict.OK, f"the last sweep was {seconds:.0f} s ago")


def _relay() -> Iterator[Check]:
    transport = Transport.objects.filter(name="default").first() or Transport(name="default")
    relay = relay_of(transport)
    greet(relay, helo=settings.BOUNCE_DOMAIN)
    yield Check("relay", Verdict.OK, f"{relay.place} answers and takes our greeting (TLS: {relay.tls})")


def _sender(newsletter: Newsletter) -> Iterator[Check]:
    name = f"newsletter {newsletter.slug}"
    transport = Transport.objects.filter(name="default").first() or Transport(name="default")
    try:
        require_ready(newsletter, transport)
    except PressrunError as error:
        yield Check(name, Verdict.BAD, str(error))
    domain = newsletter.sender_address.rpartition("@")[2]
    if not is_public(domain):
        yield Check(name, Verdict.UNKNOWN, f"{domain} is not a public domain, so its SPF and DMARC cannot be looked up")
        return
    yield _text_record(name, domain, "v=spf1", "SPF")
    yield _text_record(name, f"_dmarc.{domain}", "v=DMARC1", "DMARC")


def _text_record(name: str, place: str, begins: str, what: str) -> Check:
    resolver = dns.resolver.Resolver()
    resolver.lifetime = DNS_SECONDS
    try:
        answer = resolver.resolve(place, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Check(name, Verdict.BAD, f"{place} has no {what} record")
    except dns.exception.DNSException as error:
        return Check(name, Verdict.UNKNOWN, f"the {what} record of {place} could not be read ({type(error).__name__})")
    found = [b"".join(each.strings).decode("utf-8", "replace") for each in answer]
    matching = [text for text in found if text.lower().startswith(begins.lower())]
    if len(matching) != 1:
        return Check(name, Verdict.BAD, f"{place} has {len(matching)} {what} records; exactly one counts")
    return Check(name, Verdict.OK, f"{what} of {place}: {matching[0]}")


_CHECKS: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
    ("database", _database),
    ("pictures", _pictures),
    ("broker", _broker),
    ("worker", _worker),
    ("relay", _relay),
)
