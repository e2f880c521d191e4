"""A storm of dead addresses as people meet it: an alert, a banner with two buttons, a command."""

import json

import pytest
from letterbox import tell_all
from newsroom import signed_in
from test_storms import BIG, UNKNOWN, Post, held

from pipeline.alerts.words import words_of
from pipeline.models import Alert, AuditEvent, Storm
from pipeline.queries.storms import open_storms
from pipeline.transitions.storms import look_for_storms

pytestmark = pytest.mark.django_db
RIGHTS = ("wagtailadmin.access_admin", "pipeline.view_send")
DECIDES = (*RIGHTS, "pipeline.start_send", "subscribers.add_suppression")
ASKED = "It was a fault of that provider"


@pytest.fixture
def post() -> Post:
    found = Post(big=100)
    found.taken(BIG, dead=20, alive=40)
    assert look_for_storms()
    return found


def page(client, post: Post) -> str:
    return client.get(f"/admin/sends/{post.send.pk}/").content.decode()


def decide(client, post: Post, act: str, destination: str = BIG):
    given = {"act": act, "destination": destination, "why": "they say so"}
    return client.post(f"/admin/sends/{post.send.pk}/storm/", given)


def test_the_page_of_the_send_and_the_start_page_say_what_happened_and_ask(post):
    client = signed_in("ada", *DECIDES)
    shown = page(client, post)
    for said in (f"Many dead addresses at {BIG}", "Of 60 addresses", "20 are said to be dead", UNKNOWN, ASKED):
        assert said in shown
    assert f"20 of 60 addresses at {BIG}" in client.get("/admin/").content.decode()


@pytest.mark.parametrize(("act", "state", "suppressed"), [("apply", "applied", 20), ("discard", "discarded", 0)])
def test_one_click_decides_and_a_second_one_changes_nothing(post, act, state, suppressed):
    client = signed_in("ada", *DECIDES)
    for _ in range(2):
        assert decide(client, post, act).status_code == 302
    assert (Storm.objects.get(destination=BIG).state, len(held())) == (state, suppressed)
    event = AuditEvent.objects.get(action=f"send.storm-{state}")
    assert (event.actor, event.detail["why"], event.detail["addresses"]) == ("ada", "they say so", 20)
    assert ASKED not in page(client, post)


def test_who_has_not_the_right_sees_it_and_decides_nothing(post):
    for name, rights in (("cy", RIGHTS), ("di", (*RIGHTS, "pipeline.start_send"))):
        client = signed_in(name, *rights)
        shown = page(client, post)
        assert "20 are said to be dead" in shown
        assert ASKED not in shown
        assert decide(client, post, "apply").status_code in {302, 403}
    assert Storm.objects.get(destination=BIG).state == "frozen"


def test_nonsense_changes_nothing(post):
    client = signed_in("ada", *DECIDES)
    decide(client, post, "apply", "nowhere.example")
    decide(client, post, "nothing")
    assert client.get(f"/admin/sends/{post.send.pk}/storm/").status_code == 405
    assert (Storm.objects.get(destination=BIG).state, held()) == ("frozen", set())


def test_people_are_told_once(post):
    for _ in range(2):
        tell_all()
    alert = Alert.objects.get(kind="storm")
    assert alert.send_id == post.send.pk
    words = words_of("storm", alert.facts, "en")
    assert f"Of 60 addresses at {BIG} that send {post.send.pk} has tried, 20 are said to be dead" in words.happened
    assert UNKNOWN in words.happened
    assert BIG in words_of("storm", alert.facts, "ko").subject


def test_the_command_lists_and_decides(post, pressrun):
    [listed] = json.loads(pressrun("storm", "list", "--json")[0])["storms"]
    assert (listed["send"], listed["destination"], listed["tried"], listed["dead"]) == (post.send.pk, BIG, 60, 20)
    assert (listed["frozen"], listed["words"]) == (20, [UNKNOWN])
    assert "20 of 60 are said to be dead" in pressrun("storm", "list")[0]
    pressrun("storm", "apply", str(post.send.pk), BIG, status=2)  # without a reason
    said = pressrun("storm", "discard", str(post.send.pk), BIG, "--why", "an outage")[0]
    assert said == f"20 addresses at {BIG} stay, and send {post.send.pk} goes on there.\n"
    pressrun("storm", "apply", str(post.send.pk), BIG, "--why", "no", status=1)
    assert (open_storms(), held()) == ([], set())
    assert pressrun("storm", "list")[0] == "Nothing waits for a decision.\n"
