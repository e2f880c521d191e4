"""Deliveries, leases and sends move as DESIGN section 6 says and in no other way, whoever comes first."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue, delivery_of

from pipeline import transitions
from pipeline.models import AuditEvent, Delivery, DeliveryState, Lease, Send, SendState, Transport
from pipeline.models.delivery import LEGAL_REASONS
from pipeline.queries.sql import execute, rows
from pipeline.transitions import Claimed, Marked
from pipeline.transitions.leases import LOCK_SPACE
from pipeline.transitions.sends import WrongStateError
from subscribers import transitions as people
from subscribers.models import Subscriber, Subscription

pytestmark = pytest.mark.django_db
MOVES = {
    "pending": {"claimed", "skipped", "cancelled", "expired"},
    "claimed": {"pending", "in_flight", "skipped", "rejected"},
    "in_flight": {"accepted", "rejected", "pending", "expired", "uncertain"},
    "uncertain": {"pending", "accepted", "held"},
    "held": {"accepted"},
}
"""DESIGN section 6, with later evidence for what is held."""
HOUR = dt.timedelta(hours=1)


class Scene:
    """A send to ten people that has started, and a lease to work on it."""

    def __init__(self, number: int = 10) -> None:
        self.newsletter = a_newsletter()
        self.list = a_list(self.newsletter)
        self.people = [a_reader(f"p{n}@example.com", self.list) for n in range(number)]
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


@pytest.fixture
def scene() -> Scene:
    return Scene()


def accepted(one: Claimed, *, fence: int | None = None) -> Marked:
    fence = one.fence if fence is None else fence
    return Marked(one.id, fence, "accepted", "taken", "250 2.0.0 Ok", counts=True, due_at=None)


# The guard in the table


def a_row(state: str, number: int, *, fence: int = 5) -> Delivery:
    return Delivery.objects.create(
        send_id=1, id=number, subscriber_id=number, email="", address_key=f"p{number}@example.com", state=state,
        reason=LEGAL_REASONS[DeliveryState(state)][0], fence=fence,
    )  # fmt: skip


def moves(row: Delivery, to: str, *, fence: int) -> bool:
    try:
        with transaction.atomic():
            Delivery.objects.filter(send_id=1, id=row.id).update(
                state=to, reason=LEGAL_REASONS[DeliveryState(to)][0], fence=fence
            )
            transaction.set_rollback(True)
    except IntegrityError:
        return False
    return True


def test_every_pair_of_states_is_legal_or_refused_as_designed():
    legal = {(old, new) for old, targets in MOVES.items() for new in targets}
    found = set()
    for number, old in enumerate(DeliveryState.values):
        row = a_row(old, number)
        found |= {(old, new) for new in DeliveryState.values if new != old and moves(row, new, fence=6)}
    assert found == legal


def test_a_move_back_needs_a_new_fence_and_no_fence_ever_falls():
    for number, old in enumerate(DeliveryState.values):
        row = a_row(old, number)
        assert not moves(row, "pending", fence=5) or old == "pending"
        for new in {*MOVES.get(old, ()), old}:
            assert not moves(row, new, fence=4), f"{old} to {new} with an older fence"


@pytest.mark.parametrize("state", DeliveryState)
def test_each_state_has_reasons_of_its_own(state):
    for number, reason in enumerate({each for reasons in LEGAL_REASONS.values() for each in reasons}):
        row = {"send_id": 1, "id": number, "subscriber_id": number, "email": "", "address_key": str(number)}
        try:
            with transaction.atomic():
                Delivery.objects.create(**row, state=state, reason=reason)
            taken = True
        except IntegrityError:
            taken = False
        assert taken is (reason in LEGAL_REASONS[state]), f"{state}/{reason}"


def test_nobody_is_in_a_send_twice():
    a_row("pending", 1)
    with pytest.raises(IntegrityError, match="delivery_once_per_address"):
        Delivery.objects.create(send_id=1, id=2, subscriber_id=2, email="", address_key="p1@example.com")


def test_the_audit_trail_can_only_grow():
    event = AuditEvent.objects.create(actor="ada", action="send.paused", subject="send:1")
    for change in ("UPDATE pipeline_auditevent SET actor = 'bo'", "DELETE FROM pipeline_auditevent"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            execute(change)
    event.refresh_from_db()
    assert event.actor == "ada"


# Claiming


def test_a_claim_takes_what_is_due_and_raises_the_fence(scene):
    later = delivery_of(scene.send, scene.people[0])
    Delivery.objects.filter(send_id=scene.send.pk, id=later.id).update(due_at=timezone.now() + HOUR)
    claimed = scene.claim(100)
    assert len(claimed) == 9
    assert {one.fence for one in claimed} == {1}
    assert later.id not in {one.id for one in claimed}
    assert scene.claim(100) == []


def test_nothing_is_claimed_for_a_lease_that_was_taken_away(scene):
    """Else it would lie there for ever: nobody looks for the rows of a lease that is gone."""
    transitions.close_lease(scene.lease)
    assert scene.claim(5) == []
    assert scene.states() == {"pending": 10}


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


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_time_share_the_work_and_overlap_nowhere():
    scene, found, ready = Scene(120), [], threading.Barrier(4)
    leases = [scene.a_lease(f"here:1:{n}") for n in range(4)]

    def worker(lease: int) -> None:
        ready.wait()
        while claimed := transitions.claim(scene.send.pk, lease_id=lease, most=7):
            found.extend((one.id, one.fence, lease) for one in claimed)

    Threads(*(lambda lease=lease: worker(lease) for lease in leases)).finish()
    assert Counter(pk for pk, _, _ in found) == Counter(range(1, 121))
    assert {fence for _, fence, _ in found} == {1}
    kept = Delivery.objects.filter(send_id=scene.send.pk).values_list("id", "lease_id")
    assert dict(kept) == {pk: lease for pk, _, lease in found}


@pytest.mark.django_db(transaction=True)
def test_a_claim_under_way_while_its_lease_is_taken_leaves_nothing_behind():
    scene = Scene(5)
    with transaction.atomic():
        scene.claim(5)
        Threads(lambda: transitions.close_lease(scene.lease)).finish()
    transitions.close_lease(scene.lease)
    assert scene.states() == {"pending": 5}
    assert not Lease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_send_is_started_once():
    newsletter = a_newsletter()
    readers = a_list(newsletter)
    for n in range(20):
        a_reader(f"p{n}@example.com", readers)
    send = a_send(an_issue(newsletter), readers, started=False)
    outcomes, ready = [], threading.Barrier(3)

    def starter() -> None:
        ready.wait()
        outcomes.append(transitions.start_send(send.pk))

    Threads(starter, starter, starter).finish()
    assert sorted(outcomes) == [False, False, True]
    assert Delivery.objects.filter(send_id=send.pk).count() == 20
    assert AuditEvent.objects.filter(action="send.started").count() == 1


# The last look before a person is written to


def unsubscribed(scene: Scene, person: Subscriber) -> None:
    people.leave(person, scope="elsewhere", list_ids=[scene.list.pk], source="t", by="t", at=timezone.now())


def suppressed(scene: Scene, person: Subscriber) -> None:
    people.suppress(person.address_key, reason="dead-address", source="t", by="t")


def left_by_scope(scene: Scene, person: Subscriber) -> None:
    people.suppress(person.address_key, reason="unsubscribed", scope=scene.newsletter.scope, source="t", by="t")


def erased(scene: Scene, person: Subscriber) -> None:
    execute("UPDATE pipeline_delivery SET subscriber_id = 999999 WHERE subscriber_id = %s", [person.pk])


def erased_by_state(scene: Scene, person: Subscriber) -> None:
    Subscription.objects.filter(subscriber=person).update(state="erased")


def taking_a_break(scene: Scene, person: Subscriber) -> None:
    Subscription.objects.filter(subscriber=person).update(state="paused")


def left_long_suppressed_before(scene: Scene, person: Subscriber) -> None:
    """What was lifted, or is over, or is another newsletter's, is not why they get nothing now."""
    still_reachable(scene, person)
    left_by_scope(scene, person)


def still_reachable(scene: Scene, person: Subscriber) -> None:
    held = people.suppress(person.address_key, reason="manual", source="t", by="t")
    people.lift(held, by="ada", note="a mistake")
    yesterday = timezone.now() - dt.timedelta(days=1)
    people.suppress(person.address_key, reason="manual", source="t", by="t", expires_at=yesterday)
    people.suppress(person.address_key, reason="manual", scope="newsletter:999", source="t", by="t")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unsubscribed, "unsubscribed"),
        (left_by_scope, "unsubscribed"),
        (left_long_suppressed_before, "unsubscribed"),
        (suppressed, "suppressed"),
        (erased, "erased"),
        (erased_by_state, "erased"),
        (taking_a_break, "paused"),
    ],
)
def test_whoever_may_not_be_written_to_any_more_is_left_out(scene, change, reason):
    first, other = scene.claim(2)
    change(scene, Subscriber.objects.get(pk=first.subscriber_id))
    assert scene.mark(first, other) == {first.id: "skipped", other.id: "in_flight"}
    row = scene.row(first)
    assert (row.state, row.reason, row.lease_id, row.attempts) == ("skipped", reason, None, 0)


def test_what_no_longer_holds_keeps_nobody_out(scene):
    [one] = scene.claim()
    still_reachable(scene, Subscriber.objects.get(pk=one.subscriber_id))
    assert scene.mark(one) == {one.id: "in_flight"}


def test_one_of_two_lists_is_enough_to_be_written_to(scene):
    friends = a_list(scene.newsletter, "friends")
    people.subscribe(scene.people[0], to=friends, text="t", source="t", by="t", at=timezone.now())
    send = a_send(scene.send.proofs.get().issue, scene.list, friends)
    Subscription.objects.filter(subscriber=scene.people[0], list=scene.list).update(state="unsubscribed")
    scene.send, scene.lease = send, None
    scene.lease = scene.a_lease()
    claimed = {one.subscriber_id: one for one in scene.claim(20)}
    assert set(scene.mark(*claimed.values()).values()) == {"in_flight"}


@pytest.mark.parametrize("stop", [transitions.pause_send, transitions.cancel_send])
def test_nothing_flies_once_the_send_is_stopped(scene, stop):
    one, two = scene.claim(2)
    stop(scene.send.pk, actor="ada", why="enough")
    assert scene.mark(one, two) == {one.id: "pending", two.id: "pending"}
    assert scene.row(one).fence == one.fence + 1


def test_a_batch_whose_lease_was_taken_away_marks_nothing(scene):
    one, *_ = scene.claim(3)
    transitions.close_lease(scene.lease)
    assert scene.mark(one) == {}
    assert scene.states() == {"pending": 10}


# Fences


def test_a_late_word_of_an_earlier_holder_changes_nothing(scene):
    [one] = scene.fly()
    transitions.close_lease(scene.lease)
    assert scene.row(one).state == "uncertain"
    assert transitions.record(scene.send.pk, [accepted(one)]) == set()
    Delivery.objects.filter(send_id=scene.send.pk).update(due_at=timezone.now() - HOUR)
    assert transitions.settle_uncertain() == []
    scene.lease = scene.a_lease()
    again = next(each for each in scene.fly(10) if each.id == one.id)
    assert (again.fence, again.retried) == (one.fence + 2, True)
    assert transitions.record(scene.send.pk, [accepted(one)]) == set()
    assert scene.row(one).state == "in_flight"
    transitions.reject_unrenderable(scene.send.pk, one, why="stale")
    assert transitions.record(scene.send.pk, [accepted(again)]) == {one.id}
    assert scene.row(one).reply == "250 2.0.0 Ok"


def test_a_stale_record_cannot_mark_or_reject_what_another_has_claimed(scene):
    [one] = scene.claim()
    transitions.close_lease(scene.lease)
    scene.lease = scene.a_lease()
    again = next(each for each in scene.claim(10) if each.id == one.id)
    transitions.reject_unrenderable(scene.send.pk, one, why="stale")
    assert scene.mark(one) == {}
    assert scene.row(one).state == "claimed"
    transitions.reject_unrenderable(scene.send.pk, again, why="a field is missing")
    assert (scene.row(one).state, scene.row(one).reason) == ("rejected", "render")


# Leases


def lapse(lease: int, seconds: int = 60) -> None:
    execute("UPDATE pipeline_lease SET created_at = now() - interval '1 hour', renewed_at = now() - make_interval("
            "secs => %s) WHERE id = %s", [seconds, lease])  # fmt: skip


@pytest.fixture
def held(scene: Scene) -> Iterator[int]:
    """The scene's lease, with the lock that its living holder keeps."""
    rows("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, scene.lease])
    yield scene.lease
    rows("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, scene.lease])


def test_a_holder_that_lives_keeps_its_lease_and_one_that_hangs_loses_it(scene, held):
    scene.fly(2)
    lapse(held, 40)
    assert transitions.settle_dead_leases(settings.LEASE) == 0
    lapse(held, 50)
    assert transitions.renew_lease(held)
    assert transitions.settle_dead_leases(settings.LEASE) == 0
    lapse(held, 50)
    assert transitions.settle_dead_leases(settings.LEASE) == 1
    assert not transitions.renew_lease(held)
    assert scene.states() == {"uncertain": 2, "pending": 8}


def test_a_dead_holder_loses_its_lease_at_once_and_the_trail_names_what_is_in_doubt(scene):
    flying = scene.fly(2)
    scene.claim(3)
    assert transitions.settle_dead_leases(settings.LEASE) == 0  # too young to have its lock
    lapse(scene.lease, 0)
    assert transitions.settle_dead_leases(settings.LEASE) == 1
    assert scene.states() == {"uncertain": 2, "pending": 8}
    event = AuditEvent.objects.get(action="lease.lost")
    assert sorted(event.detail["uncertain"]) == sorted(f"{scene.send.pk}-{one.id}" for one in flying)
    waiting = Delivery.objects.filter(send_id=scene.send.pk, state="uncertain").values_list("reason", "due_at")
    assert {reason for reason, _ in waiting} == {"lease-lost"}
    assert all(due > timezone.now() + settings.UNCERTAIN_WAIT - HOUR for _, due in waiting)


def test_leases_share_the_connections_of_a_relay_and_a_worker_keeps_a_child_free(scene):
    def ask(owner: str, *, wanted: int = 2, siblings: int = 2) -> int:
        host = owner.rpartition(":")[0] + ":"
        grant = transitions.open_lease(
            scene.send.pk, owner=owner, host=host, wanted=wanted, at_most=4, siblings=siblings
        )
        return grant.connections if grant else 0

    assert [ask("a:1:1"), ask("a:1:2"), ask("a:1:3"), ask("b:1:1")] == [2, 1, 0, 0]  # the scene's own lease has one
    transitions.close_lease(scene.lease)
    assert [ask("a:1:4"), ask("b:1:1")] == [0, 1]


@pytest.mark.parametrize("stop", [transitions.pause_send, transitions.cancel_send])
def test_nobody_gets_a_lease_for_a_send_that_is_not_going(scene, stop):
    stop(scene.send.pk, actor="ada", why="")
    assert transitions.open_lease(scene.send.pk, owner="h:1", host="h:", wanted=1, at_most=9, siblings=9) is None


def test_a_relay_that_is_away_is_asked_less_and_less_often(scene):
    def wait() -> float:
        [(seconds,)] = rows("SELECT extract(epoch FROM backoff_until - now()) FROM pipeline_transport")
        execute("UPDATE pipeline_transport SET backoff_until = now() - interval '1 second'")
        return round(float(seconds))

    waits = []
    for _ in range(9):
        transitions.back_off(scene.send.transport_id, why="away")
        waits.append(wait())
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    transitions.back_off(scene.send.transport_id, why="away")
    transitions.back_off(scene.send.transport_id, why="a second batch that failed with it")
    assert Transport.objects.get().backoff_reason == "away"
    assert transitions.open_lease(scene.send.pk, owner="h:1", host="h:", wanted=1, at_most=9, siblings=9) is None
    transitions.clear_backoff(scene.send.transport_id)
    assert scene.a_lease()
    assert (Transport.objects.get().backoff_count, Transport.objects.get().backoff_reason) == (0, "")


# What may have arrived


def test_what_may_have_arrived_is_tried_once_more_and_then_held(scene):
    [one] = scene.doubt()
    assert transitions.settle_uncertain() == []
    row = scene.row(one)
    assert (row.state, row.reason, row.retried, row.fence) == ("pending", "retry", True, one.fence + 1)
    assert AuditEvent.objects.filter(action="delivery.retried", subject=f"delivery:{scene.send.pk}-{one.id}").exists()
    Delivery.objects.filter(send_id=scene.send.pk, id=one.id).update(due_at=timezone.now() - HOUR)
    assert [again.id for again in scene.doubt()] == [one.id]
    assert transitions.settle_uncertain() == []
    row = scene.row(one)
    assert (row.state, row.reason, row.retried, row.due_at) == ("held", "unsettled", True, None)


def test_evidence_is_waited_for(scene):
    [one] = scene.doubt()
    Delivery.objects.filter(send_id=scene.send.pk, id=one.id).update(due_at=timezone.now() + HOUR)
    assert transitions.settle_uncertain() == []
    assert scene.row(one).state == "uncertain"
    transitions.record_evidence(scene.send.pk, one.id, at=timezone.now(), what="a bounce")
    assert (scene.row(one).state, scene.row(one).reason) == ("accepted", "evidence")
    assert AuditEvent.objects.get(action="delivery.settled").detail["evidence"] == "a bounce"


def test_evidence_settles_what_is_held_and_touches_nothing_else(scene):
    held, flying = scene.doubt()[0], scene.fly()[0]
    execute("UPDATE pipeline_delivery SET state = 'held', reason = 'unsettled' WHERE id = %s", [held.id])
    for one in (held, flying):
        transitions.record_delay(scene.send.pk, one.id, at=timezone.now())
    assert (scene.row(held).state, scene.row(flying).state) == ("accepted", "in_flight")
    assert None not in (scene.row(held).delayed_at, scene.row(flying).delayed_at)


def test_by_a_send_s_own_policy_nothing_is_repeated(scene):
    Send.objects.update(uncertain_policy=Send.UncertainPolicy.HOLD)
    [one] = scene.doubt()
    assert transitions.settle_uncertain() == []
    assert (scene.row(one).state, scene.row(one).retried) == ("held", False)
    assert scene.state() == "sending"


def test_a_relay_that_breaks_too_often_after_the_dot_gets_a_person_to_look(scene):
    scene.doubt(4)
    assert transitions.settle_uncertain() == [scene.send.pk]
    assert scene.state() == "paused"
    assert "broke the connection 4 times" in scene.send.state_reason
    assert scene.states() == {"held": 4, "pending": 6}
    assert AuditEvent.objects.get(action="send.paused").actor == "sweep"


def test_three_broken_connections_are_settled_without_anybody(scene):
    scene.doubt(3)
    assert transitions.settle_uncertain() == []
    assert scene.states() == {"pending": 10}


@pytest.mark.parametrize(("number", "state"), [(100, "sending"), (101, "paused")])
def test_too_much_in_doubt_is_held_and_the_send_paused(number, state):
    scene = Scene(105)
    scene.doubt(number, reason="lease-lost")
    transitions.settle_uncertain()
    assert scene.state() == state
    assert scene.states()["held"] == (number if state == "paused" else 0)


def test_a_paused_send_settles_nothing(scene):
    [one] = scene.doubt()
    transitions.pause_send(scene.send.pk, actor="ada", why="")
    assert transitions.settle_uncertain() == []
    assert scene.row(one).state == "uncertain"


# Ending


@pytest.mark.parametrize("state", DeliveryState)
def test_a_send_finishes_only_when_nothing_is_open(scene, state):
    Delivery.objects.filter(send_id=scene.send.pk).delete()
    a_row(state, 1)
    execute("UPDATE pipeline_delivery SET send_id = %s", [scene.send.pk])
    still_open = state in {"pending", "claimed", "in_flight", "uncertain"}
    assert transitions.finish_sends() == ([] if still_open else [scene.send.pk])
    assert scene.state() == ("sending" if still_open else "finished")


def test_what_waits_too_long_is_given_up_with_the_last_reply(scene):
    [one] = scene.fly()
    later = timezone.now() + HOUR
    told = Marked(one.id, one.fence, "pending", "deferred", "451 4.7.1 Greylisted", counts=True, due_at=later)
    transitions.record(scene.send.pk, [told])
    assert transitions.expire_overdue() == 0
    Send.objects.update(valid_until=timezone.now() - HOUR)
    [flying] = scene.fly()
    assert transitions.expire_overdue() == 9
    row = scene.row(one)
    assert (row.state, row.reason, row.reply) == ("expired", "too-late", "451 4.7.1 Greylisted")
    assert scene.row(flying).state == "in_flight"


def test_cancelling_closes_all_but_what_is_in_hands(scene):
    done, flying, doubtful, claimed = scene.fly()[0], scene.fly()[0], scene.doubt()[0], scene.claim(2)
    transitions.record(scene.send.pk, [accepted(done)])
    transitions.cancel_send(scene.send.pk, actor="ada", why="the wrong issue")
    assert scene.states() == {"accepted": 1, "in_flight": 1, "held": 1, "claimed": 2, "cancelled": 5}
    scene.mark(*claimed)
    transitions.record(scene.send.pk, [accepted(flying)])
    transitions.cancel_leftovers()
    assert scene.states() == {"accepted": 2, "held": 1, "cancelled": 7}
    assert scene.row(doubtful).retried is False
    assert AuditEvent.objects.get(action="send.cancelled").detail == {"why": "the wrong issue"}


ACTS = {
    "pause": (transitions.pause_send, {"starting", "sending"}),
    "resume": (transitions.resume_send, {"paused", "held"}),
    "cancel": (transitions.cancel_send, {"draft", "scheduled", "starting", "sending", "paused", "held"}),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", SendState)
def test_people_may_do_what_the_state_allows_and_nothing_else(scene, act, state):
    function, allowed = ACTS[act]
    Send.objects.update(state=state)
    before = AuditEvent.objects.count()
    if state in allowed:
        function(scene.send.pk, actor="ada", why="")
        assert AuditEvent.objects.latest("id").actor == "ada"
        return
    with pytest.raises(WrongStateError, match=f"Send {scene.send.pk} is {state}.*Nothing was changed"):
        function(scene.send.pk, actor="ada", why="")
    assert scene.state() == state
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("act", ACTS)
def test_a_send_that_does_not_exist_is_said_to_be_missing(act):
    with pytest.raises(WrongStateError, match=r"There is no send 4711\. Nothing was changed"):
        ACTS[act][0](4711, actor="ada", why="")


def test_a_send_due_too_long_ago_waits_for_a_person(scene):
    Send.objects.update(state="scheduled", due_at=timezone.now() - 2 * HOUR + dt.timedelta(minutes=1))
    assert transitions.hold_late_sends() == []
    Send.objects.update(due_at=timezone.now() - 2 * HOUR - dt.timedelta(minutes=1))
    assert transitions.hold_late_sends() == [scene.send.pk]
    assert scene.state() == "held"
    assert "Resume it" in scene.send.state_reason
    assert AuditEvent.objects.filter(action="send.held", subject=f"send:{scene.send.pk}").count() == 1
    transitions.resume_send(scene.send.pk, actor="ada")
    assert scene.state() == "scheduled"
    assert transitions.hold_late_sends() == []
