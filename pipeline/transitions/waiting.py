"""Days and hours: a send outside its window keeps its state and waits; nothing of it is claimed until it opens."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from pipeline.models import Send, SendState
from pipeline.queries import clock
from pipeline.queries.sql import execute


def keep_windows(opens: Callable[[Send, datetime], datetime]) -> None:
    """Write down for each send that has a window, and is due or on its way, until when it waits.

    `opens` says when its window is open next, from a moment on: that moment, if it is open then.
    """
    now = clock.now()
    for send in Send.objects.exclude(window="").filter(
        state__in=[SendState.SCHEDULED, SendState.STARTING, SendState.SENDING], due_at__lte=now
    ):
        until = opens(send, now)
        if until > now:
            wait_until(send.pk, until)
        else:
            wait_no_longer(send.pk)


def wait_until(send_id: int, moment: datetime) -> None:
    execute(
        "UPDATE pipeline_send SET waits_until = %(at)s WHERE id = %(send)s AND waits_until IS DISTINCT FROM %(at)s",
        {"send": send_id, "at": moment},
    )


def wait_no_longer(send_id: int) -> None:
    """A moment that has come stays written down: since then the send may go, and from there it is late."""
    execute("UPDATE pipeline_send SET waits_until = now() WHERE id = %s AND waits_until > now()", [send_id])


def wait_for_the_sweep(send_id: int) -> None:
    """A send with a window that is let go on waits until the sweep, within seconds, has looked whether it is open."""
    with transaction.atomic():
        execute(
            "UPDATE pipeline_send SET waits_until = greatest(waits_until, now() + interval '1 minute')"
            " WHERE id = %s AND \"window\" <> ''",
            [send_id],
        )
