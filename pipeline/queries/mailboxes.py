"""What there is to do in a mailbox besides reading what is new."""

from collections.abc import Collection

from pipeline.models import Mailbox
from pipeline.queries.sql import rows


def unsettled_mailbox_messages(mailbox: Mailbox) -> list[str]:
    """Keys of what was taken in and has not surely been marked, moved or deleted: a look ended in between."""
    found = mailbox.messages.filter(era=mailbox.era, settled_at=None, left_because="").order_by("id")
    return list(found.values_list("key", flat=True)[:1_000])


def mailbox_messages_to_retry(mailbox: Mailbox) -> list[str]:
    """Keys of what was left and is due to be tried again."""
    return [
        key
        for (key,) in rows(
            "SELECT key FROM pipeline_mailboxmessage WHERE mailbox_id = %s AND era = %s AND left_because <> ''"
            " AND retry_at <= now() ORDER BY id LIMIT 100",
            [mailbox.pk, mailbox.era],
        )
    ]


def known_mailbox_keys(mailbox: Mailbox, among: Collection[str]) -> set[str]:
    """Those of these keys that were dealt with: POP cannot be asked for what is new alone."""
    found = rows(
        "SELECT key FROM pipeline_mailboxmessage WHERE mailbox_id = %s AND era = %s AND key = ANY(%s)",
        [mailbox.pk, mailbox.era, list(among)],
    )
    return {key for (key,) in found}
