"""A number of complaints is told with of whom one would be known, on every page and in every document."""

import datetime as dt

import pytest
from django.conf import settings as configured
from django.utils import timezone
from newsroom import signed_in
from returned import comes_back
from scene import Scene, accepted, refused

from pipeline import transitions
from pipeline.commands.status import document
from pipeline.keys import keyring
from pipeline.models import Delivery, Ruling
from pipeline.queries import complaints_in, destinations_covered, feedback_counts

pytestmark = pytest.mark.django_db
COMPLAINT = (
    b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n"
    b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\nVersion: 1\n--b--\n"
)
READERS = ("a@yahoo.com", "b@aol.com", "c@gmail.com", "d@small.example", "e@yahoo.com", "f@naver.com")


@pytest.fixture
def scene(db) -> Scene:
    """Five have it; the sixth, at Yahoo, was refused."""
    keyring()
    made = Scene(addresses=READERS)
    answers = [refused(one, "policy", "554 no") if one.email == "e@yahoo.com" else accepted(one) for one in made.fly(6)]
    transitions.record(made.send.pk, answers)
    return made


def complains(scene: Scene, email: str) -> None:
    comes_back(COMPLAINT, Delivery.objects.get(send_id=scene.send.pk, email=email))


def coverage(scene: Scene) -> tuple[int, int, int]:
    found = complaints_in(feedback_counts(scene.send.pk))
    return found.known, found.covered, found.reached


def test_nobody_signed_up_so_nothing_could_be_known(scene):
    assert coverage(scene) == (0, 0, 5)
    for path in (f"sends/{scene.send.pk}/", f"returns/send/{scene.send.pk}/"):
        html = signed_in(path.replace("/", ""), superuser=True).get(f"/admin/{path}").content.decode()
        assert "nobody knows how many complained" in html
        assert "Complaints that are known: 0." in html


def test_the_operators_word_counts_for_all_domains_of_the_provider(scene, settings):
    settings.COMPLAINT_LOOPS = ("yahoo",)
    assert coverage(scene) == (0, 2, 5)
    html = signed_in("bo", superuser=True).get(f"/admin/sends/{scene.send.pk}/").content.decode()
    assert "from 2 of the 5 readers who have it (40.0 %)" in html


def test_a_complaint_shows_that_the_next_one_would_come(scene):
    complains(scene, "a@yahoo.com")
    assert destinations_covered() == {"yahoo"}
    assert coverage(scene) == (1, 2, 5)
    complains(scene, "d@small.example")
    assert coverage(scene) == (2, 3, 5)
    Ruling.objects.update(made_at=timezone.now() - dt.timedelta(days=400))
    assert coverage(scene) == (2, 0, 5)


def test_one_of_a_provider_that_tells_nobody_says_nothing_of_the_others_there(scene):
    complains(scene, "c@gmail.com")
    assert coverage(scene) == (1, 0, 5)


def test_programs_get_the_number_with_the_coverage(scene, settings):
    settings.COMPLAINT_LOOPS = ("yahoo",)
    told = document(scene.send.pk)["feedback"]
    assert told["complained"] == 0
    assert told["complaint_coverage"] == {"people": 2, "of": 5, "share": 0.4}


def test_the_page_of_loops_says_what_is_known_of_each(scene, settings):
    settings.COMPLAINT_LOOPS = ("microsoft",)
    complains(scene, "d@small.example")
    html = signed_in("ada", group="Editors").get("/admin/returns/complaints/").content.decode()
    told = {part.split("</strong>")[0]: part.split("</li>")[0] for part in html.split("<strong>")[1:]}
    assert "we would hear" in told["Microsoft (Outlook.com, Hotmail)"]
    assert "not signed up" in told["Yahoo, AOL"]
    assert "tells of no single complaint" in told["Gmail"]
    assert "the last one came on" in told["<bdi>small.example</bdi>"]


def test_before_anybody_has_it_nothing_is_said_of_complaints(db):
    scene = Scene(2)
    html = signed_in("bo", superuser=True).get(f"/admin/sends/{scene.send.pk}/").content.decode()
    assert "Complaints that are known" not in html


def test_nobody_is_taken_for_signed_up_by_default():
    assert configured.COMPLAINT_LOOPS == ()
