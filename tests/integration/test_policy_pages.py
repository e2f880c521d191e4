"""The page of policies, and the button that takes a send's rulings back."""

import pytest
from django.utils import timezone
from newsroom import Newsroom, signed_in
from returned import handed_over
from scene import Scene

from pipeline import transitions
from pipeline.models import AuditEvent, Policy, Ruling
from pipeline.replies import DEFAULTS, Action, Reason, classify
from pipeline.replies import Policy as Wanted
from pipeline.transitions.policies import PolicyError, change_policy

pytestmark = pytest.mark.django_db
FULL = "/admin/rulings/policy/mailbox-full/"


@pytest.fixture
def bo():
    Newsroom()
    return signed_in("bo", superuser=True)


def shown(client, path="/admin/rulings/"):
    response = client.get(path, follow=True)
    return " ".join(response.content.decode().split())


def test_the_table_says_what_each_reason_does(bo):
    html = shown(bo)
    assert "When it is said for good, the address gets nothing more, of any newsletter." in html
    assert "after 5 issues in a row, over at least 30 days, the address gets nothing more" in html
    assert html.count("/admin/rulings/policy/") == 6, "only these can be changed"


def test_an_admin_changes_a_policy_and_it_is_on_record(bo):
    response = bo.post(FULL, {"action": "count", "issues": 8, "days": 90}, follow=True)
    html = " ".join(response.content.decode().split())
    assert "It holds from the next report on." in html
    row = Policy.objects.get(reason="mailbox-full")
    assert (row.action, row.issues, row.days) == ("count", 8, 90)
    event = AuditEvent.objects.get(action="policy.changed")
    assert (event.actor, event.subject) == ("bo", "policy:mailbox-full")
    assert event.detail == {
        "before": {"action": "count", "issues": 5, "days": 30},
        "after": {"action": "count", "issues": 8, "days": 90},
    }
    assert "bo: the mailbox is full" in html
    assert "after 5 issues in a row, over at least 30 days" in html
    assert "after 8 issues in a row, over at least 90 days" in html


def test_the_same_again_is_no_change(bo):
    bo.post(FULL, {"action": "count", "issues": 5, "days": 30})
    assert not AuditEvent.objects.filter(action="policy.changed").exists()


@pytest.mark.parametrize(
    ("reason", "given", "words"),
    [
        ("mailbox-full", {"action": "count", "issues": 1, "days": 30}, "Count 2 to 100 issues, over 7 to 365 days."),
        ("mailbox-full", {"action": "count", "issues": 5}, "Count 2 to 100 issues, over 7 to 365 days."),
        ("mailbox-full", {"action": "suppress"}, "Select a valid choice"),
        ("no-such-domain", {"action": "recheck", "days": 0}, "Ask DNS again for 1 to 14 days."),
        ("reputation", {"action": "suppress"}, "It never suppresses an address."),
        ("unknown", {"action": "count", "issues": 5, "days": 60}, "It never suppresses an address."),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_sentence(bo, reason, given, words):
    response = bo.post(f"/admin/rulings/policy/{reason}/", given)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert not AuditEvent.objects.filter(action="policy.changed").exists()
    row = Policy.objects.get(reason=reason)
    assert Wanted(Action(row.action), row.issues, row.days) == DEFAULTS[Reason(reason)]


def test_what_blames_no_reader_is_kept_by_the_transition_and_by_the_database():
    with pytest.raises(PolicyError, match="never suppresses"):
        change_policy(Reason.UNKNOWN, Wanted(Action.COUNT, 5, 60), actor="bo")
    with pytest.raises(Exception, match="policy_blames_no_reader"):
        Policy.objects.filter(reason="policy").update(action="suppress")


def test_only_who_has_the_right_sees_and_changes(bo):
    editor = signed_in("ada", group="Editors")
    for response in (editor.get("/admin/rulings/"), editor.get(FULL), editor.post(FULL, {"action": "ignore"})):
        assert response.status_code in {302, 403}
    assert Policy.objects.get(reason="mailbox-full").action == "count"
    granted = signed_in("cy", "pipeline.change_policy", group="Editors")
    assert granted.post(FULL, {"action": "ignore"}).status_code == 302
    assert Policy.objects.get(reason="mailbox-full").action == "ignore"


# -- taking a send's rulings back


@pytest.fixture
def dead():
    [delivery] = handed_over(Scene(1))
    words = "550 5.1.1 User unknown"
    transitions.rule_on(delivery.send_id, delivery.id, classify(words), words=words, source="mail", at=timezone.now())
    return delivery


def test_the_page_of_a_send_takes_back_what_returned_mail_did(dead):
    bo = signed_in("bo", superuser=True)
    page, act = f"/admin/sends/{dead.send_id}/", f"/admin/rulings/send/{dead.send_id}/undo/"
    assert act in shown(bo, page)
    assert "example.com (1)" in shown(bo, page)
    response = bo.post(act, {"why": "the server had a bad day", "destination": ""}, follow=True)
    assert "Decisions about addresses taken back: 1." in response.content.decode()
    ruling = Ruling.objects.get()
    assert (ruling.state, ruling.by, ruling.why) == ("undone", "bo", "the server had a bad day")
    html = shown(bo, page)
    assert act not in html, "nothing is left to take back"
    assert "bo: took back what returned mail did to addresses – the server had a bad day" in html


def test_no_reason_no_undo(dead):
    bo = signed_in("bo", superuser=True)
    response = bo.post(f"/admin/rulings/send/{dead.send_id}/undo/", {"why": "  "}, follow=True)
    assert "Nothing was changed." in response.content.decode()
    assert Ruling.objects.get().state == "applied"


def test_who_may_not_lift_may_not_undo(dead):
    ada = signed_in("ada", "pipeline.view_send", group="Editors")
    act = f"/admin/rulings/send/{dead.send_id}/undo/"
    assert act not in shown(ada, f"/admin/sends/{dead.send_id}/")
    assert ada.post(act, {"why": "x"}).status_code in {302, 403}
    assert bool(ada.get(act).status_code in {302, 403, 405})
    assert Ruling.objects.get().state == "applied"


def test_lifting_on_the_page_of_a_suppression_takes_the_ruling_back(dead):
    bo = signed_in("bo", superuser=True)
    ruling = Ruling.objects.get()
    response = bo.post(f"/admin/suppressions/{ruling.suppression_id}/lift/", {"why": "wrote to us"}, follow=True)
    assert "The suppression is lifted." in response.content.decode()
    ruling.refresh_from_db()
    assert (ruling.state, ruling.by, ruling.why) == ("undone", "bo", "wrote to us")
