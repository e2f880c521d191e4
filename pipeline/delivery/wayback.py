"""Whether a relay keeps our return path: a mail to ourselves through it, whose envelope tells on arrival.

Some providers put a return path of their own in place of ours. What bounces goes to them then, and is heard of only
through their webhook. Nobody needs to know that beforehand: each relay in the world is asked once a week until it is
known. `feedback.apply` notes what arrives.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from pipeline.delivery.ownmail import Letter, MailFailedError, Way, mail
from pipeline.delivery.relay import RelayUrlError
from pipeline.keys import keyring
from pipeline.models import AuditEvent, Marker, Transport
from pipeline.readiness import NotReadyError, relay_of
from pipeline.tokens import Purpose

logger = logging.getLogger(__name__)
ASKED_AGAIN_AFTER: Final = timedelta(days=7)
PREFIX: Final = "p-"
_TEXT: Final = """\
Pressrun has sent this to itself through the relay {name}, to find out whether mail that bounces comes back to it.
Nobody else gets it, and nothing needs to be done.
"""


def relays_to_ask() -> list[int]:
    """Relays out in the world of which it is not known, and that were not asked of late. Each to one caller only."""
    unknown = Transport.objects.filter(keeps_return_path=None).order_by("pk")
    return [relay.pk for relay in unknown if _reaches_others(relay) and _is_time(relay.pk)]


def ask(transport_id: int, *, now: datetime) -> None:
    """Mail ourselves through it. Raises NotReadyError without a relay, MailFailedError when it does not take it."""
    relay = Transport.objects.get(pk=transport_id)
    token = keyring().sign(Purpose.WAY_BACK, relay.pk, int(now.timestamp()))
    address = f"{PREFIX}{token}@{settings.BOUNCE_DOMAIN}"
    text = _TEXT.format(name=relay.name)
    subject = "Does mail that bounces come back?"
    letter = Letter(id=f"way-back-{token}", to=address, subject=subject, text=text, at=now, returns_to=address)
    AuditEvent.objects.create(actor="sweep", action="transport.way-back-asked", subject=f"transport:{relay.pk}")
    mail(letter, [Way(relay_of(relay), relay.pk)])


def try_to_ask(transport_id: int) -> None:
    """Ask, if it can be asked now; a relay that is away is asked again in a week."""
    try:
        ask(transport_id, now=timezone.now())
    except (MailFailedError, NotReadyError, RelayUrlError) as error:
        logger.warning("relay %s could not be asked whether it keeps our return path: %s", transport_id, error)


def _reaches_others(relay: Transport) -> bool:
    """What is on this machine hands nothing to itself, and is known to whoever set it up."""
    try:
        return not relay_of(relay).is_loopback
    except (NotReadyError, RelayUrlError):
        return False


def _is_time(transport_id: int) -> bool:
    name = f"way-back:{transport_id}"
    _, is_first = Marker.objects.get_or_create(name=name)
    return is_first or bool(Marker.objects.filter(name=name, at__lte=Now() - ASKED_AGAIN_AFTER).update(at=Now()))
