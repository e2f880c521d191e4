"""The checks of `pressrun doctor`. What could not be found out is `unknown`, never `ok`."""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.utils import DatabaseError

from pipeline.commands.doctor.senders import examine_senders
from pipeline.delivery import epoch
from pipeline.delivery.batch import greet
from pipeline.delivery.relay import Tls
from pipeline.delivery.sweep import last_sweep_seconds
from pipeline.domains import lookup
from pipeline.domains.finding import Finding, Verdict
from pipeline.errors import PressrunError
from pipeline.models import Mailbox, Send, SendState, Stop, Transport
from pipeline.queries.sql import rows
from pipeline.readiness import relay_of


def examine() -> Iterator[Finding]:
    """Every check, one after another; none raises."""
    for name, check in _CHECKS:
        try:
            yield from check()
        except (PressrunError, DatabaseError, OSError) as error:
            yield Finding(name, Verdict.BAD, str(error).strip())


def _database() -> Iterator[Finding]:
    [(version, commits, fsync, most)] = rows(
        "SELECT current_setting('server_version'), current_setting('synchronous_commit'), current_setting('fsync'),"
        " current_setting('max_connections')::int"
    )
    yield Finding("database", Verdict.OK, f"PostgreSQL {version} at {connection.settings_dict['HOST'] or 'a socket'}")
    safe = commits in {"on", "remote_apply", "remote_write", "local"} and fsync == "on"
    what = f"synchronous_commit={commits}, fsync={fsync}"
    yield Finding(
        "durability", Verdict.OK if safe else Verdict.BAD, what if safe else f"{what}: a crash can lose books"
    )
    yield Finding("connections", Verdict.OK if most >= 20 else Verdict.WARN, f"{most} at most; a worker child takes 2")


def _pictures() -> Iterator[Finding]:
    """A file goes there and comes back."""
    name = default_storage.save("doctor/trial", ContentFile(b"trial"))
    size = default_storage.size(name)
    default_storage.delete(name)
    verdict = Verdict.OK if size == len(b"trial") else Verdict.BAD
    yield Finding("pictures", verdict, f"kept in {_place()}, fetched from {settings.PICTURES_URL}")


def _place() -> str:
    options = settings.STORAGES["default"].get("OPTIONS", {})
    return f"the bucket {options['bucket_name']}" if options else str(settings.MEDIA_ROOT)


def _broker() -> Iterator[Finding]:
    from pipeline.celery import app
    from pipeline.commands.broker import require_safe_broker

    with app.connection_for_write() as broker:
        try:
            broker.connect()
        except broker.recoverable_connection_errors as error:
            yield Finding("broker", Verdict.BAD, f"{error} Sends wait until it is back; nothing is lost.")
            return
    require_safe_broker()
    yield Finding("broker", Verdict.OK, "it answers, and does not throw queues away")


def _books() -> Iterator[Finding]:
    """Whether the database is the one that went on, and which sends wait because it was not."""
    held = Send.objects.filter(state=SendState.HELD, state_code=Stop.RESTORED).values_list("pk", flat=True)
    waiting = ", ".join(map(str, held.order_by("pk")))
    if why := epoch.look():
        yield Finding("books", Verdict.BAD, f"{why} The next sweep holds every open send for a person.")
    elif waiting:
        how = "compare with the relay's log, then `pressrun resume SEND --restored` or `pressrun cancel SEND`"
        yield Finding(
            "books", Verdict.WARN, f"held since the database came back from a backup or was moved: {waiting}; {how}"
        )
    else:
        yield Finding(
            "books", Verdict.OK, "the database is the one that was last worked on, as far as this machine knows"
        )


def _worker() -> Iterator[Finding]:
    seconds = last_sweep_seconds()
    if seconds is None:
        yield Finding("worker", Verdict.WARN, "none has ever worked here; start `pressrun worker` or `pressrun up`")
    elif seconds > 12 * settings.SWEEP.total_seconds():
        yield Finding("worker", Verdict.BAD, f"the last sweep was {seconds:.0f} s ago; no worker seems to run")
    else:
        yield Finding("worker", Verdict.OK, f"the last sweep was {seconds:.0f} s ago")


def _relay() -> Iterator[Finding]:
    transport = Transport.objects.filter(name="default").first() or Transport(name="default")
    relay = relay_of(transport)
    greet(relay, helo=settings.BOUNCE_DOMAIN)
    safe = relay.is_loopback or relay.tls in {Tls.IMPLICIT, Tls.REQUIRED}
    words = "" if safe else ". Mail and readers' addresses can be read on the way there; use starttls=required"
    verdict = Verdict.OK if safe else Verdict.WARN
    yield Finding("relay", verdict, f"{relay.place} answers and takes our greeting (TLS: {relay.tls}){words}")


def _senders() -> Iterator[Finding]:
    yield from examine_senders(lookup.ask)


def _mailboxes() -> Iterator[Finding]:
    """How the last look into each went."""
    for mailbox in Mailbox.objects.filter(enabled=True).order_by("name"):
        name = f"mailbox {mailbox}"
        left = mailbox.messages.exclude(left_because="").count()
        if mailbox.error:
            yield Finding(name, Verdict.BAD, f"{mailbox.error} What is in it stays there.")
        elif mailbox.looked_at is None:
            yield Finding(name, Verdict.UNKNOWN, "it was not read yet")
        elif left:
            what = f"{left:,} messages were left in it; `pressrun mailbox list` tells why"
            yield Finding(name, Verdict.WARN, what)
        else:
            yield Finding(name, Verdict.OK, f"read at {mailbox.looked_at:%Y-%m-%d %H:%M} UTC")


_CHECKS: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
    ("database", _database),
    ("books", _books),
    ("pictures", _pictures),
    ("broker", _broker),
    ("worker", _worker),
    ("relay", _relay),
    ("senders", _senders),
    ("mailboxes", _mailboxes),
)
