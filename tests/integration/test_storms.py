"""So many dead addresses at one destination at once are held until a person decides, and nobody else waits for that."""

import datetime as dt
from collections import Counter
from contextlib import suppress
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue
from scene import Threads

from pipeline import queries, transitions
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Ruling, Send, Storm
from pipeline.queries import storms
from pipeline.queries.sql import execute
from pipeline.replies import classify
from pipeline.transitions import rulings
from pipeline.transitions.storms import NoStormError, limit_of, look_for_storms
from subscribers import transitions as people
from subscribers.models import ConsentRecord, Subscriber, Suppression

UNKNOWN = "550 5.1.1 User unknown"
BIG, SMALL = "big.example", "small.example"


class Post:
    """A send to so many people at each domain, of whom some were tried, by the books alone."""

    def __init__(self, **people_at: int) -> None:
        self.newsletter = a_newsletter()
        self.list = a_list(self.newsletter)
        self.domains = {name: f"{name}.example" for name in people_at}
        Subscriber.objects.bulk_create(
            Subscriber(email=f"p{n}@{name}.example", address_key=f"p{n}@{name}.example", domain=f"{name}.example")
            for name, number in people_at.items()
            for n in range(number)
        )
        execute(
            "INSERT INTO subscribers_subscription (list_id, subscriber_id, state, changed_by)"
            " SELECT %s, id, 'subscribed', 'test' FROM subscribers_subscriber",
            [self.list.pk],
        )
        self.issue = an_issue(self.newsletter)
        self.send = a_send(self.issue, self.list)

    def again(self) -> None:
        """Another send to the same people, some time later."""
        execute("UPDATE pipeline_send SET started_at = started_at - interval '7 days'")
        self.send = a_send(self.issue, self.list)

    def taken(self, domain: str, *, dead: int, alive: int) -> list[Delivery]:
        """So many are refused as dead, with a ruling each, and so many accepted. Those that are dead."""
        ids = list(
            Delivery.objects.filter(send_id=self.send.pk, state="pending", address_key__endswith=f"@{domain}")
            .order_by("id").values_list("id", flat=True)[: dead + alive]
        )  # fmt: skip
        assert len(ids) == dead + alive
        self.settle(ids[:dead], "rejected", "no-such-mailbox", UNKNOWN)
        self.settle(ids[dead:], "accepted", "taken", "250 2.0.0 Ok")
        refused = list(Delivery.objects.filter(send_id=self.send.pk, id__in=ids[:dead]))
        for one in refused:
            self.rule(one)
        return refused

    def settle(self, ids: list[int], state: str, reason: str, reply: str) -> None:
        for step, why in (("claimed", "working"), ("in_flight", "working"), (state, reason)):
            Delivery.objects.filter(send_id=self.send.pk, id__in=ids).update(
                state=step, reason=why, reply=reply, due_at=None, updated_at=timezone.now()
            )

    def rule(self, delivery: Delivery, *, source: str = "smtp", text: str = UNKNOWN) -> Ruling:
        ruling = transitions.rule_on(
            delivery.send_id, delivery.id, classify(text), words=text, source=source, at=timezone.now()
        )
        assert ruling
        ruling.refresh_from_db()
        return ruling

    def finish(self) -> None:
        """Everybody who is left is accepted, and the books are closed."""
        left = Delivery.objects.filter(send_id=self.send.pk, state="pending").values_list("id", flat=True)
        self.settle(list(left), "accepted", "taken", "250 2.0.0 Ok")
        sweep()
        assert Send.objects.get(pk=self.send.pk).state == "finished"

    def storm(self, domain: str = BIG) -> Storm | None:
        return Storm.objects.filter(send=self.send, destination=domain).first()

    def state(self, domain: str = BIG) -> str:
        look_for_storms()
        storm = self.storm(domain)
        return storm.state if storm else "calm"

    def rulings(self, domain: str = BIG) -> Counter[str]:
        return Counter(Ruling.objects.filter(send_id=self.send.pk, domain=domain).values_list("state", flat=True))

    def in_order(self) -> bool:
        return all(finding.ok for finding in queries.audit(self.send.pk))


def held() -> set[str]:
    """Addresses that get nothing now."""
    return set(Suppression.objects.filter(lifts=None, lifted_by=None).values_list("address_key", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("dead", "alive", "state"),
    [
        (49, 0, "calm"),  # 49 tried
        (49, 1, "frozen"),
        (6, 44, "frozen"),
        (5, 45, "calm"),  # a tenth, no more
        (50, 450, "calm"),
        (51, 449, "frozen"),
        (10, 490, "calm"),  # a list like others
    ],
)
def test_each_threshold_just_below_and_just_above(dead, alive, state):
    post = Post(big=600)
    post.taken(BIG, dead=dead, alive=alive)
    assert post.state() == state
    assert post.rulings() == {"frozen" if state == "frozen" else "applied": dead}
    assert len(held()) == (0 if state == "frozen" else dead)


@pytest.mark.django_db
def test_it_strikes_when_enough_were_tried_though_nothing_more_came_back():
    post = Post(big=100)
    post.taken(BIG, dead=8, alive=0)
    assert post.state() == "calm"
    post.taken(BIG, dead=0, alive=42)
    execute("UPDATE pipeline_storm SET looked_at = now() - interval '11 seconds'")
    assert post.state() == "frozen"


@pytest.mark.django_db
def test_a_domain_that_never_can_have_fifty_is_counted_once(monkeypatch):
    post = Post(big=40, small=400)
    post.taken(BIG, dead=20, alive=5)
    assert post.state() == "calm"
    monkeypatch.setattr(storms, "tried", lambda *_: pytest.fail("counted once more"))
    post.taken(BIG, dead=5, alive=0)
    assert post.state() == "calm"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tried", "dead", "limit"),
    [(0, 0, 0.10), (199, 40, 0.10), (200, 0, 0.10), (1_000, 20, 0.10), (1_000, 40, 0.20), (1_000, 400, 0.50)],
)
def test_the_limit_follows_what_a_domain_has_always_had(tried, dead, limit):
    assert limit_of(tried, dead) == pytest.approx(limit)


@pytest.mark.django_db
@pytest.mark.parametrize(("dead", "state"), [(60, "calm"), (61, "frozen")])
def test_a_domain_that_has_always_had_four_in_a_hundred_needs_more_than_twenty(dead, state):
    post = Post(big=1_000)
    post.taken(BIG, dead=40, alive=0)
    post.finish()
    assert (post.storm().tried, post.state()) == (1_000, "calm")
    execute("UPDATE pipeline_ruling SET made_at = made_at - interval '7 days'")
    post.again()
    post.taken(BIG, dead=dead, alive=300 - dead)
    assert post.state() == state


@pytest.mark.django_db
def test_the_first_send_after_an_import_is_measured_by_the_tenth_alone():
    post = Post(big=1_000)
    post.taken(BIG, dead=40, alive=0)
    post.finish()
    execute("UPDATE pipeline_send SET started_at = started_at - interval '7 days'")
    person = a_reader("new@other.example", post.list)
    ConsentRecord.objects.create(
        subscriber=person, list=post.list, kind="imported", text="x", source="file", at=timezone.now() - dt.timedelta(1)
    )
    post.send = a_send(post.issue, post.list)
    post.taken(BIG, dead=31, alive=269)
    assert post.state() == "frozen"
    transitions.discard_storm(post.send.pk, BIG, actor="ada")
    post.finish()
    execute("UPDATE pipeline_send SET started_at = started_at - interval '1 hour'")
    post.send = a_send(post.issue, post.list)
    post.taken(BIG, dead=31, alive=269)
    assert post.state() == "calm", "the import is an old story by then"


@pytest.mark.django_db
def test_what_strikes_takes_back_what_was_suppressed_and_says_by_whom():
    post = Post(big=100, small=10)
    dead = post.taken(BIG, dead=20, alive=40)
    [other] = post.taken(SMALL, dead=1, alive=0)
    assert len(held()) == 21
    [storm] = look_for_storms()
    assert (storm.destination, storm.tried, storm.dead, storm.people, storm.limit) == (BIG, 60, 20, 100, 0.10)
    assert held() == {other.address_key}
    assert post.rulings() == {"frozen": 20}
    assert post.rulings(SMALL) == {"applied": 1}
    lifts = Suppression.objects.exclude(lifts=None)
    assert set(lifts.values_list("by", "source")) == {("storm brake", f"storm send:{post.send.pk} {BIG}")}
    assert lifts.count() == len(dead)
    event = AuditEvent.objects.get(action="send.storm")
    assert (event.actor, event.detail["destination"], event.detail["dead"]) == ("storm brake", BIG, 20)
    assert look_for_storms() == []
    assert AuditEvent.objects.filter(action="send.storm").count() == 1
    assert post.in_order()


@pytest.mark.django_db
def test_what_comes_while_it_is_frozen_is_frozen_and_a_complaint_is_not():
    post = Post(big=100)
    post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    late = Delivery.objects.filter(send_id=post.send.pk, state="accepted").first()
    assert post.rule(late, source="mail").state == "frozen"
    complaint = transitions.rule_on_complaint(late.send_id, late.id, source="mail", at=timezone.now())
    assert complaint.state == "applied"
    assert held() == {late.address_key}


@pytest.mark.django_db
def test_whoever_did_not_know_of_it_yet_is_brought_into_line_by_the_next_look(monkeypatch):
    post = Post(big=100)
    post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    monkeypatch.setattr(rulings, "storm_at", lambda *_: None)
    late = Delivery.objects.filter(send_id=post.send.pk, state="accepted").first()
    assert post.rule(late, source="mail").state == "applied"
    look_for_storms()
    assert post.rulings() == {"frozen": 21}
    assert (held(), post.storm().dead) == (set(), 21)


@pytest.mark.django_db
def test_a_frozen_ruling_suppresses_nobody_whoever_writes():
    post = Post(big=100)
    [dead] = post.taken(BIG, dead=1, alive=0)
    ruling = Ruling.objects.get(delivery_id=dead.id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ruling.objects.filter(pk=ruling.pk).update(state="frozen")
    with pytest.raises(IntegrityError), transaction.atomic():
        Ruling.objects.filter(pk=ruling.pk).update(state="frozen", suppression=None)
    people.lift(ruling.suppression, by="ada", note="test")
    assert Ruling.objects.filter(pk=ruling.pk).update(state="frozen", suppression=None)


@pytest.mark.django_db
def test_a_person_says_that_they_are_dead():
    post = Post(big=100)
    dead = post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    assert transitions.apply_storm(post.send.pk, BIG, actor="ada", why="they have closed") == 20
    assert transitions.apply_storm(post.send.pk, BIG, actor="bo") == 0
    assert held() == {one.address_key for one in dead}
    ruling = Ruling.objects.get(delivery_id=dead[0].id)
    assert (ruling.state, ruling.by, ruling.why, ruling.suppression.by) == ("applied", "ada", "they have closed", "ada")
    assert ruling.suppression.source == f"smtp delivery:{dead[0].send_id}-{dead[0].id}"
    with pytest.raises(NoStormError, match="ada has decided"):
        transitions.discard_storm(post.send.pk, BIG, actor="bo")
    late = Delivery.objects.filter(send_id=post.send.pk, state="accepted").first()
    assert post.rule(late, source="mail").state == "applied"
    assert post.state() == "applied"


@pytest.mark.django_db
def test_a_person_says_that_it_was_a_fault_there():
    post = Post(big=200)
    dead = post.taken(BIG, dead=20, alive=40)
    look_for_storms()
    assert transitions.discard_storm(post.send.pk, BIG, actor="ada", why="they say so") == 20
    assert transitions.discard_storm(post.send.pk, BIG, actor="ada") == 0
    assert (held(), post.rulings()) == (set(), {"discarded": 20})
    assert {row.state for row in Delivery.objects.filter(id__in=[one.id for one in dead])} == {"rejected"}
    late = Delivery.objects.filter(send_id=post.send.pk, state="accepted").first()
    assert post.rule(late, source="mail").state == "discarded", "it was handed over before"
    post.taken(BIG, dead=6, alive=4)
    assert post.state() == "frozen", "it has not passed"
    assert post.rulings() == {"discarded": 21, "frozen": 6}


@pytest.mark.django_db
@pytest.mark.parametrize("decide", [transitions.apply_storm, transitions.discard_storm])
def test_where_there_is_no_storm_there_is_nothing_to_decide(decide):
    post = Post(big=100)
    post.taken(BIG, dead=8, alive=0)
    look_for_storms()
    for name in (BIG, "nowhere.example"):
        with pytest.raises(NoStormError, match="nothing of send"):
            decide(post.send.pk, name, actor="ada")
    assert post.rulings() == {"applied": 8}


@pytest.mark.django_db
def test_without_brakes_there_is_no_storm():
    post = Post(big=100)
    Send.objects.update(brakes=False)
    post.taken(BIG, dead=20, alive=40)
    assert post.state() == "calm"


@pytest.mark.django_db
def test_whom_a_person_took_off_the_suppressed_stays_so():
    post = Post(big=100)
    dead = post.taken(BIG, dead=20, alive=40)
    people.lift(Ruling.objects.get(delivery_id=dead[0].id).suppression, by="ada", note="she called")
    look_for_storms()
    transitions.apply_storm(post.send.pk, BIG, actor="bo")
    assert held() == {one.address_key for one in dead[1:]}


@pytest.mark.django_db
def test_after_the_send_has_finished_it_is_seen_all_the_same():
    post = Post(big=100)
    post.finish()
    for one in Delivery.objects.filter(send_id=post.send.pk)[:20]:
        post.rule(one, source="mail")
    assert post.state() == "frozen"
    assert held() == set()


@pytest.mark.django_db(transaction=True)
def test_many_look_while_more_comes_back_and_two_people_decide_at_once():
    post = Post(big=120)
    post.taken(BIG, dead=20, alive=60)
    accepted = list(Delivery.objects.filter(send_id=post.send.pk, state="accepted")[:30])
    Threads(*[look_for_storms] * 3, *[lambda one=one: post.rule(one, source="mail") for one in accepted[:10]]).finish()
    look_for_storms()
    assert AuditEvent.objects.filter(action="send.storm").count() == 1
    assert (post.rulings(), held()) == ({"frozen": 30}, set())

    def decides(act):
        with suppress(NoStormError):
            act(post.send.pk, BIG, actor="ada")

    acts = [transitions.apply_storm, transitions.discard_storm] * 2
    more = [lambda one=one: post.rule(one, source="mail") for one in accepted[10:20]]
    Threads(*(partial(decides, act) for act in acts), *more, look_for_storms).finish()
    look_for_storms()
    state = post.storm().state
    assert (state in {"applied", "discarded"}, set(post.rulings())) == (True, {state})
    assert len(held()) == (40 if state == "applied" else 0)
    assert AuditEvent.objects.filter(action__startswith="send.storm-").count() == 1
    assert post.in_order()
