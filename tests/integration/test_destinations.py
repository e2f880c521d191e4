"""A destination that has had enough waits alone: the others go on, it comes back step by step, and nobody pays."""

# ruff: noqa: F811 (pytest fixtures are imported and then asked for by name)

import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest
from scene import Scene
from test_sending import Desk, copies, relay, url  # noqa: F401 (relay is a fixture)

from pipeline import transitions
from pipeline.delivery.batch import run_batch
from pipeline.delivery.sweep import sweep
from pipeline.models import AuditEvent, Delivery, Destination, Transport
from pipeline.queries import ringable_sends
from pipeline.queries.sql import execute, rows
from pipeline.transitions import deliveries, destinations
from pipeline.transitions.destinations import known_domains

pytestmark = pytest.mark.django_db(transaction=True)
DAUM = [f"d{n}@{domain}" for n in range(10) for domain in ("hanmail.net", "daum.net")]
OTHERS = [f"p{n}@example.com" for n in range(40)]
BUSY = "421 4.7.0 Too many messages from you"


def daum() -> Destination:
    return Destination.objects.get(name="daum")


def quiet(seconds: int = 3_600) -> None:
    """As if nothing had happened for a while: the pause is over."""
    execute(
        "UPDATE pipeline_destination SET changed_at = changed_at - make_interval(secs => %(s)s),"
        " blocked_until = blocked_until - make_interval(secs => %(s)s), free_at = NULL",
        {"s": seconds},
    )
    execute("UPDATE pipeline_delivery SET due_at = now() WHERE due_at > now()")


def test_421_for_one_destination_leaves_the_others_at_full_speed_and_costs_no_try(relay):
    server = relay(script={"rcpt": {r"@(hanmail|daum)\.net$": [BUSY]}})
    desk = Desk(*DAUM, *OTHERS, url=url(server))
    desk.work()
    assert copies(server) == Counter(OTHERS)
    assert desk.states() == {"accepted": 40, "pending": 20}
    waiting = Delivery.objects.filter(state="pending")
    assert set(waiting.values_list("destination", "attempts", "reason")) <= {
        ("daum", 0, "new"), ("daum", 0, "not-sent"), ("daum", 0, "deferred")
    }  # fmt: skip
    assert (daum().step, daum().reason) == (2, BUSY)
    assert daum().blocked_until > daum().changed_at
    assert Transport.objects.get().backoff_until is None
    assert AuditEvent.objects.get(action="destination.slowed").detail["name"] == "daum"
    assert ringable_sends() == []
    assert len([s for s in server.sessions if any(b"hanmail" in c or b"daum" in c for c in s.commands)]) <= 4


def test_it_comes_back_step_by_step_and_everybody_gets_their_copy(relay):
    server = relay(script={"rcpt": {r"^d\d@(hanmail|daum)\.net$": [BUSY, "250 2.1.5 Ok"]}})
    desk = Desk(*DAUM[:4], *OTHERS[:2], url=url(server))
    desk.work()
    steps = [daum().step]
    for _ in range(12):
        quiet()
        transitions.ease(desk.send.transport_id)
        desk.work()
        steps.append(daum().step)
    assert copies(server) == Counter(DAUM[:4] + OTHERS[:2])
    assert (desk.send.state, desk.in_order()) == ("finished", True)
    assert steps[-1] == 0
    assert all(before - after <= 1 for before, after in pairwise(steps))
    assert AuditEvent.objects.filter(action="destination.well").count() == 1


def test_the_pace_of_a_destination_that_comes_back_is_kept(relay):
    server = relay()
    desk = Desk(*DAUM[:10], *OTHERS, url=url(server))
    Destination.objects.create(transport_id=desk.send.transport_id, name="daum", rate=5)
    desk.work()
    assert copies(server) == Counter(DAUM[:10] + OTHERS)
    times = sorted(entry["at"] for entry in server.ledger.entries if "example" not in entry["rcpt"])
    others = sorted(entry["at"] for entry in server.ledger.entries if "example" in entry["rcpt"])
    assert times[-1] - times[0] > 9 / 5 * 0.8
    assert others[-1] - others[0] < times[-1] - times[0]


def test_a_domain_that_was_in_no_table_waits_alone_too(relay):
    few = [f"s{n}@small.example" for n in range(20)]
    server = relay(script={"rcpt": {"@small": ["451 4.7.1 Slow down"]}}, delay=0.03)  # groups of one
    desk = Desk(*few, *OTHERS[:20], url=url(server, connections=1))
    desk.work()
    assert desk.states() == {"accepted": 20, "pending": 20}
    assert Destination.objects.get().name == "small.example"
    assert sum(b"small" in command for session in server.sessions for command in session.commands) < 10
    again = Delivery.objects.filter(state="pending", reason="not-sent", due_at__gt=dt.datetime.now(dt.UTC))
    assert again.count() >= 10  # put back until its destination may be asked again
    assert known_domains()["small.example"] == "small.example"


def test_one_that_is_slowed_down_after_the_freeze_is_put_back_once_and_not_again_and_again(relay):
    few = [f"s{n}@small.example" for n in range(20)]
    server = relay(script={"rcpt": {"@small": ["451 4.7.1 Slow down"]}}, delay=0.03)  # groups of one
    desk = Desk(*few, *OTHERS[:5], url=url(server, connections=1))
    assert set(Delivery.objects.values_list("destination", flat=True)) == {""}
    desk.work()
    parked = Delivery.objects.filter(state="pending", reason="not-sent", due_at__gt=dt.datetime.now(dt.UTC))
    assert set(parked.values_list("destination", flat=True)) == {"small.example"}
    before = dict(parked.values_list("id", "fence"))
    execute("UPDATE pipeline_delivery SET due_at = now() WHERE due_at > now() AND destination <> ''")
    assert len(before) >= 10
    for _ in range(3):
        run_batch(desk.send.pk, desk.worker())
    assert dict(Delivery.objects.filter(id__in=before).values_list("id", "fence")) == before


def test_a_limit_that_a_person_sets_after_the_freeze_is_kept_and_used(relay):
    few = [f"s{n}@small.example" for n in range(20)]
    server = relay()
    desk = Desk(*few, url=url(server))
    transitions.limit_destination(desk.send.transport_id, "small.example", rate=20, actor="ada")
    desk.work()
    execute("UPDATE pipeline_delivery SET due_at = now() WHERE due_at > now()")  # the next second
    desk.work()
    assert copies(server) == Counter(few)
    times = sorted(entry["at"] for entry in server.ledger.entries)
    assert times[-1] - times[0] > 18 / 20 * 0.8


def test_what_is_kept_slow_is_known_however_many_others_were_learned_since(monkeypatch):
    monkeypatch.setattr(destinations, "LEARNED_AT_MOST", 2)
    transport = Scene(1).send.transport_id
    transitions.limit_destination(transport, "limited.example", rate=5, actor="ada")
    transitions.learn(transport, "slowed.example", trouble=BUSY)
    for number in range(3):
        transitions.learn(transport, f"well{number}.example", outcomes="+")
    known = set(known_domains())
    assert {"limited.example", "slowed.example", "well2.example", "well1.example"} <= known
    assert "well0.example" not in known


def test_everybody_complaining_at_once_is_the_relay(relay):
    people = [f"p@domain{n}.example" for n in range(30)]
    server = relay(script={"rcpt": {"": [BUSY]}})
    desk = Desk(*people, url=url(server))
    sweep()
    desk.work()
    transport = Transport.objects.get()
    assert transport.backoff_until is not None
    assert desk.states() == {"pending": 30}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}
    assert desk.send.state == "sending"


def test_a_full_mailbox_slows_nobody_down(relay):
    server = relay(script={"rcpt": {"^d0@": ["452 4.2.2 Mailbox full"]}})
    desk = Desk(*DAUM, url=url(server))
    desk.work()
    assert desk.states() == {"accepted": 18, "pending": 2}
    assert not Destination.objects.exists()


def test_more_than_a_fifth_put_off_of_the_last_two_hundred_is_trouble():
    scene = Scene(1)
    transport = scene.send.transport_id
    assert not transitions.learn(transport, "daum", outcomes="-" * 40 + "+" * 160)
    assert transitions.learn(transport, "daum", outcomes="-" * 50)
    assert daum().step == 2
    assert "fifth" in daum().reason


def test_late_words_of_the_same_moment_are_no_new_trouble():
    scene = Scene(1)
    assert transitions.learn(scene.send.transport_id, "daum", trouble=BUSY)
    assert not transitions.learn(scene.send.transport_id, "daum", trouble=BUSY)
    assert daum().step == 2
    quiet()
    assert transitions.learn(scene.send.transport_id, "daum", trouble=BUSY)
    assert daum().step == 3


def test_nothing_is_learned_from_a_relay_that_speaks_for_itself(relay):
    server = relay(script={"rcpt": {r"@daum\.net$": ["451 4.7.1 Queue is full"]}})
    desk = Desk(*DAUM, url=url(server))
    Transport.objects.update(sees_recipient_replies=False)
    desk.work()
    assert not Destination.objects.exists()


def test_a_claim_does_not_read_the_rows_of_a_destination_that_waits():
    scene = Scene(2)
    execute(
        "INSERT INTO pipeline_delivery (send_id, id, subscriber_id, proof_hash, email, address_key, state, reason,"
        " fence, attempts, retried, due_at, destination) SELECT %s, 1000 + n, 1000 + n, %s, 'x', n || '@gmail.com',"
        " 'pending', 'new', 0, 0, false, now() - interval '1 hour', 'gmail' FROM generate_series(1, 20000) AS n",
        [scene.send.pk, Delivery.objects.filter(send_id=scene.send.pk).values_list("proof_hash", flat=True)[0]],
    )
    execute("ANALYZE pipeline_delivery")
    nobody = {"send": scene.send.pk, "lease": scene.lease, "most": 500, "names": ["gmail"], "caps": [0]}
    claim = deliveries._CLAIM.format(due=deliveries._DUE_BY_DESTINATION)
    plan = "".join(line for (line,) in rows(f"EXPLAIN {claim}", nobody))
    assert "delivery_destination" in plan
    assert "delivery_due" not in plan  # in that index the rows that wait stand before the others

    transitions.claim(scene.send.pk, lease_id=scene.lease, most=500, caps={"gmail": 0})
    assert scene.states() == {"pending": 20_000, "claimed": 2}
    claimed = transitions.claim(scene.send.pk, lease_id=scene.lease, most=500, caps={"gmail": 7})
    assert Counter(one.address_key.rpartition("@")[2] for one in claimed) == {"gmail.com": 7}
