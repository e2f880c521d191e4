"""Coming, leaving, coming back: every act on a person, on a real PostgreSQL."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from house import until

from subscribers.addresses import parse_address
from subscribers.models import ConsentRecord, Departure, List, Subscriber, Subscription, SubscriptionState, Suppression
from subscribers.queries import active_suppression_sql, active_suppressions, find, history, is_suppressed, list_counts
from subscribers.transitions import (
    TransitionRefusedError,
    add_person,
    confirm,
    leave,
    lift,
    subscribe,
    suppress,
    undo_departure,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
FORM = {"text": "Yes, send me the news", "source": "form at /subscribe", "by": "the person"}
CLICK = {"source": "link in send 12", "by": "the person"}
SCOPE = "newsletter:3"


@pytest.fixture
def ada():
    return add_person(parse_address("Ada@x.test"), first_name="Ada", language="en", fields={"city": "London"})


@pytest.fixture
def news():
    return List.objects.create(slug="news", name="News", opt_in="double")


@pytest.fixture
def weekly():
    return List.objects.create(slug="weekly", name="Weekly", opt_in="single")


def state(who, where):
    return Subscription.objects.get(subscriber=who, list=where).state


def put(who, where, which):
    return Subscription.objects.create(subscriber=who, list=where, state=which, changed_by="test")


def kinds(who):
    return list(who.consents.order_by("id").values_list("kind", flat=True))


def books():
    """Everything an act could have changed."""
    models = (Subscriber, Subscription, ConsentRecord, Suppression, Departure)
    return [list(model.objects.order_by("id").values()) for model in models]


def leave_both(who, *lists, at=NOW, scope=SCOPE):
    return leave(who, scope=scope, list_ids=[one.id for one in lists], at=at, **CLICK)


# -- coming


def test_a_person_is_made_once_and_never_overwritten_by_a_form(ada):
    again = add_person(parse_address("ADA@X.TEST"), first_name="Eve", language="ko")
    assert again == ada
    assert (again.email, again.first_name, again.language, again.fields) == (
        "Ada@x.test",
        "Ada",
        "en",
        {"city": "London"},
    )


def test_double_opt_in_waits_for_the_yes(ada, news):
    waiting = subscribe(ada, to=news, at=NOW, **FORM)
    assert (waiting.state, waiting.changed_at, waiting.changed_by) == ("unconfirmed", NOW, "the person")
    done = confirm(waiting, at=NOW, **FORM)
    assert (done.state, state(ada, news)) == ("subscribed", "subscribed")
    assert kinds(ada) == ["signed-up", "confirmed"]


def test_single_opt_in_is_at_once(ada, weekly):
    assert subscribe(ada, to=weekly, at=NOW, **FORM).state == "subscribed"
    record = ada.consents.get()
    assert (record.text, record.source, record.at) == (FORM["text"], FORM["source"], NOW)


def test_signing_up_or_confirming_twice_changes_nothing(ada, news):
    there = confirm(subscribe(ada, to=news, at=NOW, **FORM), at=NOW, **FORM)
    before = books()
    assert subscribe(ada, to=news, at=NOW, **FORM) == there
    assert confirm(there, at=NOW, **FORM) == there
    assert books() == before


@pytest.mark.parametrize("before", ["unsubscribed", "paused"])
def test_whoever_left_or_paused_must_confirm_even_with_single_opt_in(ada, weekly, before):
    put(ada, weekly, before)
    assert subscribe(ada, to=weekly, at=NOW, **FORM).state == "unconfirmed"


def test_an_old_confirmation_link_does_not_undo_leaving(ada, news):
    waiting = subscribe(ada, to=news, at=NOW, **FORM)
    leave_both(ada, news)
    before = books()
    with pytest.raises(TransitionRefusedError, match="unsubscribed"):
        confirm(waiting, scopes=[SCOPE], at=NOW, **FORM)
    assert books() == before


def test_an_erased_person_is_not_subscribed_again(ada, weekly):
    put(ada, weekly, "erased")
    before = books()
    with pytest.raises(TransitionRefusedError, match="erased"):
        subscribe(ada, to=weekly, at=NOW, **FORM)
    assert books() == before


def test_coming_back_lifts_what_leaving_set_and_nothing_else(ada, news):
    put(ada, news, "subscribed")
    leave_both(ada, news)
    leave_both(ada, scope="newsletter:9")
    suppress(ada.address_key, reason="complaint", scope=SCOPE, source="report", by="inbound")
    confirm(subscribe(ada, to=news, at=NOW, **FORM), scopes=[SCOPE], at=NOW, **FORM)
    still = active_suppressions(ada.address_key).values_list("reason", "scope")
    assert list(still) == [("unsubscribed", "newsletter:9"), ("complaint", SCOPE)]


# -- leaving


def test_leaving_ends_every_list_given_and_suppresses_the_scope(ada, news, weekly):
    put(ada, news, "subscribed")
    put(ada, weekly, "paused")
    departure = leave_both(ada, news, weekly)
    assert (state(ada, news), state(ada, weekly)) == ("unsubscribed", "unsubscribed")
    assert departure.left == {str(news.id): "subscribed", str(weekly.id): "paused"}
    assert is_suppressed("ada@x.test", scopes=[SCOPE])
    assert not is_suppressed("ada@x.test", scopes=["newsletter:4"])
    assert kinds(ada) == ["withdrawn", "withdrawn"]


def test_leaving_leaves_other_lists_and_erased_ones_alone(ada, news, weekly):
    other = put(ada, weekly, "subscribed")
    put(ada, news, "erased")
    departure = leave_both(ada, news)
    other.refresh_from_db()
    assert (other.state, state(ada, news), departure.left) == ("subscribed", "erased", {})
    assert kinds(ada) == ["withdrawn"]


def test_leaving_twice_is_leaving_once(ada, news):
    put(ada, news, "subscribed")
    first = leave_both(ada, news)
    before = books()
    assert leave_both(ada, news, at=NOW + timedelta(days=400)) == first
    assert books() == before


def test_leaving_without_a_subscription_still_holds(ada, news):
    assert leave_both(ada, news).left == {}
    assert is_suppressed("ada@x.test", scopes=[SCOPE])


def test_leaving_holds_anew_after_somebody_lifted_it(ada):
    first = leave_both(ada)
    lift(first.suppression, by="Bo", note="asked by phone")
    assert leave_both(ada) != first
    assert is_suppressed("ada@x.test", scopes=[SCOPE])


def test_whoever_was_brought_back_by_another_list_leaves_that_too(ada, news, weekly):
    put(ada, news, "subscribed")
    first = leave_both(ada, news)
    put(ada, weekly, "subscribed")
    second = leave_both(ada, news, weekly)
    assert second != first
    assert second.left == {str(weekly.id): "subscribed"}
    undo_departure(second, now=NOW, by="the person")
    assert is_suppressed("ada@x.test", scopes=[SCOPE])
    assert state(ada, news) == "unsubscribed"


def test_undoing_restores_exactly_what_was_ended(ada, news, weekly):
    put(ada, news, "unconfirmed")
    put(ada, weekly, "paused")
    departure = leave_both(ada, news, weekly)
    undone = undo_departure(departure, now=NOW + timedelta(hours=24), by="the person")
    assert (state(ada, news), state(ada, weekly)) == ("unconfirmed", "paused")
    assert not is_suppressed("ada@x.test", scopes=[SCOPE])
    assert undone.undone_at == NOW + timedelta(hours=24)
    row = Suppression.objects.get(lifts=departure.suppression)
    assert (row.by, bool(row.note)) == ("the person", True)
    assert kinds(ada) == ["withdrawn", "withdrawn", "returned", "returned"]


def test_undoing_twice_changes_nothing(ada, news):
    put(ada, news, "subscribed")
    departure = leave_both(ada, news)
    undo_departure(departure, now=NOW, by="the person")
    before = books()
    undo_departure(departure, now=NOW + timedelta(days=9), by="the person")
    assert books() == before


def test_an_old_undo_does_not_undo_a_later_leaving(ada, news):
    put(ada, news, "subscribed")
    first = leave_both(ada, news)
    undo_departure(first, now=NOW, by="the person")
    second = leave_both(ada, news)
    undo_departure(first, now=NOW, by="the person")
    assert second != first
    assert state(ada, news) == "unsubscribed"
    assert is_suppressed("ada@x.test", scopes=[SCOPE])


def test_after_a_day_leaving_stands(ada, news):
    put(ada, news, "subscribed")
    departure = leave_both(ada, news)
    before = books()
    with pytest.raises(TransitionRefusedError, match="24 hours"):
        undo_departure(departure, now=NOW + timedelta(hours=24, seconds=1), by="the person")
    assert books() == before


def test_undoing_does_not_wake_whoever_was_erased_meanwhile(ada, news):
    put(ada, news, "subscribed")
    departure = leave_both(ada, news)
    Subscription.objects.update(state=SubscriptionState.ERASED)
    undo_departure(departure, now=NOW, by="the person")
    assert state(ada, news) == "erased"


# -- suppressions


def test_suppressing_twice_is_suppressing_once():
    given = {"reason": "dead-address", "source": "550 5.1.1", "by": "inbound"}
    first = suppress("ada@x.test", **given)
    assert suppress("ada@x.test", **given) == first
    assert suppress("ada@x.test", **given | {"reason": "complaint"}) != first
    assert suppress("ada@x.test", scope=SCOPE, **given) != first
    assert Suppression.objects.count() == 3


def test_a_suppression_that_ends_sooner_does_not_stand_for_a_longer_one():
    soon, later = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) + timedelta(days=9)
    given = {"reason": "manual", "source": "t", "by": "Bo"}
    short = suppress("ada@x.test", expires_at=soon, **given)
    long = suppress("ada@x.test", expires_at=later, **given)
    forever = suppress("ada@x.test", **given)
    assert len({short, long, forever}) == 3
    assert suppress("ada@x.test", expires_at=soon, **given) == short
    assert suppress("ada@x.test", **given) == forever


def test_lifting_needs_a_name_and_a_reason_and_happens_once():
    held = suppress("ada@x.test", reason="manual", source="t", by="Bo")
    for by, note in (("", "why"), ("Bo", " ")):
        with pytest.raises(TransitionRefusedError, match="named person"):
            lift(held, by=by, note=note)
    assert is_suppressed("ada@x.test")
    row = lift(held, by="Bo", note="typed wrong")
    assert lift(held, by="Cleo", note="again") == row
    assert not is_suppressed("ada@x.test")
    with pytest.raises(TransitionRefusedError, match="cannot be lifted"):
        lift(row, by="Bo", note="x")
    assert suppress("ada@x.test", reason="manual", source="t", by="Bo") != held


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_leave_once(ada, news):
    put(ada, news, "subscribed")
    together = threading.Barrier(6)
    found = []

    def click():
        try:
            together.wait()
            found.append(leave_both(ada, news).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert (len(set(found)), Suppression.objects.count(), Departure.objects.count()) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_reports_at_once_suppress_once():
    given = {"reason": "complaint", "source": "report", "by": "inbound"}
    found = []

    def second():
        try:
            found.append(suppress("ada@x.test", **given))
        finally:
            connection.close()

    with transaction.atomic():
        first = suppress("ada@x.test", **given)
        other = threading.Thread(target=second)
        other.start()
        until(lambda: found or waiting_for_a_lock())
    other.join()
    assert found == [first]


def waiting_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return cursor.fetchone()[0]


# -- reads


@pytest.mark.parametrize("scope", [None, SCOPE, "newsletter:4"])
def test_the_fragment_for_bulk_statements_says_what_is_suppressed_says(scope):
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    given = {"reason": "manual", "source": "t", "by": "Bo"}
    suppress("all@x.test", **given)
    suppress("scoped@x.test", scope=SCOPE, **given)
    suppress("later@x.test", expires_at=future, **given)
    suppress("expired@x.test", expires_at=past, **given)
    lift(suppress("lifted@x.test", **given), by="Bo", note="x")
    lift(suppress("again@x.test", **given), by="Bo", note="x")
    suppress("again@x.test", **given)
    keys = [f"{name}@x.test" for name in ("all", "scoped", "later", "expired", "lifted", "again", "nobody")]
    fragment = active_suppression_sql("one.key", scope="%s" if scope else None)
    with connection.cursor() as cursor:
        values = [keys, scope] if scope else [keys]
        cursor.execute(f"SELECT one.key FROM unnest(%s::text[]) AS one(key) WHERE {fragment}", values)
        said = {key for (key,) in cursor.fetchall()}
    assert said == {key for key in keys if is_suppressed(key, scopes=[scope] if scope else [])}
    assert ("scoped@x.test" in said) == (scope == SCOPE)
    assert {"all@x.test", "later@x.test", "again@x.test"} <= said
    assert not {"expired@x.test", "lifted@x.test"} & said


def test_counts_name_every_state(ada, news):
    put(ada, news, "paused")
    assert list_counts(news) == dict.fromkeys(SubscriptionState.values, 0) | {"paused": 1}


def test_people_are_found_however_the_address_is_spelled(ada):
    assert find(" ADA@x.TEST ") == ada
    assert find("bo@x.test") is None
    assert find("no address") is None


def test_history_tells_the_whole_story_in_order(ada, news):
    confirm(subscribe(ada, to=news, at=NOW, **FORM), at=NOW + timedelta(hours=1), **FORM)
    departure = leave_both(ada, news, at=NOW + timedelta(hours=2))
    undo_departure(departure, now=NOW + timedelta(hours=3), by="the person")
    story = history(ada)
    assert [event.at for event in story] == sorted(event.at for event in story)
    told = [event.what for event in story]
    assert told.index("signed-up") < told.index("confirmed") < told.index("withdrawn") < told.index("returned")
    assert {"left", "undone", "suppressed", "lifted", "is subscribed"} <= set(told)
    signed_up = next(event for event in story if event.what == "signed-up")
    assert (signed_up.where, signed_up.why, signed_up.by) == ("news", FORM["text"], FORM["source"])
