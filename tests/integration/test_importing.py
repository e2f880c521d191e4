"""Imports and exports on a real PostgreSQL: closed counts, nobody re-subscribed, all or nothing."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscribers import importing
from subscribers.addresses import parse_address
from subscribers.csvfile import CsvFileError, people
from subscribers.exporting import export_people
from subscribers.importing import ImportRefusedError, Origin, Watch, import_people, import_suppressions
from subscribers.models import (
    ConsentRecord,
    List,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
ORIGIN = Origin(source="import of people.csv", by="Bo (admin)", at=AT)


def imported(text, slug="news", **options):
    content = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    result = import_people(content, list_slug=slug, origin=ORIGIN, create=True, **options)
    assert result.rows == result.used + result.merged + result.bad
    assert result.used == result.added + result.suppressed + result.already + sum(result.kept.values())
    return result


def suppressed(text, reason="imported", **options):
    result = import_suppressions(io.BytesIO(text.encode()), reason=reason, origin=ORIGIN, **options)
    assert result.rows == result.used + result.merged + result.bad
    assert result.used == result.added + result.already
    return result


def exported(slug="news", **options):
    sheet = io.BytesIO()
    rows = export_people(List.objects.get(slug=slug), sheet, **options)
    found = list(csv.DictReader(io.StringIO(sheet.getvalue().decode("utf-8-sig"), newline="")))
    assert len(found) == rows
    return found


def person(email):
    return Subscriber.objects.get(address_key=parse_address(email).key)


def put(email, slug, state):
    """Give a person a state on a list, as if it had always been so."""
    address = parse_address(email)
    someone, _ = Subscriber.objects.get_or_create(
        address_key=address.key, defaults={"email": address.email, "domain": address.domain}
    )
    home, _ = List.objects.get_or_create(slug=slug, defaults={"name": slug})
    return Subscription.objects.create(subscriber=someone, list=home, state=state, changed_by="test")


def everything():
    return [list(model.objects.order_by("id").values()) for model in (List, Subscriber, Subscription, ConsentRecord)]


# -- people


def test_people_become_subscribed_with_their_columns_and_a_consent_record():
    result = imported(
        "email,first_name,last_name,language,Company\nAda@X.test,Ada,Byron,en,Engines\n사용자@예시.한국,민준,김,ko,\n",
        consent="Signed the paper form at the 2025 fair",
    )
    assert (result.rows, result.added, result.new_people, result.created) == (2, 2, 2, True)
    ada, kim = person("ada@x.test"), person("사용자@예시.한국")
    assert (ada.email, ada.first_name, ada.last_name, ada.language) == ("Ada@x.test", "Ada", "Byron", "en")
    assert (ada.fields, kim.fields) == ({"company": "Engines"}, {})
    assert kim.domain == "xn--vv4b11d.xn--3e0b707e"
    subscription = ada.subscriptions.get()
    assert (subscription.state, subscription.changed_at, subscription.changed_by) == ("subscribed", AT, "Bo (admin)")
    record = ada.consents.get()
    assert (record.kind, record.at, record.legacy, record.list.slug) == ("imported", AT, False, "news")
    assert (record.text, record.source) == ("Signed the paper form at the 2025 fair", "import of people.csv")


def test_a_list_made_by_an_import_is_private_and_single_opt_in():
    imported("email\na@x.test\n")
    home = List.objects.get()
    assert (home.slug, home.visibility, home.opt_in) == ("news", "private", "single")


@pytest.mark.parametrize(
    ("consent", "legacy"),
    [("", True), ("  ", True), ("legacy: Mailman, before 2024", True), ("Legacy: x", True), ("the fair", False)],
)
def test_consent_without_evidence_of_its_own_is_flagged(consent, legacy):
    assert imported("email\na@x.test\n", consent=consent).legacy is legacy
    record = ConsentRecord.objects.get()
    assert record.legacy is legacy
    assert record.text == (consent.strip() or importing.NO_CONSENT_STATED)


def test_a_missing_list_is_named_with_the_flag_and_those_that_exist():
    List.objects.create(slug="weekly", name="Weekly")
    with pytest.raises(ImportRefusedError, match=r"'news'.*weekly.*--create"):
        import_people(io.BytesIO(b"email\na@x.test\n"), list_slug="news", origin=ORIGIN)
    with pytest.raises(ImportRefusedError, match="short name"):
        imported("email\na@x.test\n", slug="no spaces")
    assert not Subscriber.objects.exists()


def test_known_people_keep_what_is_known_and_blanks_are_filled():
    imported("email,first_name,company,city\na@x.test,Ada,Engines,\nb@x.test,Bo,,\n")
    result = imported("email,first_name,last_name,company,city\nA@x.test,Eve,Byron,Other,London\nb@x.test,Eve,,,\n")
    ada = person("a@x.test")
    assert (ada.first_name, ada.last_name) == ("Ada", "Byron")
    assert ada.fields == {"company": "Engines", "city": "London"}
    assert (result.filled, result.already, result.new_people) == (1, 2, 0)


def test_rows_of_one_person_are_merged_and_named():
    told = []
    result = imported(
        "email,first_name,last_name,note,city\n"
        "kim@예시.한국,,,first,\n"
        "other@x.test,Other,,,\n"
        "KIM@xn--vv4b11d.xn--3e0b707e,Kim,,second,Seoul\n"
        "Kim@예시.한국,Late,Lee,,\n",
        watch=Watch(row=told.append),
    )
    assert (result.rows, result.used, result.merged, result.added) == (4, 2, 2, 2)
    assert [(merge.row, "row 2" in merge.message) for merge in result.merges] == [(4, True), (5, True)]
    assert told == list(result.merges)
    kim = person("kim@예시.한국")
    assert (kim.email, kim.first_name, kim.last_name) == ("kim@xn--vv4b11d.xn--3e0b707e", "Kim", "Lee")
    assert kim.fields == {"note": "first", "city": "Seoul"}


@pytest.mark.parametrize("state", [s for s in SubscriptionState if s != SubscriptionState.SUBSCRIBED])
def test_nobody_is_resubscribed(state):
    there = put("a@x.test", "news", state)
    result = imported("email\na@x.test\nb@x.test\n", consent="yes, really")
    there.refresh_from_db()
    assert there.state == state
    assert not person("a@x.test").consents.exists()
    assert (result.added, result.already, result.kept) == (1, 0, {state.value: 1})


def test_suppressed_people_come_in_but_are_counted_apart():
    suppressed("email\ngone@x.test\n", reason="dead-address")
    Suppression.objects.create(
        address_key="left@x.test", reason=SuppressionReason.UNSUBSCRIBED, scope="newsletter:1", source="t", by="t"
    )
    result = imported("email\nGONE@x.test\nleft@x.test\nnew@x.test\n")
    assert (result.added, result.suppressed, result.partly_suppressed) == (2, 1, 1)
    assert Suppression.objects.count() == 2
    assert person("gone@x.test").subscriptions.get().state == "subscribed"


def test_lifted_and_expired_suppressions_do_not_count():
    past = datetime.now(UTC) - timedelta(days=1)
    common = {"reason": SuppressionReason.MANUAL, "source": "t", "by": "t"}
    held = Suppression.objects.create(address_key="lifted@x.test", **common)
    Suppression.objects.create(address_key="lifted@x.test", lifts=held, note="a mistake", **common)
    Suppression.objects.create(address_key="expired@x.test", expires_at=past, **common)
    assert imported("email\nlifted@x.test\nexpired@x.test\n").suppressed == 0


def test_bad_rows_are_told_and_the_rest_comes_in():
    told = []
    result = imported("email\na@x.test\nnonsense\nb@x.test\n", watch=Watch(row=told.append))
    assert (result.added, result.bad) == (2, 1)
    assert [(e.row, e.column) for e in result.errors] == [(3, "email")]
    assert told == list(result.errors)


def test_the_summary_keeps_a_hundred_errors_and_the_watcher_sees_all():
    told = []
    result = imported("email\n" + "nonsense\n" * 250, watch=Watch(row=told.append))
    assert (result.bad, len(result.errors), len(told)) == (250, 100, 250)


def test_a_dry_run_counts_the_same_and_changes_nothing():
    put("left@x.test", "news", SubscriptionState.UNSUBSCRIBED)
    suppressed("email\ngone@x.test\n")
    before = everything()
    text = "email,first_name\nleft@x.test,Lee\ngone@x.test,\nnew@x.test,\nNEW@x.test,\nbad,\n"
    rehearsal = imported(text, dry_run=True)
    assert everything() == before
    real = imported(text)
    differing = {name for name in real.__dataclass_fields__ if getattr(real, name) != getattr(rehearsal, name)}
    assert differing == {"dry_run"}


def test_a_dry_run_makes_no_list():
    assert imported("email\na@x.test\n", dry_run=True).created
    assert not List.objects.exists()


def test_a_file_that_turns_out_unusable_changes_nothing(monkeypatch):
    monkeypatch.setattr(people, "MAX_ROWS", 2)
    with pytest.raises(CsvFileError):
        imported("email\na@x.test\nb@x.test\nc@x.test\n")
    assert everything() == [[], [], [], []]
    assert imported("email\na@x.test\n").added == 1


def test_progress_ends_at_the_whole_file():
    seen = []
    text = "email\n" + "".join(f"p{i}@x.test\n" for i in range(12_000))
    imported(text, watch=Watch(progress=lambda *step: seen.append(step)))
    assert len(seen) == 4
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(text), len(text))


def test_the_number_of_statements_does_not_grow_with_the_file(django_assert_max_num_queries):
    def run(slug, count):
        with django_assert_max_num_queries(40) as counted:
            imported("email\n" + "".join(f"p{i}@x.test\n" for i in range(count)), slug=slug)
        return len(counted)

    assert run("one", 1) == run("some", 999)
    assert run("many", 1_000) == run("more", 3_000)


@pytest.mark.django_db(transaction=True)
def test_the_planner_knows_of_many_at_once_whatever_vacuum_saw_in_the_middle(monkeypatch):
    """To freeze 50,000 people right after their import took 90 seconds otherwise, growing with the square."""
    tables = ["subscribers_subscriber", "subscribers_subscription"]
    record = importing._record_consent

    def passes_by(*given, **options):
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
            other.execute(f"VACUUM ANALYZE {', '.join(tables)}")
        assert known() == [0, 0]
        return record(*given, **options)

    def known():
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE relname = ANY(%s)", [tables])
            return [count for (count,) in cursor.fetchall()]

    monkeypatch.setattr(importing, "_record_consent", passes_by)
    imported("email\n" + "".join(f"p{i}@x.test\n" for i in range(2_000)))
    assert known() == [2_000, 2_000]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.sampled_from(["a@x.test", "A@X.TEST", "b@x.test", "c@x.test", "", "bad"]), max_size=12))
def test_the_counts_close_and_a_second_import_adds_nobody(rows):
    with transaction.atomic():
        put("b@x.test", "news", SubscriptionState.UNSUBSCRIBED)
        text = "email,n\n" + "".join(f"{row},{i}\n" for i, row in enumerate(rows))
        first, second = imported(text), imported(text)
        assert second.added == second.new_people == second.filled == 0
        assert second.already == first.added
        assert Subscriber.objects.count() == len({row.lower() for row in rows if "@" in row} | {"b@x.test"})
        transaction.set_rollback(True)


def test_cells_that_look_like_sql_or_copy_syntax_are_only_text():
    cells = ["\\N", "\\.", "'); DROP TABLE subscribers_subscriber;--", "a\tb", "%s %(list)s", '{"a": 1}', "\\x00"]
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows([["email", "note"], *([f"p{i}@x.test", cell] for i, cell in enumerate(cells))])
    imported(sheet.getvalue())
    assert [person(f"p{i}@x.test").fields["note"] for i in range(len(cells))] == cells


# -- suppressions


def test_suppressing_a_file():
    result = suppressed("email,status\na@x.test,bounced\nA@X.test,\nb@x.test,subscribed\nbad,\n", reason="complaint")
    assert (result.added, result.merged, result.bad, result.reason) == (2, 1, 1, "complaint")
    row = Suppression.objects.get(address_key="a@x.test")
    assert (row.reason, row.scope, row.note, row.by, row.created_at) == ("complaint", "all", "", "Bo (admin)", AT)
    assert not Subscriber.objects.exists()


def test_a_reason_in_own_words_is_the_note():
    assert suppressed("email\na@x.test\n", reason="cleaned by the old tool").reason == "imported"
    assert Suppression.objects.get().note == "cleaned by the old tool"


def test_suppressions_are_not_doubled_but_short_and_narrow_ones_do_not_stand_for_them():
    common = {"reason": SuppressionReason.MANUAL, "source": "t", "by": "t"}
    Suppression.objects.create(address_key="held@x.test", **common)
    Suppression.objects.create(address_key="narrow@x.test", scope="newsletter:1", **common)
    Suppression.objects.create(address_key="short@x.test", expires_at=datetime.now(UTC) + timedelta(days=1), **common)
    lifted = Suppression.objects.create(address_key="lifted@x.test", **common)
    Suppression.objects.create(address_key="lifted@x.test", lifts=lifted, note="a mistake", **common)
    text = "email\nheld@x.test\nnarrow@x.test\nshort@x.test\nlifted@x.test\n"
    assert (suppressed(text, dry_run=True).added, Suppression.objects.count()) == (3, 5)
    assert (suppressed(text).added, suppressed(text).added) == (3, 0)


# -- what the database itself refuses


@pytest.mark.parametrize("table", ["subscribers_suppression", "subscribers_consentrecord"])
@pytest.mark.parametrize("change", ["UPDATE {} SET source = 'x'", "DELETE FROM {}"])
def test_evidence_is_append_only_whoever_writes(table, change):
    imported("email\na@x.test\n")
    suppressed("email\na@x.test\n")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format(table))


# -- export


def test_an_export_says_who_is_what():
    imported("email,first_name,company\na@x.test,Ada,Engines\n")
    put("b@x.test", "news", SubscriptionState.UNSUBSCRIBED)
    put("c@x.test", "other", SubscriptionState.SUBSCRIBED)
    suppressed("email\na@x.test\n", reason="complaint")
    ada, bo = exported()
    assert list(ada)[:2] == ["email", "status"]
    assert (ada["email"], ada["status"], ada["first_name"], ada["company"]) == (
        "a@x.test",
        "subscribed",
        "Ada",
        "Engines",
    )
    assert (ada["subscribed_at"], ada["suppressed"]) == ("2026-03-01T09:00:00Z", "complaint")
    assert (bo["status"], bo["subscribed_at"], bo["suppressed"], bo["company"]) == ("unsubscribed", "", "", "")


def test_no_cell_of_an_export_is_a_formula():
    hostile = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"]
    imported("email\n" + "".join(f"p{i}@x.test\n" for i in range(6)))
    for i, cell in enumerate(hostile):
        Subscriber.objects.filter(address_key=f"p{i}@x.test").update(first_name=cell, fields={"=cmd": cell})
    for row, cell in zip(exported(), hostile, strict=True):
        assert row["first_name"] == row["'=cmd"] == f"'{cell}"


def test_an_export_comes_back_as_it_was_but_for_those_who_left():
    imported('email,first_name,company\na@x.test,=Ada,"Engines, ""Ltd"""\nb@x.test,,-\n+c@x.test,,\n')
    put("left@x.test", "news", SubscriptionState.UNSUBSCRIBED)
    sheet = io.BytesIO()
    export_people(List.objects.get(slug="news"), sheet, mark=True)
    assert sheet.getvalue().startswith(b"\xef\xbb\xbf")
    again = imported(sheet.getvalue(), slug="copy")
    assert (again.added, again.bad, again.new_people, again.filled) == (3, 1, 0, 0)
    assert Counter(row["status"] for row in exported("copy")) == {"subscribed": 3}


def test_an_empty_list_has_a_header():
    List.objects.create(slug="news", name="News")
    assert exported() == []
