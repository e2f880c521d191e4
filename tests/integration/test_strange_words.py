"""What strangers write is shown by commands as words: it neither breaks them nor steers the terminal."""

import pytest
from returned import a_bounce, comes_back, handed_over
from scene import Scene

from pipeline import transitions
from pipeline.models import Delivery, Storm
from pipeline.transitions.storms import look_for_storms

pytestmark = pytest.mark.django_db
WORDS = "550 5.1.1 [/x] [mx1.example] \x1b[31m\x1b]0;evil\x07 User unknown :smile:"
SHOWN = "550 5.1.1 [/x] [mx1.example]"


def test_the_status_of_a_send_that_such_a_reply_has_paused(pressrun):
    scene = Scene(1)
    transitions.pause_if_sending(scene.send.pk, actor="brakes", why=f"The last answer: {WORDS}", code="our-fault")
    said, _ = pressrun("status", str(scene.send.pk))
    assert SHOWN in said
    assert ":smile:" in said
    assert "\x1b" not in said
    assert "\x07" not in said


def test_the_story_of_a_person_with_such_a_reply(pressrun):
    [delivery] = handed_over(Scene(1))
    Delivery.objects.filter(id=delivery.id).update(reply=WORDS)
    said, _ = pressrun("who", delivery.email)
    assert "[/x]" in said
    assert "\x1b" not in said


def test_what_is_said_in_a_storm(pressrun):
    for delivery in handed_over(Scene(60), 60)[:20]:
        comes_back(a_bounce(WORDS, "5.1.1"), delivery)
    look_for_storms()
    assert Storm.objects.get().state == "frozen"
    said, _ = pressrun("storm", "list")
    assert SHOWN in said
    assert "\x1b" not in said
