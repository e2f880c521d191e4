"""Mailboxes that are read: when the next look is due, how the last one went, and what became of each message."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from pipeline.models import AuditEvent, Mailbox, MailboxMessage, Secret
from pipeline.queries.sql import execute, rows

LOOK_EVERY: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=30)
"""Also where a person is needed: a server that is asked more often with a wrong password locks the user out."""
RETRY_AFTER: Final = timedelta(minutes=10)
TRIES: Final = 5


def take_due_mailbox() -> int | None:
    """The mailbox whose look has been due longest, given to one caller; a look that never comes about is due again."""
    taken = rows(
        "UPDATE pipeline_mailbox SET next_at = now() + %s WHERE id = ("
        "  SELECT id FROM pipeline_mailbox WHERE enabled AND next_at <= statement_timestamp()"
        "  ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
        [LOOK_EVERY],
    )
    return taken[0][0] if taken else None


def mailbox_worked(mailbox_id: int, *, more: bool = False) -> None:
    """A look went well; with more waiting, the next one is due at once."""
    execute(
        "UPDATE pipeline_mailbox SET looked_at = now(), next_at = now() + %s, failing_since = NULL, failures = 0,"
        " needs_person = false, error = '' WHERE id = %s",
        [timedelta() if more else LOOK_EVERY, mailbox_id],
    )


def mailbox_failed(mailbox_id: int, *, why: str, needs_person: bool) -> None:
    """A look failed: the next one waits, twice as long each time in a row."""
    execute(
        "UPDATE pipeline_mailbox SET failing_since = coalesce(failing_since, now()), failures = failures + 1,"
        " needs_person = %(person)s, error = %(why)s, next_at = now() + CASE WHEN %(person)s THEN %(longest)s"
        "   ELSE least(%(first)s * power(2, least(failures, 10)), %(longest)s) END WHERE id = %(id)s",
        {"id": mailbox_id, "person": needs_person, "why": why, "first": LOOK_EVERY, "longest": LONGEST_WAIT},
    )


def look_soon(mailbox_id: int) -> None:
    """The next sweep has it looked into."""
    Mailbox.objects.filter(pk=mailbox_id).update(next_at=Now())


def note_mailbox_change(mailbox: Mailbox, changes: Mapping[str, object], *, actor: str) -> None:
    """On record, without what is secret."""
    shown = {name: "changed" if isinstance(value, Secret) else value for name, value in changes.items()}
    detail = json.loads(json.dumps(shown, default=str))
    AuditEvent.objects.create(actor=actor, action="mailbox.set", subject=f"mailbox:{mailbox.pk}", detail=detail)


def note_mailbox_removal(mailbox: Mailbox, *, actor: str) -> None:
    """On record."""
    detail = {"name": mailbox.name}
    AuditEvent.objects.create(actor=actor, action="mailbox.removed", subject=f"mailbox:{mailbox.pk}", detail=detail)


def keep_access_token(mailbox: Mailbox, token: Secret, *, until: datetime, refresh: Secret | None) -> None:
    """For the next looks; some servers give a new refresh token each time, and take the old one no more.

    Where somebody has changed the mailbox meanwhile, that stands: the token is of the way in that was.
    """
    asked_with = ("era", "token_url", "client_id", "client_secret", "refresh_token")
    same = Mailbox.objects.filter(pk=mailbox.pk, **{name: getattr(mailbox, name) for name in asked_with})
    mailbox.access_token, mailbox.access_until = token, until
    mailbox.refresh_token = refresh or mailbox.refresh_token
    same.update(access_token=token, access_until=until, refresh_token=mailbox.refresh_token)


def claim_mailbox_message(mailbox: Mailbox, *, key: str, size: int, identity: str) -> tuple[int, bool] | None:
    """Note that a message is dealt with: the row's id, and whether the message is known under another key.

    None when it was dealt with before under this key. Whoever does the same at the same time waits for our commit.
    """
    found = rows(
        "INSERT INTO pipeline_mailboxmessage AS m (mailbox_id, era, key, size, identity, left_because)"
        " VALUES (%(mailbox)s, %(era)s, %(key)s, %(size)s, %(identity)s, '')"
        " ON CONFLICT (mailbox_id, era, key) DO UPDATE"
        "   SET left_because = '', retry_at = NULL, identity = excluded.identity, at = now()"
        "   WHERE m.left_because <> ''"
        " RETURNING id, EXISTS (SELECT FROM pipeline_mailboxmessage o WHERE o.mailbox_id = %(mailbox)s"
        "   AND o.identity = %(identity)s AND o.identity <> '' AND o.left_because = '' AND o.id <> m.id)",
        {"mailbox": mailbox.pk, "era": mailbox.era, "key": key, "size": size, "identity": identity},
    )
    return found[0] if found else None


def mailbox_read_up_to(mailbox: Mailbox, key: str) -> None:
    """Nothing up to this key need be listed again. Only so that it goes quickly: what is listed again is known."""
    Mailbox.objects.filter(pk=mailbox.pk, era=mailbox.era).update(read_up_to=key)


def mailbox_message_taken(message_id: int, *, feedback_id: int) -> None:
    """What it was taken in as."""
    MailboxMessage.objects.filter(pk=message_id).update(feedback_id=feedback_id)


def leave_mailbox_message(mailbox: Mailbox, *, key: str, size: int, why: str, for_good: bool) -> None:
    """Note that a message stays where it is, and why. Unless that is for good, it is tried a few times again."""
    execute(
        "INSERT INTO pipeline_mailboxmessage AS m"
        " (mailbox_id, era, key, size, identity, left_because, tries, retry_at)"
        " VALUES (%(mailbox)s, %(era)s, %(key)s, %(size)s, '', %(why)s, 1, now() + %(after)s)"
        " ON CONFLICT (mailbox_id, era, key) DO UPDATE SET left_because = excluded.left_because, at = now(),"
        "   tries = m.tries + 1,"
        "   retry_at = CASE WHEN m.tries + 1 < %(tries)s THEN now() + %(after)s::interval * (m.tries + 1) END"
        " WHERE m.left_because <> ''",
        {
            "mailbox": mailbox.pk,
            "era": mailbox.era,
            "key": key,
            "size": size,
            "why": why,
            "after": None if for_good else RETRY_AFTER,
            "tries": TRIES,
        },
    )


def retry_left_messages(mailbox: Mailbox, *, actor: str) -> int:
    """A person wants what was left to be tried again at the next look; how many."""
    with transaction.atomic():
        found = mailbox.messages.exclude(left_because="").filter(era=mailbox.era).update(retry_at=Now(), tries=0)
        look_soon(mailbox.pk)
        AuditEvent.objects.create(
            actor=actor, action="mailbox.retry", subject=f"mailbox:{mailbox.pk}", detail={"messages": found}
        )
    return found


def forget_left_messages(mailbox: Mailbox, keys: Collection[str]) -> None:
    """They are not in the mailbox any more."""
    mailbox.messages.filter(era=mailbox.era, key__in=keys).exclude(left_because="").delete()


def mailbox_messages_settled(mailbox: Mailbox, keys: Collection[str]) -> None:
    """They were marked, moved or deleted on the server."""
    mailbox.messages.filter(era=mailbox.era, key__in=keys, settled_at=None).update(settled_at=Now())
