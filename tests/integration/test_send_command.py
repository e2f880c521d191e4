"""`pressrun send` with several editions: whom it would reach, and the late edition for those it left out."""

import json
from dataclasses import replace

import pytest
from newsroom import DOCUMENT
from newsstand import Stand, fates, start

from pipeline.content import issuefile
from pipeline.content.issuefile import IssueFile
from pipeline.models import Issue, Send, Transport

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand(tmp_path) -> Stand:
    stand = Stand(fallback_languages=["de"])
    for name, language in {"a": "en", "b": "ko", "c": "fr", "d": ""}.items():
        stand.person(name, language)
    for language in ("en", "ko"):
        document = replace(DOCUMENT, language=language)
        (tmp_path / f"{language}.md").write_text(issuefile.write(IssueFile(document, None)), encoding="utf-8")
    return stand


def test_a_dry_run_counts_and_leaves_nothing_behind(stand, pressrun):
    told = json.loads(pressrun("send", "ko.md", "--list", "readers", "--dry-run", "--json")[0])
    assert told.pop("plan")["finishes"] is None  # the relay has no limits
    assert told == {
        "editions": [{"language": "ko", "asked": 1, "fallback": 0, "unknown": 1}],
        "left_out": {"no-edition": 2},
        "missing": {"en": 1, "fr": 1},
        "reached": 2,
        "audience": 4,
    }
    shown = pressrun("send", "en.md", "ko.md", "--list", "readers", "--dry-run")[0]
    assert "their language is not known" in shown
    assert "no edition in the person's language: French (fr)" in shown
    assert (Send.objects.count(), Issue.objects.count()) == (0, 0)


def test_a_late_edition_goes_to_those_left_out(stand, pressrun):
    first = json.loads(pressrun("send", "ko.md", "--list", "readers", "--allow-unsafe", "--json")[0])["send"]
    refused = pressrun("send", "en.md", "--follow", str(first), "--allow-unsafe", status=1)[1]
    assert f"Send {first} has not started" in refused
    start(Send.objects.get(pk=first))
    told = json.loads(pressrun("send", "en.md", "--follow", str(first), "--dry-run", "--json")[0])
    assert (told["reached"], told["missing"]) == (1, {"fr": 1})
    second = json.loads(pressrun("send", "en.md", "--follow", str(first), "--allow-unsafe", "--json")[0])["send"]
    assert fates(start(Send.objects.get(pk=second))) == {"a": "en", "c": "no-edition"}
    again = pressrun("send", "en.md", "--follow", str(first), "--allow-unsafe", status=1)[1]
    assert "reach nobody" in again
    assert Send.objects.count() == 2


def test_a_relay_that_keeps_bounces_to_itself_is_told_of_before_it_goes_out(stand, pressrun):
    Transport.objects.update(url="smtp://smtp.mailgun.org:587", keeps_return_path=False)
    told = pressrun("send", "ko.md", "--list", "readers", "--allow-unsafe", "--json")
    assert json.loads(told[0])["state"] == "scheduled"
    assert "Let the webhook of Mailgun tell Pressrun of them." in told[1]


@pytest.mark.parametrize("words", [[], ["--list", "readers", "--follow", "1"], ["--follow", "one"]])
def test_a_send_is_for_lists_or_follows_another(stand, pressrun, words):
    pressrun("send", "ko.md", *words, status=2)


def test_what_it_follows_must_be_there(stand, pressrun):
    assert "There is no send 4711" in pressrun("send", "ko.md", "--follow", "4711", status=1)[1]
    assert Issue.objects.count() == 0


def sent(pressrun, *words: str, status: int = 0) -> tuple[dict[str, object], Send]:
    told = json.loads(
        pressrun("send", "en.md", "--list", "readers", "--allow-unsafe", "--json", *words, status=status)[0]
    )
    return told, Send.objects.get(pk=told["send"])


@pytest.mark.parametrize(
    ("at", "due", "wall"),
    [
        ("2030-03-31T02:30", "2030-03-31T01:00", "03:00"),  # the clocks skip it
        ("2030-10-27T02:30", "2030-10-27T00:30", "02:30"),  # and show this one twice
        ("2030-07-01T09:00+09:00", "2030-07-01T00:00", "02:00"),
    ],
)
def test_the_time_is_by_the_clocks_of_the_zone_unless_it_says_its_own(stand, pressrun, at, due, wall):
    told, send = sent(pressrun, "--at", at, "--zone", "Europe/Paris", "--window", "Mon-Fri 08:00-20:00")
    assert told["state"] == "scheduled"
    assert (f"{send.due_at:%Y-%m-%dT%H:%M}", f"{send.wall_time:%H:%M}", send.zone) == (due, wall, "Europe/Paris")
    assert (send.window, send.undo_until, send.first_wave, send.brakes) == ("mon-fri 08:00-20:00", None, False, True)


def test_what_is_past_due_by_more_than_two_hours_is_held_and_fails(stand, pressrun):
    told, send = sent(pressrun, "--at", "2020-01-01T09:00Z", "--no-brakes", status=1)
    assert (told["state"], send.state_code, send.brakes) == ("held", "late", False)


@pytest.mark.parametrize("words", [["--zone", "Mars/Olympus"], ["--window", "noon"]])
def test_a_zone_or_window_that_is_none_is_wrong_usage(stand, pressrun, words):
    assert "rite " in pressrun("send", "en.md", "--list", "readers", *words, status=2)[1]
    assert not Send.objects.exists()
