"""Each person gets the edition in their language, the one that stands in for it, or a reason; and nobody is lost."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newsstand import Stand, fates, start, undone

from pipeline import queries, sending
from pipeline.errors import PressrunError
from pipeline.models import Delivery
from subscribers import transitions as people

pytestmark = pytest.mark.django_db

LANGUAGES = ["", "ko", "ko-KR", "KO", "kok", "k", "en", "en-GB", "EN-us", "fr", "fr-CA", "pt", "pt-BR", "pt-br-x-old",
             "zh-Hant-TW", "zh-Hans", "ko_KR", "%", "_", "-", "'", "en-"]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "edition"),
    [("ko", "ko"), ("ko-KR", "ko"), ("KO", "ko"), ("kok", "en"), ("en-GB", "en"), ("pt-BR", "pt-BR"),
     ("PT-br", "pt-BR"), ("pt-BR-x-old", "pt-BR"), ("pt", "en"), ("zh-Hant-TW", "zh-Hant"), ("zh-Hans", "zh"),
     ("zh-Hantes", "zh"), ("fr", "en"), ("", "en"), ("%", "en"), ("k_", "en")],
)  # fmt: skip
def test_each_person_gets_the_edition_of_their_language_or_the_main_one(language, edition):
    stand = Stand("ko", "en", "pt-BR", "zh", "zh-Hant")
    stand.person("kim", language)
    assert fates(stand.send()) == {"kim": edition}


@pytest.mark.parametrize(
    ("order", "fr", "pt", "unknown"),
    [
        ([], "en", "en", "en"),
        (["ko"], "ko", "ko", "en"),
        (["de", "ko", "en"], "ko", "ko", "en"),
        (["ko-KR"], "ko", "ko", "en"),
        (["KO"], "ko", "ko", "en"),
        (["pt-BR"], "pt-BR", "pt-BR", "en"),
        (["pt"], "no-edition", "no-edition", "en"),
        (["de", "it"], "no-edition", "no-edition", "en"),
    ],
)
def test_without_an_edition_of_their_own_people_get_the_first_that_the_order_reaches(order, fr, pt, unknown):
    stand = Stand("ko", "en", "pt-BR", fallback_languages=order)
    for language in ("fr", "pt", "ko", "en"):
        stand.person(language, language)
    stand.person("unknown")
    expected = {"fr": fr, "pt": pt, "ko": "ko", "en": "en", "unknown": unknown}
    assert fates(stand.send()) == expected


@pytest.mark.parametrize("order", [[], ["ko"], ["it"]])
def test_people_of_unknown_language_are_left_out_where_the_newsletter_says_so(order):
    stand = Stand("en", "ko", fallback_languages=order, unknown_language="skip")
    stand.person("unknown")
    stand.person("kim", "ko")
    assert fates(stand.send()) == {"unknown": "no-edition", "kim": "ko"}


def test_one_edition_goes_to_everybody_unless_somebody_chose_otherwise():
    stand = Stand("ko")
    for n, language in enumerate(LANGUAGES):
        stand.person(f"p{n}", language)
    assert set(fates(stand.send()).values()) == {"ko"}


def test_what_was_chosen_is_frozen_with_the_approval():
    stand = Stand("en", fallback_languages=["de"], unknown_language="skip")
    stand.person("fr", "fr")
    stand.person("unknown")
    stand.person("kim", "en")
    send = sending.create_send(list(stand.issues.values()), stand.plan())
    stand.choose(fallback_languages=[], unknown_language="main")
    start(send)
    assert fates(send) == {"fr": "no-edition", "unknown": "no-edition", "kim": "en"}


def test_the_numbers_say_who_gets_an_edition_and_why():
    stand = Stand("ko", "en", fallback_languages=["ko"])
    for name, language in {"a": "ko", "b": "ko-KR", "c": "en", "d": "fr", "e": "fr", "f": "", "g": "de"}.items():
        stand.person(name, language)
    stand.person("left", "ko", state="unsubscribed")
    reach = sending.reach_of_plan(list(stand.issues.values()), stand.plan())
    assert reach.editions == (queries.Edition("en", 1, 0, 1), queries.Edition("ko", 2, 3, 0))
    assert (reach.reached, reach.left_out, reach.audience) == (7, {"unsubscribed": 1}, 8)
    stand.choose(fallback_languages=["it"], unknown_language="skip")
    reach = sending.reach_of_plan([stand.issue("ko", 21)], stand.plan())
    assert reach.editions == (queries.Edition("ko", 2, 0, 0),)
    assert reach.left_out == {"no-edition": 5, "unsubscribed": 1}
    assert list(reach.missing.items()) == [("fr", 2), ("", 1), ("de", 1), ("en", 1)]


def test_two_spellings_of_one_language_are_one_edition_too_many():
    stand = Stand("pt-BR", "pt-br")
    with pytest.raises(PressrunError, match="a language of its own"):
        stand.send()


# Nobody is lost

TAGS = st.sampled_from(LANGUAGES) | st.text(alphabet="ekonpt-_BR%", max_size=8)
PERSON = st.tuples(
    TAGS,
    st.sampled_from(["subscribed", "subscribed", "subscribed", "unsubscribed", "paused", "unconfirmed", "erased"]),
    st.booleans(),  # on the list to leave out
    st.booleans(),  # suppressed
)
EDITIONS = st.lists(st.sampled_from(["en", "ko", "pt-BR", "fr", "zh-Hant"]), min_size=1, unique=True)
ORDER = st.lists(st.sampled_from(["en", "ko-KR", "pt", "PT-BR", "fr", "de", "zh-Hant-TW"]), unique=True, max_size=3)


def reads(wanted: str, editions: list[str]) -> str | None:
    """The rule, said once more in another way: cut the wanted tag from its end until an edition has that name."""
    parts = wanted.lower().split("-")
    shorter = ("-".join(parts[:n]) for n in range(len(parts), 0, -1))
    by_name = {edition.lower(): edition for edition in editions}
    return next((by_name[name] for name in shorter if name in by_name), None)


def edition_of(wanted: str, editions: list[str], order: list[str], unknown: str) -> str:
    main = min(editions, key=lambda each: each != "en")
    if not wanted:
        return main if unknown == "main" else "no-edition"
    if not order:
        return reads(wanted, editions) or main
    return next(filter(None, (reads(each, editions) for each in (wanted, *order))), "no-edition")


@settings(max_examples=40)
@given(st.lists(PERSON, max_size=12), EDITIONS, ORDER, st.sampled_from(["main", "skip"]))
def test_whoever_reads_what_everyone_is_in_the_books_once(crowd, editions, order, unknown):
    with undone():
        stand = Stand(*editions, fallback_languages=order, unknown_language=unknown)
        expected = {}
        for n, (language, state, apart, suppressed) in enumerate(crowd):
            person = stand.person(f"p{n}", language, state=state, apart=apart)
            if suppressed:
                people.suppress(person.address_key, reason="manual", source="t", by="t")
            blocked = state if state != "subscribed" else (apart and "excluded") or (suppressed and "suppressed")
            expected[f"p{n}"] = blocked or edition_of(language, editions, order, unknown)
        reach = sending.reach_of_plan(list(stand.issues.values()), stand.plan())
        send = stand.send()
        assert fates(send) == expected
        assert send.audience == reach.audience == len(crowd)
        assert sum(count.n for count in queries.counts(send.pk)) == len(crowd)
        assert all(finding.ok for finding in queries.audit(send.pk))
        frozen = Counter(Delivery.objects.filter(send_id=send.pk).values_list("state", "reason"))
        assert {reason: n for (state, reason), n in frozen.items() if state == "skipped"} == reach.left_out
        assert Counter({each.language: each.n for each in reach.editions if each.n}) == Counter(
            fate for fate in expected.values() if fate in editions
        )
        assert sum(reach.missing.values()) == reach.left_out.get("no-edition", 0)
