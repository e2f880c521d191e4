"""A send that follows another: those left out for lack of an edition get theirs later, once, and the parent stays."""

import itertools
import threading
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newsstand import Stand, fates, start, undone
from scene import Threads

from pipeline import queries, sending, transitions
from pipeline.models import AuditEvent, Delivery
from pipeline.sending import CannotFollowError, create_send
from subscribers import transitions as people
from subscribers.models import Subscriber, Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand() -> Stand:
    """Korean alone was ready, and the newsletter wants nobody to get it who does not read it."""
    stand = Stand("ko", fallback_languages=["en"])
    for name, language in {"kim": "ko", "ann": "en-GB", "eve": "fr", "ida": "en", "zoe": "de"}.items():
        stand.person(name, language)
    return stand


def books(send) -> list[tuple[object, ...]]:
    return list(Delivery.objects.filter(send_id=send.pk).order_by("id").values_list())


def test_a_late_edition_reaches_those_who_were_left_out_and_only_them(stand):
    parent = stand.send()
    assert fates(parent) == {"kim": "ko", "ann": "no-edition", "eve": "no-edition", "ida": "no-edition",
                             "zoe": "no-edition"}  # fmt: skip
    before = books(parent)
    stand.person("new", "en")
    assert sending.reach_of_following(parent) is None
    late = stand.issue("en")
    reach = sending.reach_of_following(parent)
    assert reach.editions == (queries.Edition("en", 2, 2, 0), queries.Edition("ko", 0, 0, 0))
    send = stand.send([late], plan=stand.following(parent))
    assert fates(send) == {"ann": "en", "eve": "en", "ida": "en", "zoe": "en"}
    assert (send.parent, send.follows, send.audience) == (parent, "no-edition", 4)
    assert all(finding.ok for finding in queries.audit(send.pk))
    assert books(parent) == before
    assert sending.reach_of_following(parent) is None
    told = AuditEvent.objects.get(action="send.approved", subject=f"send:{send.pk}").detail
    assert (told["parent"], told["follows"]) == (parent.pk, "no-edition")


def test_who_has_left_meanwhile_is_in_its_books_with_the_reason(stand):
    parent, late = stand.send(), stand.issue("en")
    named = {person.email.partition("@")[0]: person for person in Subscriber.objects.all()}
    stand.put(named["ann"], "unsubscribed")
    stand.put(named["eve"], "paused")
    people.suppress(named["ida"].address_key, reason="complaint", source="t", by="t")
    Subscription.objects.filter(subscriber=named["zoe"]).delete()
    with pytest.raises(CannotFollowError, match=f"nobody whom send {parent.pk} left out.*Nothing was sent"):
        stand.send([late], plan=stand.following(parent))
    stand.put(named["eve"], "subscribed")
    send = stand.send([late], plan=stand.following(parent))
    assert fates(send) == {"ann": "unsubscribed", "eve": "en", "ida": "suppressed", "zoe": "unsubscribed"}
    assert all(finding.ok for finding in queries.audit(send.pk))


def test_whose_suppression_was_taken_back_gets_it_once_and_who_is_still_suppressed_does_not(stand):
    stand.person("lee", "ko")
    kim, lee = (Subscriber.objects.get(email__startswith=name) for name in ("kim", "lee"))
    held = people.suppress(kim.address_key, reason="dead-address", source="a storm", by="t")
    people.suppress(lee.address_key, reason="complaint", source="t", by="t")
    for name in ("ann", "eve", "ida", "zoe"):
        Subscription.objects.filter(subscriber__email__startswith=name).delete()
    parent = stand.send()
    assert fates(parent) == {"kim": "suppressed", "lee": "suppressed"}
    assert sending.reach_of_following(parent, "suppressed") is None
    people.lift(held, by="ada", note="a fault of the provider")
    assert sending.reach_of_following(parent, "suppressed").reached == 1
    again = replace(stand.following(parent), follows="suppressed")
    assert fates(stand.send(plan=again)) == {"kim": "ko", "lee": "suppressed"}
    assert sending.reach_of_following(parent, "suppressed") is None
    with pytest.raises(CannotFollowError, match="left out because nothing goes to their addresses"):
        stand.send(plan=again)


def test_who_joined_the_list_to_leave_out_is_left_out(stand):
    parent, late = stand.send(), stand.issue("en")
    ann = Subscriber.objects.get(email__startswith="ann")
    Subscription.objects.create(subscriber=ann, list=stand.apart, state="subscribed", changed_by="t")
    assert fates(stand.send([late], plan=stand.following(parent)))["ann"] == "excluded"


def test_a_new_address_of_the_same_person_is_the_one_that_is_used(stand):
    parent, late = stand.send(), stand.issue("en")
    Subscriber.objects.filter(email__startswith="ann").update(email="anna@example.net", address_key="anna@example.net")
    assert set(fates(stand.send([late], plan=stand.following(parent)))) == {"anna", "eve", "ida", "zoe"}


def test_one_after_another_each_reaches_those_whom_none_has_reached(stand):
    stand.choose(fallback_languages=["it"])
    parent = stand.send()
    english = stand.send([stand.issue("en")], plan=stand.following(parent))
    assert fates(english) == {"ann": "en", "eve": "no-edition", "ida": "en", "zoe": "no-edition"}
    french = stand.send([stand.issue("fr")], plan=stand.following(english))
    assert fates(french) == {"eve": "fr", "zoe": "no-edition"}
    stand.choose(fallback_languages=[])
    rest = stand.send([stand.issues["ko"]], plan=stand.following(parent))
    assert fates(rest) == {"zoe": "ko"}
    assert queries.family(english.pk) == [parent.pk, english.pk, french.pk, rest.pk]


def test_what_was_cancelled_leaves_its_people_to_the_next(stand):
    parent, late = stand.send(), stand.issue("en")
    first = stand.send([late], plan=stand.following(parent))
    transitions.cancel_send(first.pk, actor="ada", why="a misprint")
    assert set(fates(stand.send([late], plan=stand.following(parent))).values()) == {"en"}


@pytest.mark.django_db(transaction=True)
def test_two_that_start_at_once_write_to_nobody_twice(stand):
    parent, late = stand.send(), stand.issue("en")
    sends = [create_send([late], stand.following(parent)) for _ in range(3)]
    ready = threading.Barrier(3)

    def starter(send):
        def run() -> None:
            ready.wait()
            transitions.start_send(send.pk)

        return run

    Threads(*(starter(send) for send in sends)).finish()
    reached = Delivery.objects.filter(send_id__in=[send.pk for send in sends], state="pending")
    assert sorted(reached.values_list("email", flat=True)) == [
        "ann@example.com", "eve@example.com", "ida@example.com", "zoe@example.com",
    ]  # fmt: skip


def test_what_cannot_follow_says_why_and_sends_nothing(stand):
    waiting = create_send(list(stand.issues.values()), stand.plan())
    with pytest.raises(CannotFollowError, match=f"Send {waiting.pk} has not started"):
        create_send([stand.issue("en")], stand.following(waiting))
    parent = start(waiting)
    with pytest.raises(CannotFollowError, match=r"City Letter 21 \(en\) is no edition of what send .* sent"):
        create_send([stand.issue("en", 21)], stand.following(parent))


CHANGES = st.sampled_from(["stays", "leaves", "pauses", "suppressed", "gone", "learns ko", "learns en"])
LANGUAGES = st.sampled_from(["", "ko", "en", "fr", "de", "ko-KR"])


@settings(max_examples=25)
@given(
    st.lists(st.tuples(LANGUAGES, CHANGES), max_size=8),
    st.sampled_from([[], ["en"], ["it"], ["fr", "en"]]),
    st.sampled_from(["main", "skip"]),
    st.lists(st.sampled_from(["en", "fr", "de"]), min_size=1, max_size=3, unique=True),
)
def test_whatever_happens_between_nobody_is_written_to_twice_or_lost(crowd, order, unknown, editions):
    with undone():
        stand = Stand("ko", fallback_languages=order, unknown_language=unknown)
        persons = [stand.person(f"p{n}", language) for n, (language, _) in enumerate(crowd)]
        family = [stand.send()]
        for person, (_, change) in zip(persons, crowd, strict=True):
            happen(stand, person, change)
        for language in editions:
            try:
                family.append(stand.send([stand.issue(language)], plan=stand.following(family[-1])))
            except CannotFollowError:
                continue
        for parent, send in itertools.pairwise(family):
            lacking = Delivery.objects.filter(send_id=parent.pk, state="skipped", reason="no-edition")
            followed = Delivery.objects.filter(send_id=send.pk)
            assert set(followed.values_list("subscriber_id")) == set(lacking.values_list("subscriber_id"))
        assert all(finding.ok for send in family for finding in queries.audit(send.pk))
        written = Delivery.objects.filter(send_id__in=[send.pk for send in family], state="pending")
        assert len(set(written.values_list("subscriber_id"))) == written.count()


def happen(stand: Stand, person: Subscriber, change: str) -> None:
    match change.split():
        case ["leaves"]:
            stand.put(person, "unsubscribed")
        case ["pauses"]:
            stand.put(person, "paused")
        case ["suppressed"]:
            people.suppress(person.address_key, reason="manual", source="t", by="t")
        case ["gone"]:
            Subscription.objects.filter(subscriber=person).delete()
        case ["learns", language]:
            Subscriber.objects.filter(pk=person.pk).update(language=language)
