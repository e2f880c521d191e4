"""Whether this installation may write to the world. A laptop's defaults may reach only a relay on the laptop."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from pipeline.delivery.relay import Relay, parse_relay
from pipeline.domains import lookup
from pipeline.errors import PressrunError
from pipeline.models import Marker, Newsletter, Transport

LOCAL_INBOX = "local-inbox"
"""The marker under which a running local inbox gives its address."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason against writing to real people. Not `certain`: it could not be found out just now."""

    words: str
    certain: bool = True


class NotReadyError(PressrunError):
    """Something about the installation stands against writing to real people."""


class NotKnownError(NotReadyError):
    """What could not be looked up may be known in a moment."""


def relay_of(transport: Transport) -> Relay:
    """The transport's own address, else PRESSRUN_SMTP_URL, else a local inbox that runs. Raises NotReadyError."""
    url = transport.url or settings.SMTP_URL or _local_inbox()
    if not url:
        raise NotReadyError(
            "There is no relay to send through. Nothing was sent. Set PRESSRUN_SMTP_URL, or run `pressrun up`, "
            "which brings a local inbox."
        )
    return parse_relay(url)


def require_ready(newsletter: Newsletter, transport: Transport, *, allow_unsafe: bool = False) -> None:
    """Raise NotReadyError with each reason why this newsletter must not go out through this relay."""
    relay = relay_of(transport)
    if relay.is_loopback or allow_unsafe:
        return
    obstacles = list(_obstacles(newsletter))
    if obstacles:
        lines = "\n".join(f"  {each.words}" for each in obstacles)
        kind = NotReadyError if any(each.certain for each in obstacles) else NotKnownError
        raise kind(
            f"The relay {relay.place} reaches real people, and this installation is not ready for them. "
            f"Nothing was sent. (--allow-unsafe is for tests.)\n{lines}"
        )


def _obstacles(newsletter: Newsletter) -> Iterator[Obstacle]:
    if not _is_open_to_readers(settings.BASE_URL):
        yield Obstacle(
            f"PRESSRUN_BASE_URL is {settings.BASE_URL}: links in the mail must lead to a public https address."
        )
    elif not _is_open_to_readers(settings.PICTURES_URL):
        yield Obstacle(
            f"PRESSRUN_MEDIA_URL is {settings.PICTURES_URL}: pictures in the mail need a public https address."
        )
    yield from _mx_obstacles(settings.BOUNCE_DOMAIN)
    if not newsletter.postal_address.strip():
        yield Obstacle(f"The newsletter {newsletter.slug} has no postal address; the law asks for one in each mail.")


def _is_open_to_readers(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and is_public(parts.hostname or "")


def is_public(host: str) -> bool:
    """Whether a reader elsewhere can reach this host, as far as its name tells."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local", ".internal", ".test", ".example", ".invalid"))


def _mx_obstacles(domain: str) -> Iterator[Obstacle]:
    words = f"PRESSRUN_BOUNCE_DOMAIN is {domain}: {{}}, so bounces would be lost."
    if not is_public(domain):
        yield Obstacle(words.format("nobody outside can reach it"))
        return
    try:
        if not lookup.ask(domain, "MX"):
            yield Obstacle(words.format("it has no MX record"))
    except lookup.LookupFailedError as error:
        yield Obstacle(words.format(str(error)), certain=False)


def _local_inbox() -> str:
    return Marker.objects.filter(name=LOCAL_INBOX).values_list("text", flat=True).first() or ""
