"""What the books say: who a send reaches, what it waits for, and an audit that notices whatever is wrong."""

import datetime as dt

import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone
from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue

from pipeline import books, queries, transitions
from pipeline.models import AuditEvent, Delivery, Newsletter, Send, Transport
from pipeline.queries.sql import execute, numbers, prepared, prepared_together, rows, texts
from pipeline.sending import Plan, make_proof, reach_of_plan
from subscribers import transitions as people
from subscribers.models import List, Subscriber, Subscription

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def frozen(send: Send) -> dict[str, str]:
    """Local part of the address → reason, of everyone in the books."""
    found = Delivery.objects.filter(send_id=send.pk).values_list("email", "state", "reason")
    assert {state for _, state, _ in found} <= {"pending", "skipped"}
    return {email.partition("@")[0]: f"{state}/{reason}" for email, state, reason in found}


def put(person: Subscriber, on: List, state: str) -> None:
    Subscription.objects.update_or_create(subscriber=person, list=on, defaults={"state": state, "changed_by": "t"})


def test_arrays_arrive_as_they_were_given():
    words = ["", "NULL", "{}", 'a "quoted" one', "back\\slash\\", "a,b", " ends ", "line\nend", "한국", None]
    given = {"texts": texts(words), "numbers": numbers([1, -2, 3_000_000_000]), "none": texts([])}
    assert prepared("SELECT %(texts)s::text[], %(numbers)s::bigint[], %(none)s::text[]", given) == [
        (words, [1, -2, 3_000_000_000], [])
    ]


@pytest.mark.django_db(transaction=True)
def test_what_is_run_together_is_done_together_or_not_at_all():
    execute("CREATE TEMPORARY TABLE done (n bigint)")
    insert, divide = "INSERT INTO done VALUES (%(n)s::bigint) RETURNING n", "SELECT 6 / %(n)s::bigint"
    assert prepared_together((insert, {"n": 1}), (divide, {"n": 2})) == [[(1,)], [(3,)]]
    for _ in range(2):
        with pytest.raises(DataError):
            prepared_together((insert, {"n": 2}), (divide, {"n": 0}))
        with pytest.raises(DataError):
            prepared_together((divide, {"n": 0}), (insert, {"n": 2}))
        assert rows("SELECT n FROM done") == [(1,)]
    assert prepared_together((insert, {"n": 3}), (divide, {"n": 3})) == [[(3,)], [(2,)]]
    with transaction.atomic():
        prepared_together((insert, {"n": 4}), (divide, {"n": 1}))
        transaction.set_rollback(True)
    assert rows("SELECT n FROM done") == [(1,), (3,)]


# Who is reached


class Town:
    """A newsletter, two lists to write to, one to leave out."""

    def __init__(self) -> None:
        self.newsletter = a_newsletter()
        self.one, self.two = a_list(self.newsletter, "one"), a_list(self.newsletter, "two")
        self.apart = a_list(self.newsletter, "apart")
        self.issue = an_issue(self.newsletter)

    def person(self, name: str, **states: str) -> Subscriber:
        made = a_reader(f"{name}@example.com")
        for slug, state in states.items():
            put(made, List.objects.get(slug=slug), state)
        return made

    def send(self, **given: object) -> Send:
        new = {
            "newsletter_id": self.newsletter.pk,
            "transport": Transport.objects.get_or_create(name="default")[0],
            "proofs": {"en": make_proof(self.issue).hash},
            "lists": [self.one.pk, self.two.pk],
            "excluded": [self.apart.pk],
            "due_at": timezone.now(),
            "valid_for": 72 * HOUR,
            "retry": [HOUR],
            "approved_by": "ada",
        }
        send = transitions.create_send(transitions.NewSend(**(new | given)))
        assert transitions.start_send(send.pk)
        send.refresh_from_db()
        return send


@pytest.fixture
def town() -> Town:
    return Town()


def test_everyone_on_the_lists_is_in_the_books_once_in_the_best_of_their_states(town):
    town.person("both", one="subscribed", two="subscribed")
    town.person("left-one", one="unsubscribed", two="subscribed")
    town.person("left", one="unsubscribed", two="unsubscribed")
    town.person("waiting", one="unconfirmed", two="unsubscribed")
    town.person("away", one="paused", two="unconfirmed")
    town.person("erased", one="erased")
    town.person("apart", one="subscribed", apart="subscribed")
    town.person("apart-no-more", one="subscribed", apart="unsubscribed")
    town.person("only-apart", apart="subscribed")
    town.person("nowhere")
    send = town.send()
    assert frozen(send) == {
        "both": "pending/new",
        "left-one": "pending/new",
        "left": "skipped/unsubscribed",
        "waiting": "skipped/unconfirmed",
        "away": "skipped/paused",
        "erased": "skipped/erased",
        "apart": "skipped/excluded",
        "apart-no-more": "pending/new",
    }
    assert send.audience == 8
    assert sorted(Delivery.objects.filter(send_id=send.pk).values_list("id", flat=True)) == [*range(1, 9)]
    assert all(finding.ok for finding in queries.audit(send.pk))


def test_a_suppressed_address_is_left_out_while_the_suppression_holds(town):
    def suppress(name: str, **given: object):
        person = town.person(name, one="subscribed")
        return people.suppress(person.address_key, reason="manual", source="t", by="t", **given)

    suppress("everywhere")
    suppress("here", scope=town.newsletter.scope)
    suppress("for-a-while", expires_at=timezone.now() + HOUR)
    suppress("elsewhere", scope="newsletter:9999")
    suppress("over", expires_at=timezone.now() - HOUR)
    people.lift(suppress("lifted"), by="ada", note="a mistake")
    reasons = frozen(town.send())
    assert {name for name, reason in reasons.items() if reason == "skipped/suppressed"} == {
        "everywhere", "here", "for-a-while",
    }  # fmt: skip
    assert {name for name, reason in reasons.items() if reason == "pending/new"} == {"elsewhere", "over", "lifted"}


def test_what_is_counted_beforehand_is_what_is_frozen(town):
    for number in range(4):
        town.person(f"p{number}", one="subscribed")
    town.person("left", two="unsubscribed")
    plan = Plan(lists=["one", "two"], excluded=["apart"], due_at=timezone.now(), approved_by="ada")
    reach = reach_of_plan([town.issue], plan)
    assert {(each.state, each.reason): each.n for each in queries.counts(town.send().pk)} == {
        ("pending", "new"): 4,
        ("skipped", "unsubscribed"): 1,
    }
    assert (reach.reached, reach.left_out, reach.audience) == (4, {"unsubscribed": 1}, 5)


def test_a_freeze_that_fails_leaves_the_send_as_it_was(town, monkeypatch):
    town.person("kim", one="subscribed")
    send = a_send(town.issue, town.one, started=False)

    def broken(_send: Send) -> tuple[int, int]:
        execute("INSERT INTO pipeline_delivery (send_id, id, subscriber_id, email, address_key, state, reason, fence,"
                " attempts, retried) VALUES (%s, 1, 1, '', '', 'pending', 'new', 0, 0, false)", [send.pk])  # fmt: skip
        raise RuntimeError("the power went")

    monkeypatch.setattr(transitions.sends, "freeze", broken)
    with pytest.raises(RuntimeError):
        transitions.start_send(send.pk)
    send.refresh_from_db()
    assert (send.state, send.audience) == ("scheduled", 0)
    assert not Delivery.objects.filter(send_id=send.pk).exists()


def test_whoever_joins_after_the_freeze_is_not_in_it(town):
    town.person("early", one="subscribed")
    send = town.send()
    town.person("late", one="subscribed")
    assert set(frozen(send)) == {"early"}


# What there is to do


@pytest.fixture
def send(town: Town) -> Send:
    for number in range(6):
        a_reader(f"p{number}@example.com", town.one)
    return town.send()


def change(send: Send, number: int, **columns: object) -> None:
    """Write into one row of the books as no code of ours would."""
    assert Delivery.objects.filter(send_id=send.pk, id=number).update(**columns) == 1


def test_only_a_send_with_something_due_and_a_relay_that_works_is_rung_for(send):
    assert queries.ringable_sends() == [send.pk]
    transitions.back_off(send.transport_id, why="away")
    assert queries.ringable_sends() == []
    transitions.clear_backoff(send.transport_id)
    Delivery.objects.update(due_at=timezone.now() + HOUR)
    assert queries.ringable_sends() == []
    change(send, 1, due_at=timezone.now())
    transitions.pause_send(send.pk, actor="ada", why="")
    assert queries.ringable_sends() == []


def test_a_send_says_what_it_waits_for(send):
    assert queries.next_work(send.pk) == ("", None)
    soon = timezone.now() + HOUR
    Delivery.objects.update(due_at=soon, reason="deferred")
    assert queries.next_work(send.pk) == ("the next try", soon)
    Delivery.objects.update(state="claimed", reason="working", fence=1)
    Delivery.objects.update(state="in_flight", reason="working")
    assert queries.next_work(send.pk) == ("", None)
    Delivery.objects.update(state="uncertain", reason="lease-lost", due_at=soon)
    assert queries.next_work(send.pk) == ("evidence of what may have arrived", soon)
    transitions.back_off(send.transport_id, why="it was away")
    what, until = queries.next_work(send.pk)
    assert (what, until is not None) == ("the relay: it was away", True)
    transitions.pause_send(send.pk, actor="ada", why="a misprint")
    assert queries.next_work(send.pk) == ("a misprint", None)
    Send.objects.update(state="scheduled", due_at=soon)
    assert queries.next_work(send.pk) == ("its time", soon)


def test_a_person_is_found_in_every_send(town, send):
    later = town.send()
    rows = queries.who("p1@example.com")
    assert [row.send_id for row in rows] == [later.pk, send.pk]
    assert {row.newsletter for row in rows} == {"City Letter"}
    assert queries.who("nobody@example.com") == []


def test_the_ledger_has_a_line_per_person_and_no_formula_for_a_spreadsheet(send):
    change(send, 1, state="claimed", reason="working", fence=1)
    change(send, 1, state="rejected", reason="no-such-mailbox", reply='=HYPERLINK("http://x")')
    change(send, 2, state="skipped", reason="suppressed")
    lines = "".join(books.ledger_csv(send)).splitlines()
    assert lines[0] == "email,state,reason,attempts,retried,message_id,reply,updated_at"
    assert len(lines) == 7
    assert ""","'=HYPERLINK(""http://x"")",""" in lines[1]
    ids = [row[5] for row in books.ledger_rows(send)]
    assert ids[1] == ""
    assert len(set(ids)) == 6
    assert [row[1] for row in books.ledger_rows(send, "skipped")] == ["skipped"]


# The audit. Each test plants one thing that must never be, past every guard, and looks whether it is noticed.


def failing(send: Send) -> set[str]:
    return {finding.invariant for finding in queries.audit(send.pk) if not finding.ok}


def close(send: Send, number: int, **columns: object) -> None:
    """Take a row the legal way to where the relay took it."""
    change(send, number, state="claimed", reason="working", fence=1)
    change(send, number, state="in_flight")
    change(send, number, **({"state": "accepted", "reason": "taken", "reply": "250 2.0.0 Ok"} | columns))


def test_books_in_order_pass_at_every_stage(town, send):
    assert [finding.invariant for finding in queries.audit(send.pk)] == [f"I{n}" for n in range(1, 9)]
    assert failing(send) == set()
    for number in range(1, 7):
        close(send, number)
    transitions.finish_sends()
    assert failing(send) == set()
    empty = a_send(town.issue, town.apart, started=False)
    assert failing(empty) == set()


def test_a_row_that_is_missing_is_noticed(send):
    Delivery.objects.filter(send_id=send.pk, id=3).delete()
    assert failing(send) == {"I1"}


@pytest.mark.parametrize("end", ["finished", "cancelled"])
def test_a_send_that_ended_with_a_row_open_is_noticed(send, end):
    Send.objects.update(state=end)
    assert failing(send) == {"I1"}


def test_a_person_twice_is_noticed(send):
    execute("ALTER TABLE pipeline_delivery DROP CONSTRAINT delivery_once_per_address")
    change(send, 2, address_key="p0@example.com")
    assert failing(send) == {"I2"}


def test_two_addresses_of_one_person_are_noticed(send):
    change(send, 2, subscriber_id=Delivery.objects.get(send_id=send.pk, id=1).subscriber_id)
    assert failing(send) == {"I2"}


@pytest.mark.parametrize("reply", ["", None, "451 4.7.1 Greylisted", "554 no"])
def test_a_row_handed_over_without_the_relay_s_yes_is_noticed(send, reply):
    close(send, 1, reply=reply)
    assert failing(send) == {"I3"}


@pytest.mark.parametrize("proof", [None, "0" * 64])
def test_a_message_that_nobody_approved_is_noticed(send, proof):
    change(send, 1, proof_hash=proof)
    assert failing(send) == {"I4"}


def test_mail_after_leaving_is_noticed(send):
    newsletter = Newsletter.objects.get()
    people.suppress("p0@example.com", reason="unsubscribed", scope=newsletter.scope, source="t", by="t")
    row = Delivery.objects.get(send_id=send.pk, address_key="p0@example.com")
    close(send, row.id)
    assert failing(send) == set()  # a batch that was at it may finish
    change(send, row.id, updated_at=timezone.now() + 12 * HOUR)
    assert failing(send) == {"I5"}


def test_mail_after_a_suppression_that_was_lifted_or_is_another_s_is_no_fault(send):
    held = people.suppress("p0@example.com", reason="manual", source="t", by="t")
    people.lift(held, by="ada", note="a mistake")
    people.suppress("p0@example.com", reason="manual", scope="newsletter:9999", source="t", by="t")
    row = Delivery.objects.get(send_id=send.pk, address_key="p0@example.com")
    close(send, row.id, updated_at=timezone.now() + 12 * HOUR)
    assert failing(send) == set()


@pytest.mark.parametrize("lease", [None, 4711])
def test_a_row_in_work_without_a_worker_is_noticed(send, lease):
    change(send, 1, state="claimed", reason="working", fence=1, lease_id=lease)
    assert failing(send) == {"I6"}


@pytest.mark.parametrize("how", ["DISABLE TRIGGER pressrun_legal_moves", "DISABLE TRIGGER ALL"])
def test_a_guard_that_was_taken_off_is_noticed(send, how):
    execute(f"ALTER TABLE pipeline_delivery {how}")
    assert failing(send) == {"I7"}
    change(send, 1, state="held", reason="unsettled")  # and what it would have stopped now passes


def test_a_state_that_is_none_is_noticed_and_so_is_the_door_it_came_by(send):
    execute("ALTER TABLE pipeline_delivery DROP CONSTRAINT delivery_reason_legal")
    assert failing(send) == {"I8"}
    execute("ALTER TABLE pipeline_delivery DISABLE TRIGGER pressrun_legal_moves")
    change(send, 1, state="vanished")
    execute("ALTER TABLE pipeline_delivery ENABLE TRIGGER pressrun_legal_moves")
    told = {finding.invariant: finding.detail for finding in queries.audit(send.pk)}
    assert told["I8"].startswith("1 in a state")


def test_what_people_did_is_on_record(send):
    transitions.pause_send(send.pk, actor="ada", why="a misprint")
    transitions.resume_send(send.pk, actor="bo")
    found = AuditEvent.objects.filter(subject=f"send:{send.pk}").order_by("id").values_list("actor", "action")
    assert list(found) == [
        ("ada", "send.approved"), ("sweep", "send.started"), ("ada", "send.paused"), ("bo", "send.resumed"),
    ]  # fmt: skip


def test_counts_come_from_one_statement_and_add_up(send, django_assert_num_queries):
    close(send, 1)
    with django_assert_num_queries(1):
        counted = queries.counts(send.pk)
    assert sum(each.n for each in counted) == send.audience
    summary = queries.send_summary(send)
    assert summary["counts"] == {"accepted": 1, "pending": 5}
    assert summary["reasons"] == {"accepted": {"taken": 1}, "pending": {"new": 5}}
    assert connection.in_atomic_block
