"""A send on its way, for tests of what may happen to it: its people, a lease to work on it, and threads that race."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count

from django.db import connection
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue

from pipeline import errands, transitions
from pipeline.models import Delivery, DeliveryState
from pipeline.models.delivery import LEGAL_REASONS
from pipeline.transitions import Claimed, Marked

HOUR = dt.timedelta(hours=1)


class Scene:
    """A send to ten people, or to those at these addresses, that has started, and a lease to work on it."""

    def __init__(self, number: int = 10, addresses: Sequence[str] = ()) -> None:
        self.newsletter = a_newsletter()
        self.list = a_list(self.newsletter)
        self.people = [
            a_reader(email, self.list) for email in addresses or [f"p{n}@example.com" for n in range(number)]
        ]
        self.send = a_send(an_issue(self.newsletter), self.list)
        self.lease = self.a_lease()

    def a_lease(self, owner: str = "here:1:2") -> int:
        grant = transitions.open_lease(self.send.pk, owner=owner, host="here:1:", wanted=1, at_most=100, siblings=100)
        assert grant
        return grant.lease_id

    def claim(self, most: int = 1) -> list[Claimed]:
        return transitions.claim(self.send.pk, lease_id=self.lease, most=most)

    def mark(self, *claimed: Claimed) -> dict[int, str]:
        return transitions.mark_in_flight(self.send.pk, lease_id=self.lease, claimed=claimed)

    def fly(self, number: int = 1) -> list[Claimed]:
        claimed = self.claim(number)
        assert set(self.mark(*claimed).values()) == {"in_flight"}
        return claimed

    def doubt(self, number: int = 1, reason: str = "connection-lost") -> list[Claimed]:
        """So many that the relay may have, whose time of waiting for evidence is over."""
        flying = self.fly(number)
        answers = [Marked(one.id, one.fence, "uncertain", reason, "", counts=True, due_at=timezone.now() - HOUR)
                   for one in flying]  # fmt: skip
        assert len(transitions.record(self.send.pk, answers)) == number
        return flying

    def states(self) -> Counter[str]:
        return Counter(Delivery.objects.filter(send_id=self.send.pk).values_list("state", flat=True))

    def row(self, claimed: Claimed) -> Delivery:
        return Delivery.objects.get(send_id=self.send.pk, id=claimed.id)

    def state(self) -> str:
        self.send.refresh_from_db()
        return self.send.state


def accepted(one: Claimed, *, fence: int | None = None) -> Marked:
    fence = one.fence if fence is None else fence
    return Marked(one.id, fence, "accepted", "taken", "250 2.0.0 Ok", counts=True, due_at=None)


def refused(one: Claimed, reason: str, reply: str) -> Marked:
    return Marked(one.id, one.fence, "rejected", reason, reply, counts=True, due_at=None)


def a_row(state: str, number: int, *, fence: int = 5) -> Delivery:
    return Delivery.objects.create(
        send_id=1, id=number, subscriber_id=number, email="", address_key=f"p{number}@example.com", state=state,
        reason=LEGAL_REASONS[DeliveryState(state)][0], fence=fence,
    )  # fmt: skip


@contextmanager
def elsewhere(lock: tuple[int, int]) -> Iterator[None]:
    """Another process does what `alone` lets one do at a time."""
    other = connection.copy()
    with closing(other), other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        yield


def slow_errands(monkeypatch) -> None:
    """The clock of `do_due` goes so fast that there is time for one only."""
    monkeypatch.setattr(errands, "monotonic", count(step=errands.AT_A_TIME / 2).__next__)


class Threads:
    """Runs functions at once, each with a database connection of its own; raises what they raise."""

    def __init__(self, *functions: Callable[[], None]) -> None:
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(function,)) for function in functions]

    def _run(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001
            self._errors.append(error)
        finally:
            connection.close()

    def finish(self) -> None:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
