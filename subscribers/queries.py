"""Reads about people: who is suppressed, how many are on a list, what happened to one person."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from subscribers.addresses import AddressError, parse_address
from subscribers.models import (
    ConsentRecord,
    Departure,
    List,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)


def active_suppression_sql(address: str, *, scope: str | None = None) -> str:
    """SQL that is true when an address gets nothing, for the WHERE of a bulk statement.

    `address` and `scope` are SQL expressions of the caller's (a column, `%s`), never text from people. Without
    `scope` only suppressions of everything count; with it those of that scope too. The database's clock decides
    what has expired. Answered from the index on `address_key`.
    """
    scopes = f"(held.scope = 'all' OR held.scope = {scope})" if scope else "held.scope = 'all'"
    return (
        f"EXISTS (SELECT 1 FROM subscribers_suppression AS held WHERE held.address_key = {address} AND {scopes} "  # noqa: S608
        "AND held.lifts_id IS NULL AND (held.expires_at IS NULL OR held.expires_at > now()) AND NOT EXISTS "
        "(SELECT 1 FROM subscribers_suppression AS lifted WHERE lifted.lifts_id = held.id))"
    )


def active_suppressions(address_key: str) -> QuerySet[Suppression]:
    """Suppressions of an address that hold now: not lifted, not expired. Oldest first."""
    return Suppression.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=Now()),
        address_key=address_key,
        lifts__isnull=True,
        lifted_by__isnull=True,
    ).order_by("id")


def is_suppressed(address_key: str, *, scopes: Collection[str] = ()) -> bool:
    """Whether an address gets nothing at all, or nothing of one of the scopes."""
    return active_suppressions(address_key).filter(scope__in=["all", *scopes]).exists()


def find(email: str) -> Subscriber | None:
    """The person at an address, however it is spelled. What is no address belongs to nobody."""
    try:
        key = parse_address(email).key
    except AddressError:
        return None
    return Subscriber.objects.filter(address_key=key).first()


def list_counts(of: List) -> dict[str, int]:
    """How many people of a list are in each state; states with nobody are 0."""
    counted = Subscription.objects.filter(list=of).values_list("state").annotate(Count("id")).order_by()
    return dict.fromkeys(SubscriptionState.values, 0) | dict(counted)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a person, for those who ask why."""

    at: datetime
    what: str
    """`imported`, `confirmed` … (consent), `suppressed`, `lifted`, `left`, `undone`, or `is <state>` for a list."""
    where: str
    """The list's slug or the scope; empty when it concerns everything."""
    why: str
    by: str
    """Who or what did it, or where it came in."""


def history(of: Subscriber) -> list[Event]:
    """Everything that is kept about how a person came, stayed and left, oldest first."""
    return sorted(
        [*_memberships(of), *_consents(of), *_suppressions(of.address_key), *_departures(of)],
        key=lambda event: event.at,
    )


def _memberships(of: Subscriber) -> list[Event]:
    rows = Subscription.objects.filter(subscriber=of).select_related("list")
    return [Event(row.changed_at, f"is {row.state}", row.list.slug, "", row.changed_by) for row in rows]


def _consents(of: Subscriber) -> list[Event]:
    rows = ConsentRecord.objects.filter(subscriber=of).select_related("list")
    return [Event(row.at, row.kind, row.list.slug if row.list else "", row.text, row.source) for row in rows]


def _suppressions(address_key: str) -> list[Event]:
    rows = Suppression.objects.filter(address_key=address_key)
    return [
        Event(
            row.created_at,
            "lifted" if row.lifts_id else "suppressed",
            "" if row.scope == "all" else row.scope,
            row.note or f"{row.reason}: {row.source}",
            row.by,
        )
        for row in rows
    ]


def _departures(of: Subscriber) -> list[Event]:
    rows = Departure.objects.filter(subscriber=of)
    left = [Event(row.at, "left", row.scope, "", row.source) for row in rows]
    return left + [Event(row.undone_at, "undone", row.scope, "", row.source) for row in rows if row.undone_at]
