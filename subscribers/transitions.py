"""The only code that changes a person's subscription or a suppression, one named act each, one transaction each.

Bulk imports are in `importing`; they add, and change no state. Each act locks the person (or the address) first, so
that two at once give the same as one after the other. Times are arguments; who did it is told in words.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet

from subscribers.addresses import Address
from subscribers.models import (
    ConsentRecord,
    Departure,
    List,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from subscribers.queries import active_suppressions

UNDO_WINDOW: Final = timedelta(hours=24)
BATCH: Final = 2_000
_LEAVABLE: Final = (SubscriptionState.UNCONFIRMED, SubscriptionState.SUBSCRIBED, SubscriptionState.PAUSED)


class TransitionRefusedError(Exception):
    """The act is not possible from where things stand. Nothing was changed; `str()` says why."""


@transaction.atomic
def add_person(
    address: Address,
    *,
    first_name: str = "",
    last_name: str = "",
    language: str = "",
    fields: Mapping[str, str] | None = None,
) -> Subscriber:
    """The person at an address, made when nobody is there yet.

    Somebody who is there stays as they are: anyone can type anyone's address into a form.
    """
    person, _ = Subscriber.objects.get_or_create(
        address_key=address.key,
        defaults={
            "email": address.email,
            "domain": address.domain,
            "first_name": first_name,
            "last_name": last_name,
            "language": language,
            "fields": dict(fields or {}),
        },
    )
    return person


@transaction.atomic
def subscribe(subscriber: Subscriber, *, to: List, text: str, source: str, by: str, at: datetime) -> Subscription:
    """Record that somebody asked for a list. `text` is the wording they agreed to.

    On a list with double opt-in, and for anyone who had left or paused, the subscription is `unconfirmed` until
    `confirm`: whoever typed the address need not be its owner. Who is subscribed already stays so.

    Raises:
        TransitionRefusedError: the person was erased on request.

    """
    _lock(subscriber)
    subscription = Subscription.objects.filter(subscriber=subscriber, list=to).first()
    if subscription and subscription.state == SubscriptionState.ERASED:
        raise TransitionRefusedError("This person was erased on request and cannot be subscribed. Nothing changed.")
    if subscription and subscription.state == SubscriptionState.SUBSCRIBED:
        return subscription
    at_once = subscription is None and to.opt_in == List.OptIn.SINGLE
    _consent(subscriber, to.id, kind=ConsentRecord.Kind.SIGNED_UP, text=text, source=source, at=at)
    subscription = subscription or Subscription(subscriber=subscriber, list=to)
    state = SubscriptionState.SUBSCRIBED if at_once else SubscriptionState.UNCONFIRMED
    return _set_state(subscription, state, by=by, at=at)


@transaction.atomic
def confirm(
    subscription: Subscription, *, scopes: Collection[str] = (), text: str, source: str, by: str, at: datetime
) -> Subscription:
    """The person themselves said yes, by a link that only they have. A second yes changes nothing.

    Whoever had left comes back by this: suppressions that stem from leaving, of the `scopes` the list belongs to,
    are lifted. Complaints, dead addresses and those set by hand stay.

    Raises:
        TransitionRefusedError: the sign-up is not waiting for a yes any more (they left since, or were erased).

    """
    subscriber = _lock(subscription.subscriber)
    subscription = Subscription.objects.get(pk=subscription.pk)
    if subscription.state == SubscriptionState.SUBSCRIBED:
        return subscription
    if subscription.state != SubscriptionState.UNCONFIRMED:
        raise TransitionRefusedError(f"The subscription is {subscription.state}; nothing waits for a confirmation.")
    _consent(subscriber, subscription.list_id, kind=ConsentRecord.Kind.CONFIRMED, text=text, source=source, at=at)
    left = active_suppressions(subscriber.address_key).filter(reason=SuppressionReason.UNSUBSCRIBED, scope__in=scopes)
    for suppression in left:
        lift(suppression, by=by, note="came back and confirmed it", source=source)
    return _set_state(subscription, SubscriptionState.SUBSCRIBED, by=by, at=at)


@transaction.atomic
def leave(
    subscriber: Subscriber, *, scope: str, list_ids: Collection[int], source: str, by: str, at: datetime
) -> Departure:
    """End the subscriptions to the given lists and suppress the scope, so that no other list brings it back.

    A second call finds nothing to end and gives back the same open departure, unchanged.
    """
    _lock(subscriber)
    ending = Subscription.objects.filter(subscriber=subscriber, list_id__in=list_ids, state__in=_LEAVABLE)
    left = {str(list_id): state for list_id, state in ending.order_by("list_id").values_list("list_id", "state")}
    still_open = _open_departures(subscriber).filter(scope=scope).last()
    if still_open and not left:
        return still_open
    ended = [*map(int, left)]
    ending.filter(list_id__in=ended).update(state=SubscriptionState.UNSUBSCRIBED, changed_at=at, changed_by=by)
    # Of its own, even when the scope is suppressed already: an undo must lift this one and no other.
    suppression = Suppression.objects.create(
        address_key=subscriber.address_key,
        reason=SuppressionReason.UNSUBSCRIBED,
        scope=scope,
        source=source,
        by=by,
    )
    # The no is on record even when there was no subscription to end.
    lists: list[int | None] = [*ended] or [None]
    for list_id in lists:
        _consent(subscriber, list_id, kind=ConsentRecord.Kind.WITHDRAWN, text=f"left {scope}", source=source, at=at)
    return Departure.objects.create(
        subscriber=subscriber, scope=scope, suppression=suppression, left=left, source=source, at=at
    )


@transaction.atomic
def undo_departure(departure: Departure, *, now: datetime, by: str) -> Departure:
    """Within 24 hours put back exactly what a departure ended, and lift its suppression. A second undo changes nothing.

    What changed since (erased, subscribed anew) stays as it is.

    Raises:
        TransitionRefusedError: the 24 hours are over; the person can sign up again.

    """
    subscriber = _lock(departure.subscriber)
    departure = Departure.objects.select_related("suppression").get(pk=departure.pk)
    if departure.undone_at:
        return departure
    if now - departure.at > UNDO_WINDOW:
        raise TransitionRefusedError(
            "Leaving can be undone for 24 hours, and those are over. Nothing was changed. Sign up again to come back."
        )
    for list_id, state in departure.left.items():
        ended = Subscription.objects.filter(
            subscriber=subscriber, list_id=int(list_id), state=SubscriptionState.UNSUBSCRIBED
        )
        if ended.update(state=state, changed_at=now, changed_by=by):
            _consent(
                subscriber,
                int(list_id),
                kind=ConsentRecord.Kind.RETURNED,
                text=f"undid leaving {departure.scope}",
                source=departure.source,
                at=now,
            )
    lift(departure.suppression, by=by, note="undone by the same person within 24 hours", source=departure.source)
    departure.undone_at = now
    departure.save(update_fields=["undone_at"])
    return departure


@transaction.atomic
def suppress(
    address_key: str,
    *,
    reason: str,
    scope: str = "all",
    source: str,
    by: str,
    note: str = "",
    expires_at: datetime | None = None,
    anew: bool = False,
) -> Suppression:
    """See to it that an address gets nothing. One that holds for the same reason and scope, as long, is enough.

    With `anew` it gets a row of its own all the same, so that whoever lifts that one lifts no other.
    """
    _lock_address(address_key)
    for held in () if anew else active_suppressions(address_key).filter(reason=reason, scope=scope):
        if held.expires_at is None or (expires_at is not None and held.expires_at >= expires_at):
            return held
    return Suppression.objects.create(
        address_key=address_key,
        reason=reason,
        scope=scope,
        source=source,
        by=by,
        note=note,
        expires_at=expires_at,
    )


@transaction.atomic
def lift(suppression: Suppression, *, by: str, note: str, source: str = "by hand") -> Suppression:
    """End a suppression by a new row, which is given back; who and why must be told. A second lift changes nothing.

    Raises:
        TransitionRefusedError: nobody or no reason is named, or the row is a lift itself.

    """
    _require_name_and_reason(by, note)
    if suppression.lifts_id:
        raise TransitionRefusedError("This row lifts a suppression; it cannot be lifted. Nothing was changed.")
    _lock_address(suppression.address_key)
    earlier = Suppression.objects.filter(lifts=suppression).first()
    return earlier or Suppression.objects.create(
        address_key=suppression.address_key,
        reason=suppression.reason,
        scope=suppression.scope,
        source=source,
        by=by,
        note=note,
        lifts=suppression,
    )


@transaction.atomic
def lift_all(suppression_ids: Collection[int], *, by: str, note: str, source: str) -> int:
    """`lift` many by one act; how many had not been lifted before.

    Raises:
        TransitionRefusedError: nobody or no reason is named.

    """
    _require_name_and_reason(by, note)
    held = Suppression.objects.filter(pk__in=suppression_ids, lifts=None, lifted_by=None)
    lifts = [
        Suppression(
            address_key=row.address_key, reason=row.reason, scope=row.scope, source=source, by=by, note=note, lifts=row
        )
        for row in held.order_by("pk")
    ]
    # Who lifts one of them at this moment was first, which is no error.
    Suppression.objects.bulk_create(lifts, batch_size=1000, ignore_conflicts=True)
    return len(lifts)


@transaction.atomic
def suppress_many(address_keys: Sequence[str], sources: Sequence[str], *, reason: str, by: str) -> list[Suppression]:
    """Give each address a suppression of its own for all scopes, in this order, as `suppress` does with `anew`."""
    return Suppression.objects.bulk_create(
        [
            Suppression(address_key=key, reason=reason, scope="all", source=source, by=by)
            for key, source in zip(address_keys, sources, strict=True)
        ],
        batch_size=BATCH,
    )


def _require_name_and_reason(by: str, note: str) -> None:
    if not by.strip() or not note.strip():
        raise TransitionRefusedError("A suppression is lifted by a named person with a reason. Nothing was changed.")


def _lock(subscriber: Subscriber) -> Subscriber:
    """Hold the person's row until the transaction ends."""
    return Subscriber.objects.select_for_update(no_key=True).get(pk=subscriber.pk)


def _lock_address(address_key: str) -> None:
    """Hold an address, which need not have a row yet. Always after the person's row, never before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [address_key])


def _set_state(subscription: Subscription, state: SubscriptionState, *, by: str, at: datetime) -> Subscription:
    subscription.state, subscription.changed_by, subscription.changed_at = state, by, at
    subscription.save()
    return subscription


def _consent(
    subscriber: Subscriber,
    list_id: int | None,
    *,
    kind: ConsentRecord.Kind,
    text: str,
    source: str,
    at: datetime,
) -> None:
    ConsentRecord.objects.create(subscriber=subscriber, list_id=list_id, kind=kind, text=text, source=source, at=at)


def _open_departures(subscriber: Subscriber) -> QuerySet[Departure]:
    """Departures that still hold: neither undone nor ended by coming back."""
    return Departure.objects.filter(
        subscriber=subscriber, undone_at__isnull=True, suppression__lifted_by__isnull=True
    ).order_by("id")
