"""The story of one batch, read from top to bottom: lease, claim, mark, hand over, record, give back."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, cast

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from pipeline import transitions
from pipeline.content.types import ContentError
from pipeline.delivery import epoch
from pipeline.delivery.batch import suspects
from pipeline.delivery.batch.entries import Entries
from pipeline.delivery.batch.hand import Hand, Report
from pipeline.delivery.batch.impression import Impression
from pipeline.delivery.batch.keeper import LeaseKeeper
from pipeline.delivery.batch.making import Maker, require_proofs
from pipeline.delivery.batch.session import bookkeeping
from pipeline.delivery.brake import Brake
from pipeline.delivery.dkim import DkimError
from pipeline.delivery.envelope import Envelope, Result
from pipeline.delivery.pacing import Pacing
from pipeline.delivery.routing import Leased, open_way
from pipeline.delivery.signing import signer_of
from pipeline.limits.easing import scale_of
from pipeline.models import Send
from pipeline.queries import id_fields, still_goes
from pipeline.transitions import Claimed

logger = logging.getLogger(__name__)
CLAIM_AT_ONCE: Final = 500
START_FOR_SECONDS: Final = 60.0
"""After this a batch starts nothing more and gives the rest back, so that no task outlives its doorbell."""
FINISH_FOR_SECONDS: Final = 5.0
"""So much longer goes on what was begun before. A group is made to last for a moment, and cutting it costs a
connection; but a relay that was fast when it was made may be slow now."""
LISTEN_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 0.5
"""While something is on its way and nothing new is marked, so often it is asked whether the send still goes."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The process that works: `name` begins with `host`; a host works on at most `siblings` batches at once.

    `call` asks for another process for the same send.
    """

    name: str
    host: str
    siblings: int
    stopping: Callable[[], bool]
    call: Callable[[], object] = lambda: None


def run_batch(send_id: int, worker: Worker) -> bool:
    """Work on a send for up to a minute; True if there is more to do at once.

    Does nothing when the send is not being sent, or no connection to its relay is free.
    """
    if epoch.look():
        return False  # the next sweep holds it
    send = Send.objects.select_related("newsletter", "transport").get(pk=send_id)
    try:
        signer_of(send.newsletter)
        require_proofs(send)
    except (DkimError, ContentError) as error:
        transitions.pause_if_sending(send_id, actor="delivery", why=str(error))
        return False
    with bookkeeping():
        way = open_way(send, owner=worker.name, host=worker.host, siblings=worker.siblings)
        return way is not None and _work(send, way, worker)


def _work(send: Send, way: Leased, worker: Worker) -> bool:
    try:
        with LeaseKeeper(way.grant.lease_id) as keeper:
            brake = Brake(send, worker.name, share=way.share)
            batch = _Batch(send, way, brake, keeper, lambda: keeper.alive() and not worker.stopping())
            return batch.run(worker.call)
    finally:
        transitions.close_lease(way.grant.lease_id)


class _Batch:
    def __init__(
        self, send: Send, way: Leased, brake: Brake, keeper: LeaseKeeper, may_start: Callable[[], bool]
    ) -> None:
        self._send, self._transport_id, self._brake, self._keeper = send, way.transport.pk, brake, keeper
        self._relay, self._grant, self._share = way.relay, way.grant, way.share
        self._entries = Entries(send, way.grant.lease_id, brake)
        self._maker = Maker(send, id_fields(way.transport.pk))
        self._deadline = time.monotonic() + START_FOR_SECONDS
        self._may_start = may_start
        self._pace = Pacing(
            send.pk,
            way.transport.pk,
            rate=way.relay.rate,
            teaches=way.transport.sees_recipient_replies is not False,
            scale=scale_of(timedelta(seconds=send.retry[0])),
        )
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._hands: list[Hand] = []
        self._working = 0
        """How many hands have not ended."""
        self._idle: list[Hand] = []
        """Those that ask for something to do, once for each portion. The last one is the first to get it: where a pace
        needs few connections, the others may grow old, and a relay hang up on them."""
        self._asked: dict[Hand, int] = {}
        """How many portions those ask for that have no connection now."""
        self._claimed: deque[Claimed] = deque()
        self._made: deque[tuple[Claimed, Envelope]] = deque()
        """Messages of those that are claimed, ready to be handed over."""
        self._flying: dict[int, Claimed] = {}
        self._giving = True
        """Whether another group may be started; once False it stays so."""
        self._stopped = False
        """Not even what is left of a group: the send was paused or cancelled, or the lease is gone."""
        self._look_at = 0.0
        self._braked = False
        """It was the brake, and not the pace, that kept hands idle."""
        self._impression = Impression()
        self._defect: Exception | None = None

    def run(self, call: Callable[[], object]) -> bool:
        """The loop. Each turn is one commit: the last replies, and the marks of what is handed over next."""
        try:
            self._claim()
            if self._share < 1 and len(self._claimed) == CLAIM_AT_ONCE:
                call()  # now, and not at the next sweep: there is work for whoever is free
            self._hire(min(self._grant.connections, max(len(self._claimed), self._pace.waiting)))
            while self._flying or self._entries or self._giving:
                self._turn()
                self._listen()
        finally:
            self._finish()
        tried = self._grant.trial and self._impression.answered
        return tried or (bool(self._claimed or self._made) and time.monotonic() > self._deadline)

    def _hire(self, number: int) -> None:
        for _ in range(number):
            self._hands.append(
                Hand(self._relay, helo=settings.BOUNCE_DOMAIN, reports=self._reports, may_start=self._may_go_on)
            )
        self._working = number

    # One turn

    def _turn(self) -> None:
        groups = self._prepare()
        chosen = [one for _, group in groups for one, _ in group]
        if not chosen:
            self._look()
        if not chosen and not self._entries:
            return
        states = self._entries.commit(chosen)
        for hand, group in groups:
            self._hand_over(hand, [(one, wire) for one, wire in group if states.get(one.id) == "in_flight"])
        if chosen:
            self._look_at = time.monotonic() + LOOK_SECONDS
        if len(states) < len(chosen) or "pending" in states.values():
            self._stop()

    def _look(self) -> None:
        """Marking tells whether the send still goes; while a group takes its time, nothing is marked."""
        if not self._flying or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        try:
            if not still_goes(self._send.pk):
                self._stop()
        except (OperationalError, InterfaceError):
            connection.close()  # whether the lease still holds is the keeper's to know

    def _stop(self) -> None:
        self._giving, self._stopped = False, True

    def _may_go_on(self) -> bool:
        """Whether another message may be started; once no, it stays no. The hands ask, before each one of a group."""
        late = time.monotonic() > self._deadline + FINISH_FOR_SECONDS
        self._stopped = self._stopped or late or not self._may_start()
        return not self._stopped

    def _prepare(self) -> list[tuple[Hand, list[tuple[Claimed, Envelope]]]]:
        """The next groups. When the books cannot be asked, none; then this batch only hears what is under way."""
        try:
            return self._next_groups()
        except (OperationalError, InterfaceError) as error:
            self._start_nothing(error)
            return []

    def _start_nothing(self, error: Exception) -> None:
        logger.warning("nothing more is started of send %s for now: %s", self._send.pk, error)
        connection.close()
        self._giving = False

    def _hand_over(self, hand: Hand, group: Sequence[tuple[Claimed, Envelope]]) -> None:
        if not group:
            self._idle.append(hand)
            return
        self._pace.spend(len(group))
        self._flying.update((one.id, one) for one, _ in group)
        hand.give([wire for _, wire in group])

    def _next_groups(self) -> list[tuple[Hand, list[tuple[Claimed, Envelope]]]]:
        if not self._may_go_on() or time.monotonic() > self._deadline:
            self._giving = False
        paced, braked = self._pace.allowed(), self._brake.allowed(len(self._flying) + len(self._entries))
        allowed = min(paced, braked)
        if self._pace.over:
            self._giving = False
        groups = []
        while self._giving and self._idle and allowed > 0:
            hand = self._idle.pop()
            group = self._fill(min(hand.portion, allowed))
            allowed -= len(group)
            if group:
                groups.append((hand, group))
            else:
                self._idle.append(hand)
                break
        self._braked = allowed <= 0 and braked < paced
        return groups

    def _fill(self, most: int) -> list[tuple[Claimed, Envelope]]:
        while len(self._made) < most and (self._claimed or self._claim()) and self._make_next():
            pass
        return [] if self._stopped else [self._made.popleft() for _ in range(min(most, len(self._made)))]

    def _make_next(self) -> bool:
        """Make the message of whoever is the next; False when no more are to be made now."""
        if suspects.suspected(self._claimed) and not self._try_suspects():
            return False
        one = self._claimed.popleft()
        if self._pace.parks(one):
            return True
        if (made := self._maker.try_to_make(one)) is not None:
            self._made.append((one, made))
        elif why := self._maker.hopeless():
            transitions.pause_if_sending(self._send.pk, actor="delivery", why=why)
            self._stop()
            return False
        return True

    def _make_ahead(self) -> None:
        """While all hands are busy, make what they are given next."""
        most = sum(hand.portion for hand in self._hands)
        try:
            while self._reports.empty() and self._claimed and len(self._made) < most and self._make_next():
                pass
        except (OperationalError, InterfaceError) as error:
            self._start_nothing(error)

    def _try_suspects(self) -> bool:
        """False as long as the air is not clear, or the lease is lost."""
        if self._flying:
            return False
        if self._entries:
            self._entries.commit([])
        suspects.try_out(self._claimed, self._maker.make, self._keeper.note)
        return not suspects.suspected(self._claimed)

    def _claim(self) -> bool:
        found = self._pace.claim(lease_id=self._grant.lease_id, most=CLAIM_AT_ONCE)
        self._claimed.extend(found)
        self._giving = self._giving and (bool(found) or self._pace.waiting)
        return bool(found)

    # What comes back

    def _listen(self) -> None:
        """Wait for a hand, or for the pace; then take everything that is there."""
        wait = self._patience()
        if wait and self._giving and not self._idle:
            self._make_ahead()
        try:
            self._hear(self._reports.get(timeout=wait) if wait else self._reports.get_nowait())
            while True:
                self._hear(self._reports.get_nowait())
        except Empty:
            return

    def _patience(self) -> float:
        """How long there is nothing to do unless a hand has something to say."""
        held_up = self._braked or suspects.suspected(self._claimed)
        if self._idle and self._giving and not held_up:
            return self._pace.wait()
        opening = self._giving and not self._idle
        return LISTEN_SECONDS if self._flying or opening else 0.0

    def _hear(self, report: Report) -> None:
        if report.defect:
            self._defect, self._giving = report.defect, False
            for key in report.lost:  # which stay in flight in the books, and so in doubt when the lease is closed
                self._flying.pop(cast("int", key), None)
        taught = self._note(report.results)
        self._impression.heard(report, taught=taught, stopped=not self._may_go_on())
        if report.broken or report.ended:
            self._disconnected(report.hand)
        else:
            self._idle.extend([report.hand] * (report.asks + self._asked.pop(report.hand, 0)))
        self._working -= report.ended
        tried = self._grant.trial and self._impression.answered
        if tried or not self._working or self._impression.is_away or self._pace.relay_is_busy:
            self._giving = False

    def _disconnected(self, hand: Hand) -> None:
        """Nobody waits for a connection that may be long in coming."""
        portions = hand.take_back()
        self._asked[hand] = len(portions) + self._idle.count(hand)
        self._idle = [each for each in self._idle if each is not hand]
        for results in portions:
            self._note(results)

    def _note(self, results: Sequence[Result]) -> bool:
        """Enter what became of messages; True if a destination has had enough."""
        taught = [self._pace.heard(self._flying[cast("int", result.key)], result) for result in results]
        for result in results:
            self._entries.add(self._flying.pop(cast("int", result.key)), result)
        return any(taught)

    # The end

    def _finish(self) -> None:
        """Give back what was only claimed, hear every hand to its end, write down what they say, judge the relay.

        Also after an error: a reply that the relay gave must not be lost because something else went wrong.
        """
        self._giving = False
        _leave_if_broken()
        _each(
            self._reject_the_last,
            partial(self._pace.close, lease_id=self._grant.lease_id),
            partial(transitions.give_back, self._grant.lease_id),
            *(hand.end for hand in self._hands),
            self._hear_the_last,
            self._write_the_last,
            self._brake.end,
            lambda: self._impression.judge(self._send, self._transport_id, busy=self._pace.relay_is_busy),
        )
        if self._defect:
            raise self._defect

    def _reject_the_last(self) -> None:
        if not (
            self._claimed or self._made
        ):  # else somebody's message might still show that theirs alone cannot be made
            self._maker.close()

    def _hear_the_last(self) -> None:
        _each(*(partial(self._hear, self._reports.get()) for _ in range(self._reports.qsize())))

    def _write_the_last(self) -> None:
        if self._entries:
            self._entries.commit([])


def _each(*steps: Callable[[], object]) -> None:
    """Take every step, whatever becomes of the others; then raise what the first that failed met."""
    failed: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 (it is raised below)
            failed.append(error)
            _leave_if_broken()
    if failed:
        raise failed[0]


def _leave_if_broken() -> None:
    """Django goes on with a broken connection; after this it opens another."""
    if not connection.is_usable():
        connection.close()
