"""Everybody's message is made and looked at before a send: what it finds is what would have gone out."""

import csv
import json
from dataclasses import replace

import pytest
from django.utils import timezone
from newsroom import DOCUMENT, signed_in
from newsstand import HOUR, Stand

from pipeline import rehearsing, tasks, transitions
from pipeline.content import issuefile
from pipeline.content.issuefile import IssueFile
from pipeline.content.rehearse import Trouble
from pipeline.models import AuditEvent, Issue, Proof, Rehearsal, Send
from pipeline.rehearsing import rehearse
from subscribers.models import Subscriber

pytestmark = pytest.mark.django_db
SUBJECT = "News for {{ first_name }}"


class Named(Stand):
    def issue(self, language: str, number: int = 20) -> Issue:
        issue = super().issue(language, number)
        issue.subject = SUBJECT
        issue.save()
        return issue


@pytest.fixture
def stand() -> Stand:
    stand = Named("en", "ko")
    for name, language in {"a": "en", "b": "ko", "c": "ko", "d": ""}.items():
        stand.person(name, language)
    stand.person("left", "ko", state="unsubscribed")
    Subscriber.objects.filter(email="a@example.com").update(first_name="Ada")
    return stand


def counts(tally: rehearsing.Tally) -> dict[tuple[str, str, str], int]:
    return dict(tally.counts)


def asked(stand: Stand) -> Rehearsal:
    cy = signed_in("cy", superuser=True)
    fields = {
        "issues": [each.pk for each in stand.issues.values()], "lists": [stand.list.pk], "at": "", "zone": "UTC"
    }  # fmt: skip
    where = cy.post(f"/admin/rehearsals/of/{stand.issues['en'].pk}/", fields)["Location"]
    return Rehearsal.objects.get(pk=where.rstrip("/").rpartition("/")[2])


def test_each_reader_is_played_their_own_edition(stand):
    told = []
    tally = rehearse(list(stand.issues.values()), stand.plan(), go_on=lambda _: True, told=told.append)
    assert (tally.people, tally.played) == (4, 4)
    assert counts(tally) == {("ko", "gap", "first_name"): 2, ("en", "gap", "first_name"): 1}
    assert {(one.email, one.edition, one.trouble) for one in told} == {
        ("b@example.com", "ko", Trouble.GAP),
        ("c@example.com", "ko", Trouble.GAP),
        ("d@example.com", "en", Trouble.GAP),
    }
    assert (Send.objects.count(), Proof.objects.count()) == (0, 0)


def test_an_address_that_no_header_may_hold_is_found_before_it_is_refused(stand):
    Subscriber.objects.filter(email="a@example.com").update(email="a@-.example")
    tally = rehearse([stand.issues["en"]], stand.plan(), go_on=lambda _: True)
    [(_, trouble, detail)] = [key for key in tally.counts if key[1] == "unmade"]
    assert trouble == Trouble.UNMADE
    assert "a@-.example" in detail


def test_the_command_tells_and_writes_who(stand, pressrun, tmp_path):
    Issue.objects.all().delete()
    document = replace(DOCUMENT, subject=SUBJECT)
    (tmp_path / "en.md").write_text(issuefile.write(IssueFile(document, None)), encoding="utf-8")
    found = json.loads(pressrun("rehearse", "en.md", "--list", "readers", "--out", "who.csv", "--json")[0])
    assert found == {
        "people": 4,
        "played": 4,
        "troubles": [{"edition": "en", "trouble": "gap", "detail": "first_name", "people": 3}],
    }
    lines = list(csv.reader((tmp_path / "who.csv").read_text().splitlines()))
    assert lines[0] == ["email", "edition", "trouble", "detail"]
    assert sorted(line[0] for line in lines[1:]) == ["b@example.com", "c@example.com", "d@example.com"]
    assert "a gap where first_name should stand" in pressrun("rehearse", "en.md", "--list", "readers")[0]
    assert Issue.objects.count() == 0
    refused = pressrun("rehearse", "en.md", "--list", "nobody", status=1)[1]
    assert "There is no list nobody" in refused


def test_a_worker_plays_what_a_page_asked_for(stand, bo):
    row = asked(stand)
    page = bo.get(f"/admin/rehearsals/{row.pk}/").content.decode()
    assert "waiting" in page
    assert "hx-get" in page
    tasks.rehearse(row.pk)
    page = bo.get(f"/admin/rehearsals/{row.pk}/progress/").content.decode()
    assert "4 of 4 messages are made." in page
    assert "b@example.com" in page
    assert "a@example.com" not in page
    assert "hx-get" not in page
    assert AuditEvent.objects.filter(action__startswith="send.").count() == 0


def test_what_cannot_be_rehearsed_says_why(stand):
    row = asked(stand)
    Issue.objects.filter(language="ko").update(subject="{{ broken")
    tasks.rehearse(row.pk)
    row.refresh_from_db()
    assert (row.state, row.played) == ("failed", 0)
    assert "merge tag" in row.why


def test_a_worker_that_ends_leaves_it_to_the_next(stand, monkeypatch):
    monkeypatch.setattr(rehearsing, "STEP", 2)
    row = asked(stand)
    rehearsing.play(row.pk, stopping=lambda: True)
    row.refresh_from_db()
    assert (row.state, row.played) == ("waiting", 2)
    assert transitions.waiting_rehearsals() == [row.pk]
    tasks.rehearse(row.pk)
    row.refresh_from_db()
    assert (row.state, row.played) == ("done", 4)
    assert transitions.waiting_rehearsals() == []


def test_one_worker_plays_it_and_one_that_was_killed_is_replaced(stand):
    row = asked(stand)
    Rehearsal.objects.update(state="playing", renewed_at=timezone.now())
    tasks.rehearse(row.pk)
    row.refresh_from_db()
    assert (row.state, row.played) == ("playing", 0)
    Rehearsal.objects.update(renewed_at=timezone.now() - HOUR)
    tasks.rehearse(row.pk)
    row.refresh_from_db()
    assert (row.state, row.played) == ("done", 4)


def test_only_who_may_send_may_rehearse(stand):
    editor = signed_in("ed")
    assert editor.post(f"/admin/rehearsals/of/{stand.issues['en'].pk}/", {}).status_code in {302, 403}
    assert Rehearsal.objects.count() == 0
