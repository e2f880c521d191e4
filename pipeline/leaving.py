"""Leaving a newsletter: every list of it through which the person was reachable, and for good."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from pipeline.models import AuditEvent, Newsletter, SendList
from pipeline.transitions import record_leaving
from subscribers import transitions as people
from subscribers.models import ConsentRecord, Departure, Subscriber, Subscription

UNDO_FOR: Final = people.UNDO_WINDOW


@transaction.atomic
def leave_newsletter(
    subscriber_id: int, newsletter_id: int, *, send_id: int, delivery_id: int, source: str, at: datetime
) -> Departure | None:
    """Unsubscribe the person from the newsletter and suppress the address for it, at once; None if they are gone.

    Ends each subscription to a list that the newsletter has by default or ever sent to, so that no other list brings
    the person back. Idempotent: a second call returns the same departure.
    """
    person = Subscriber.objects.filter(pk=subscriber_id).first()
    newsletter = Newsletter.objects.filter(pk=newsletter_id).first()
    if person is None or newsletter is None:
        return None
    departure = people.leave(
        person,
        scope=newsletter.scope,
        list_ids=_lists_of(newsletter, subscriber_id),
        source=source,
        by="the person",
        at=at,
    )
    if send_id and delivery_id:
        record_leaving(send_id, delivery_id, at=at)
    AuditEvent.objects.create(
        actor="the person",
        action="subscriber.left",
        subject=f"subscriber:{subscriber_id}",
        detail={"newsletter": newsletter_id, "send": send_id, "source": source},
    )
    return departure


def has_come_back(subscriber_id: int, newsletter_id: int, *, since: datetime) -> bool:
    """Whether the person themselves has said yes to a list of the newsletter, later than that."""
    newsletter = Newsletter.objects.filter(pk=newsletter_id).first()
    return (
        newsletter is not None
        and ConsentRecord.objects.filter(
            subscriber_id=subscriber_id,
            list_id__in=_lists_of(newsletter, subscriber_id),
            kind__in=(ConsentRecord.Kind.CONFIRMED, ConsentRecord.Kind.RETURNED),
            at__gt=since,
        ).exists()
    )


@transaction.atomic
def undo(departure_id: int, *, now: datetime) -> bool:
    """Take a departure back within 24 hours; False if it is too old, undone already, or unknown."""
    departure = Departure.objects.select_for_update().filter(pk=departure_id, undone_at=None).first()
    if departure is None or now - departure.at > UNDO_FOR:
        return False
    people.undo_departure(departure, now=now, by="the person")
    AuditEvent.objects.create(
        actor="the person",
        action="subscriber.returned",
        subject=f"subscriber:{departure.subscriber_id}",
        detail={"departure": departure_id},
    )
    return True


def _lists_of(newsletter: Newsletter, subscriber_id: int) -> list[int]:
    sent_to = SendList.objects.filter(send__newsletter=newsletter, excluded=False).values("list_id")
    own = newsletter.default_lists.values("id")
    reachable = Subscription.objects.filter(subscriber_id=subscriber_id)
    return list(reachable.filter(Q(list_id__in=own) | Q(list_id__in=sent_to)).values_list("list_id", flat=True))
