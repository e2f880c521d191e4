"""Sends that follow another: those it did not reach, those who may have it, those who have it."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from django.utils import timezone
from newsroom import DOCUMENT, a_newsletter, an_issue, signed_in
from newsstand import Stand, fates, start

from pipeline import queries, sending, transitions
from pipeline.content import issuefile
from pipeline.content.issuefile import IssueFile
from pipeline.models import Delivery, Rehearsal, Send
from pipeline.queries import ACCEPTED, FAILED, HELD
from pipeline.rehearsing import play
from pipeline.replies import classify
from pipeline.sending import CannotFollowError, create_send
from pipeline.staff.books import books_of
from pipeline.staff.following import followings
from pipeline.transitions import Marked
from subscribers import transitions as people
from subscribers.models import Subscriber

pytestmark = pytest.mark.django_db
PAST = dt.timedelta(hours=1)
FATES = {
    "got": ("accepted", "taken", "250 2.0.0 Ok"),
    "back": ("accepted", "taken", "250 2.0.0 Ok"),
    "full": ("rejected", "mailbox-full", "552 5.2.2 Full"),
    "dead": ("rejected", "no-such-mailbox", "550 5.1.1 No such user"),
    "late": ("expired", "too-late", "451 4.7.1 Later"),
    "doubt": ("held", "unsettled", ""),
    "open": ("pending", "deferred", "451 4.7.1 Later"),
}


@pytest.fixture
def stand() -> Stand:
    stand = Stand("en")
    for name in FATES:
        stand.person(name, "en")
    stand.person("gone", "en", state="unsubscribed")
    return stand


def settle(send: Send, given: dict[str, tuple[str, str, str]] = FATES) -> Send:
    """Bring each person's delivery where the name says, by the transitions of a batch."""
    grant = transitions.open_lease(send.pk, owner="a:1:2", host="a:1:", wanted=1, at_most=9, siblings=9)
    claimed = transitions.claim(send.pk, lease_id=grant.lease_id, most=99)
    transitions.mark_in_flight(send.pk, lease_id=grant.lease_id, claimed=claimed)
    for one in claimed:
        state, reason, reply = given[one.email.partition("@")[0]]
        if state == "held":
            state, reason = "uncertain", "connection-lost"
        due = timezone.now() + PAST if state == "pending" else timezone.now() - PAST if state == "uncertain" else None
        transitions.record(send.pk, [Marked(one.id, one.fence, state, reason, reply, counts=True, due_at=due)])
    transitions.close_lease(grant.lease_id)
    Send.objects.filter(pk=send.pk).update(uncertain_policy="hold")
    transitions.settle_uncertain()
    for row in Delivery.objects.filter(send_id=send.pk, email__startswith="back"):
        transitions.record_bounce(send.pk, row.id, reason="mailbox-full", hard=False, at=timezone.now(), source="mail")
    for row in Delivery.objects.filter(send_id=send.pk, email__startswith="dead"):
        transitions.rule_on(send.pk, row.id, classify(FATES["dead"][2]), source="smtp", at=timezone.now())
    return send


def follow(stand: Stand, parent: Send, which: str, *issues) -> Send:
    return stand.send(list(issues), plan=stand.plan(lists=(), excluded=(), parent=parent, follows=which))


def rows(send: Send) -> list[tuple[object, ...]]:
    return list(Delivery.objects.filter(send_id=send.pk).order_by("id").values_list())


def test_the_failed_get_it_again_and_nobody_else_and_the_parent_stays(stand):
    parent = settle(stand.send())
    before = rows(parent)
    again = follow(stand, parent, FAILED)
    assert fates(again) == {"full": "en", "late": "en", "back": "en", "dead": "suppressed"}
    assert (again.parent, again.follows) == (parent, "failed")
    assert rows(parent) == before
    for send in (parent, again):
        assert [finding for finding in queries.audit(send.pk) if not finding.ok] == []


def test_who_was_reached_meanwhile_is_not_written_to_a_third_time(stand):
    parent = settle(stand.send())
    settle(follow(stand, parent, FAILED), {"full": FATES["got"], "late": FATES["late"], "back": FATES["got"]})
    third = follow(stand, parent, FAILED)  # `back` has come back again, by the name
    assert set(fates(third)) == {"late", "back", "dead"}


def test_while_a_following_send_is_under_way_nobody_is_taken_twice(stand):
    parent = settle(stand.send())
    follow(stand, parent, FAILED)
    with pytest.raises(CannotFollowError, match="could not reach, and whom nobody has reached since"):
        follow(stand, parent, FAILED)


def test_those_who_may_have_it_get_it_once_more_when_a_person_says_so(stand):
    parent = settle(stand.send())
    assert fates(follow(stand, parent, HELD)) == {"doubt": "en"}
    with pytest.raises(CannotFollowError, match="may have reached"):
        follow(stand, parent, HELD)


def test_a_correction_goes_to_those_who_have_it_and_may_be_another_issue(stand):
    parent = settle(stand.send())
    erratum = stand.issue("en", 21)
    assert fates(follow(stand, parent, ACCEPTED, erratum)) == {"got": "en"}
    with pytest.raises(CannotFollowError, match="no edition of what send"):
        follow(stand, parent, FAILED, erratum)
    elsewhere = an_issue(a_newsletter(slug="other", name="Other"), DOCUMENT)
    with pytest.raises(CannotFollowError, match="no edition of what send"):
        follow(stand, parent, ACCEPTED, elsewhere)


def test_who_has_left_or_gone_is_in_its_books_with_the_reason(stand):
    parent = settle(stand.send())
    named = {person.email.partition("@")[0]: person for person in Subscriber.objects.all()}
    stand.put(named["full"], "unsubscribed")
    people.suppress(named["late"].address_key, reason="complaint", source="t", by="t")
    assert fates(follow(stand, parent, FAILED)) == {
        "full": "unsubscribed", "late": "suppressed", "back": "en", "dead": "suppressed",
    }  # fmt: skip


def test_a_cancelled_send_can_be_made_up_for(stand):
    parent = stand.send()
    transitions.cancel_send(parent.pk, actor="ada", why="a misprint")
    assert set(fates(follow(stand, parent, FAILED))) == set(FATES)


def test_the_command_follows_as_it_is_told(stand, pressrun, tmp_path):
    parent = settle(stand.send())
    (tmp_path / "en.md").write_text(issuefile.write(IssueFile(replace(DOCUMENT, language="en"), None)))
    for which, reached in {"failed": 3, "held": 1, "accepted": 1}.items():
        words = ("send", "en.md", "--follow", str(parent.pk), "--to", which)
        assert json.loads(pressrun(*words, "--dry-run", "--json")[0])["reached"] == reached
    made = json.loads(pressrun(*words, "--json", "--allow-unsafe")[0])["send"]
    assert fates(start(Send.objects.get(pk=made))) == {"got": "en"}
    assert "--follow" in pressrun("send", "en.md", "--list", "readers", "--to", "failed", status=2)[1]


# -- on the pages


def test_the_page_offers_what_there_is_with_its_numbers(stand):
    parent = settle(stand.send())
    offered = {each.which: each.words for each in followings(parent, books_of(parent))}
    assert list(offered) == ["failed", "held", "accepted"]
    assert offered["failed"].startswith("4 people did not get it")
    assert offered["accepted"].startswith("1 people have it")
    html = signed_in("bo", superuser=True).get(f"/admin/sends/{parent.pk}/").content.decode()
    for which in offered:
        assert f"/admin/sending/follow/{parent.pk}/?to={which}" in html
    assert list(followings(create_send(list(stand.issues.values()), stand.plan()), books_of(parent))) == []


def test_an_editor_is_offered_nothing(stand):
    parent = settle(stand.send())
    assert "?to=" not in signed_in("ada", group="Editors").get(f"/admin/sends/{parent.pk}/").content.decode()


def test_the_way_on_the_page_ends_in_a_send_for_the_right_people(stand):
    parent, bo = settle(stand.send()), signed_in("bo", superuser=True)
    address = f"/admin/sending/follow/{parent.pk}/?to=failed"
    form = {"issues": [stand.issues["en"].pk], "at": "", "zone": "UTC"}
    assert f"those whom send {parent.pk} did not reach" in bo.get(address).content.decode()
    review = bo.post(address, form).content.decode()
    assert '<span class="count">3</span>' in review
    assert f"/admin/rehearsals/following/{parent.pk}/?to=failed" in review
    bo.post(address, form | {"typed": "3"})
    made = Send.objects.get(parent=parent)
    assert made.follows == "failed"
    assert set(fates(start(made))) == {"full", "late", "back", "dead"}


def test_a_correction_with_an_issue_of_its_own_is_a_click_away(stand):
    parent, bo = settle(stand.send()), signed_in("bo", superuser=True)
    erratum = stand.issue("en", 21)
    address = f"/admin/sending/follow/{parent.pk}/?to=accepted"
    assert f"?to=accepted&amp;issue={erratum.pk}" in bo.get(address).content.decode()
    bo.post(f"{address}&issue={erratum.pk}", {"issues": [erratum.pk], "at": "", "zone": "UTC", "typed": "1"})
    assert fates(start(Send.objects.get(parent=parent))) == {"got": "en"}
    elsewhere = an_issue(a_newsletter(slug="other", name="Other"), DOCUMENT)
    assert bo.get(f"{address}&issue={elsewhere.pk}").status_code == 404


@pytest.mark.parametrize("query", ["?to=everyone", "?to=", "?to=failed%00"])
def test_what_is_no_selection_is_not_found(stand, query):
    parent = settle(stand.send())
    assert signed_in("bo", superuser=True).get(f"/admin/sending/follow/{parent.pk}/{query}").status_code == 404


def test_a_rehearsal_of_a_following_send_is_for_its_people(stand):
    parent, bo = settle(stand.send()), signed_in("bo", superuser=True)
    form = {"issues": [stand.issues["en"].pk], "at": "", "zone": "UTC"}
    bo.post(f"/admin/rehearsals/following/{parent.pk}/?to=held", form)
    row = Rehearsal.objects.get()
    play(row.pk, stopping=lambda: False)
    row.refresh_from_db()
    assert (row.follows, row.people, row.state) == ("held", 1, "done")
    assert sending.reach_of_following(parent, HELD).reached == 1


def test_a_person_s_page_tells_the_relay_s_words_and_what_came_back(stand):
    settle(stand.send())
    bo = signed_in("bo", superuser=True)

    def page(name: str) -> str:
        person = Subscriber.objects.get(email=f"{name}@example.com")
        return bo.get(f"/admin/subscribers/{person.pk}/").content.decode()

    assert "552 5.2.2 Full" in page("full")
    assert "came back: the mailbox is full" in page("back")
    assert "came back" not in page("got")
