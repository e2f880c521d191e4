"""Which of its relays a batch goes through, and what a relay that fails means for the send.

The newsletter's relays have an order. The first that works is used; while it is away, or has used up its day, the next
one is, and the first is tried with one connection from time to time. Message-ID and return path are the same through
each, so it does not matter which one took a message.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from pipeline import transitions
from pipeline.delivery.relay import Relay, RelayUrlError
from pipeline.models import Send, Transport
from pipeline.queries import Way, ways_of
from pipeline.readiness import NotKnownError, NotReadyError, relay_of, require_ready
from pipeline.transitions import Grant
from pipeline.transitions.transports import FIRST_WAIT

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leased:
    """A relay, and a lease on some of its connections."""

    transport: Transport
    relay: Relay
    grant: Grant
    connections: int
    """All that the relay may have at once."""

    @property
    def share(self) -> float:
        """What part of them this lease has."""
        return self.grant.connections / self.connections


def open_way(send: Send, *, owner: str, host: str, siblings: int) -> Leased | None:
    """Lease connections of the first relay that can be used now; None when there is none, or it is fully used."""
    for way in ways_of(send.pk):
        if not way.usable:
            continue
        transport = Transport.objects.get(pk=way.transport_id)
        if (relay := _relay(send, transport)) is None:
            continue
        connections = transport.connections or relay.connections
        grant = transitions.open_lease(
            send.pk,
            transport_id=transport.pk,
            owner=owner,
            host=host,
            wanted=-(-connections // siblings),
            at_most=connections,
            siblings=siblings,
        )
        if grant is not None:
            return Leased(transport, relay, grant, connections)
        if not way.trial:
            return None  # it works; its connections are in use
    return None


def relay_failed(send: Send, transport_id: int, *, why: str, first_wait: timedelta, for_good: bool) -> None:
    """Open the relay's breaker; pause the send if a person is needed for every one of its relays.

    With one relay alone there is nothing to go on through, so what waiting does not mend pauses the send at once.
    """
    ways = ways_of(send.pk)
    if for_good and len(ways) == 1:
        transitions.pause_if_sending(send.pk, actor="delivery", why=why)
        return
    transitions.back_off(transport_id, why=why, first_wait=min(FIRST_WAIT, first_wait), needs_person=for_good)
    if for_good:
        _pause_if_all_need_a_person(send)


def _pause_if_all_need_a_person(send: Send) -> None:
    ways = ways_of(send.pk)
    if all(way.needs_person for way in ways):
        transitions.pause_if_sending(send.pk, actor="delivery", why=_in_words(ways))
        transitions.try_again([way.transport_id for way in ways])


def _relay(send: Send, transport: Transport) -> Relay | None:
    """The relay as it is configured; None when this installation cannot or must not use it."""
    try:
        relay = relay_of(transport)
        if transport.pk != send.transport_id:  # that one was looked at when the send was approved
            require_ready(send.newsletter, transport, allow_unsafe=bool(send.limits.get("allow_unsafe")))
    except (NotReadyError, RelayUrlError) as error:
        logger.warning("relay %s cannot be used for send %s: %s", transport.name, send.pk, error)
        for_good = not isinstance(error, NotKnownError)  # that one may be known in a moment
        relay_failed(send, transport.pk, why=str(error), first_wait=FIRST_WAIT, for_good=for_good)
        return None
    return relay


def _in_words(ways: list[Way]) -> str:
    reasons = "\n".join(f"{way.name}: {way.reason}" for way in ways)
    return f"None of the relays can be used until somebody mends it. Nothing is lost.\n{reasons}"
