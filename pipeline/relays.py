"""The relays as people see and change them: limits, what is known of them, their order, what a plan comes to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from pipeline import transitions
from pipeline.delivery.relay import RelayUrlError, parse_relay
from pipeline.errors import PressrunError
from pipeline.limits.destinations import GROUPS
from pipeline.limits.forecast import Forecast, forecast
from pipeline.limits.metering import Limits, daily_limit, day_of
from pipeline.models import Hook, Newsletter, Route, Transport, TransportMeter
from pipeline.providers import PROVIDERS
from pipeline.queries import waiting_before
from pipeline.readiness import NotReadyError, relay_of

CHANGEABLE: Final = (
    "url", "connections", "rate", "per_hour", "per_day", "reserved", "ramp", "ramp_from",
    "keeps_return_path", "sees_recipient_replies", "egress_ips",
)  # fmt: skip

_EMPTY_MAY_BE: Final = ("url", "keeps_return_path", "sees_recipient_replies", "backoff_until")


class RelayError(PressrunError):
    """A relay cannot be found or changed so. Nothing was changed."""


def find_relay(name: str) -> Transport:
    """The relay of that name. Raises RelayError, which names those there are."""
    found = Transport.objects.filter(name=name).first()
    if found is None:
        have = ", ".join(Transport.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise RelayError(f"There is no relay {name!r}. Nothing was changed. Relays: {have}.")
    return found


def change_relay(name: str, changes: Mapping[str, Any], *, create: bool = False, actor: str) -> Transport:
    """Set what stands in a relay's row. Raises RelayError in words; the audit trail never shows its address."""
    with transaction.atomic():
        relay = Transport(name=name) if create else find_relay(name)
        if create and Transport.objects.filter(name=name).exists():
            raise RelayError(f"There is a relay {name!r} already. Nothing was changed.")
        for field, value in changes.items():
            setattr(relay, field, value)
        _check(relay, changes)
        relay.save()
        transitions.note_relay_change(relay.pk, changes, actor=actor)
    return relay


def limit_destination(relay: Transport, destination: str, rate: float | None, *, actor: str) -> None:
    """Limit a group of `limits/destinations.tsv`, or a domain, to so many messages per second. Raises RelayError."""
    if "." not in destination and destination not in set(GROUPS.values()):
        known = ", ".join(sorted(set(GROUPS.values())))
        raise RelayError(f"{destination!r} is neither a domain nor one of {known}. Nothing was changed.")
    if rate is not None and not rate >= 0.001:
        raise RelayError(f"{rate} is not a number of messages per second. Nothing was changed.")
    name = GROUPS.get(destination.lower(), destination.lower())
    transitions.limit_destination(relay.pk, name, rate=rate, actor=actor)


def order_relays(newsletter: Newsletter, relays: Sequence[Transport], *, actor: str) -> None:
    """The relays of a newsletter, in this order; none: the one of PRESSRUN_SMTP_URL."""
    with transaction.atomic():
        newsletter.routes.all().delete()
        Route.objects.bulk_create(
            Route(newsletter=newsletter, transport=relay, position=position) for position, relay in enumerate(relays)
        )
        transitions.note_routes(newsletter.pk, [relay.name for relay in relays], actor=actor)


def first_relay(newsletter: Newsletter) -> Transport:
    """The first of the newsletter's relays."""
    return relays_of(newsletter)[0]


def relays_of(newsletter: Newsletter) -> list[Transport]:
    """The newsletter's relays in order, else the one of PRESSRUN_SMTP_URL."""
    routes = newsletter.routes.select_related("transport")
    return [route.transport for route in routes] or [Transport.objects.get_or_create(name="default")[0]]


def place_of(transport: Transport) -> str:
    """Host and port, or why there are none. Never a password."""
    try:
        return relay_of(transport).place
    except (NotReadyError, RelayUrlError) as error:
        return str(error)


def way_back_words(relays: Iterable[Transport]) -> Iterator[str]:
    """Before a send: of which relays bounces do not come back, and what would bring them. A sentence for each."""
    for each in relays:
        if each.keeps_return_path is False and not Hook.objects.filter(transport=each, enabled=True).exists():
            values = {"relay": each.name, "provider": _provider_of(each) or _("its provider")}
            yield (
                _(
                    "The relay %(relay)s puts its own return path in place of ours, so bounces do not come back and "
                    "dead addresses are written to again. Let the webhook of %(provider)s tell Pressrun of them."
                )
                % values
            )


def _provider_of(transport: Transport) -> str:
    try:
        host = relay_of(transport).host.lower()
    except (NotReadyError, RelayUrlError):
        return ""
    return next(
        (each.title for each in PROVIDERS.values() if any(f".{host}".endswith(f".{end}") for end in each.hosts)), ""
    )


def limits_on(transport: Transport, day: date) -> Limits:
    """What issues may take of a relay on a day."""
    try:
        rate = transport.rate or relay_of(transport).rate
    except (NotReadyError, RelayUrlError):
        rate = transport.rate
    per_day = daily_limit(transport.per_day, transport.ramp, transport.ramp_from, day)
    return Limits(rate, transport.per_hour, per_day).less(transport.reserved)


def plan_through(transport: Transport, people: int, *, starts: datetime) -> Forecast:
    """When a send of that size would be through, after what waits for the same relay already."""
    meter = TransportMeter.objects.filter(transport=transport, day_at=day_of(starts)).first()
    return forecast(
        people + waiting_before(transport.pk),
        starts=starts,
        limits_on=lambda day: limits_on(transport, day),
        used=meter.day_count if meter else 0,
    )


def _check(relay: Transport, changes: Mapping[str, Any]) -> None:
    try:
        relay.full_clean(exclude=_EMPTY_MAY_BE)
        if changes.get("url"):
            parse_relay(relay.url, variable="the address")
    except ValidationError as error:
        lines = "; ".join(f"{field}: {' '.join(words)}" for field, words in error.message_dict.items())
        raise RelayError(f"{lines} Nothing was changed.") from error
    except RelayUrlError as error:
        raise RelayError(f"{error} Nothing was changed.") from error
