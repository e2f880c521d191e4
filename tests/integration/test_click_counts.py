"""Links after sending: what is counted, exactly, and what a repair changes."""

import os
import threading
from collections.abc import Iterator

import pytest
from clicking import BRIDGE, LinkScene, by_hand
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from newsroom import a_send
from scene import Threads

from pipeline import transitions
from pipeline.content.types import ContentError
from pipeline.models import AuditEvent, TrackedLink
from pipeline.public import click
from pipeline.public.tally import Tally

pytestmark = pytest.mark.django_db
REAL = click.CLICKS


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tally = by_hand(monkeypatch)
    yield
    tally.flush()


@pytest.fixture
def scene() -> LinkScene:
    return LinkScene()


@pytest.fixture
def stranger() -> Client:
    return Client(enforce_csrf_checks=True)


# Repair


def test_a_repair_takes_effect_within_seconds_and_is_in_the_trail(scene, stranger, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(click.time, "monotonic", lambda: now[0])
    assert stranger.get(scene.url)["Location"] == BRIDGE
    transitions.repair_link(scene.link.pk, was=BRIDGE, target="https://예.example/new", actor="bo", why="a typo")
    assert stranger.get(scene.url)["Location"] == BRIDGE
    now[0] += 10
    assert stranger.get(scene.url)["Location"] == "https://xn--2j5b.example/new"
    event = AuditEvent.objects.get(action="link.repaired")
    assert (event.actor, event.subject) == ("bo", f"link:{scene.link.pk}")
    assert event.detail == {"old": BRIDGE, "new": "https://xn--2j5b.example/new", "why": "a typo"}


def test_a_new_proof_of_the_issue_keeps_the_repair_and_the_clicks(scene, stranger):
    stranger.get(scene.url)
    assert scene.clicks() == 1
    transitions.repair_link(scene.link.pk, was=BRIDGE, target="https://a.example/", actor="bo", why="a typo")
    a_send(scene.issue, scene.list)
    link = TrackedLink.objects.get()
    assert (link.target, link.clicks, link.url) == ("https://a.example/", 1, BRIDGE)


def test_a_repair_that_is_late_or_hostile_changes_nothing(scene):
    with pytest.raises(transitions.LinkChangedError, match="Somebody else"):
        transitions.repair_link(
            scene.link.pk, was="https://other.example/", target="https://b.example/", actor="bo", why=""
        )
    for target in ("javascript:alert(1)", "//evil.example", f"https://city.example/c/{scene.link.key}"):
        with pytest.raises(ContentError):
            transitions.repair_link(scene.link.pk, was=BRIDGE, target=target, actor="bo", why="")
    scene.link.refresh_from_db()
    assert scene.link.target == BRIDGE
    assert not AuditEvent.objects.filter(action="link.repaired").exists()


# Together


@pytest.mark.django_db(transaction=True)
def test_counts_are_exact_however_many_processes_write_at_once(monkeypatch):
    scene = LinkScene("counted")
    links = [scene.link.pk, *(a_copy(scene.link, n).pk for n in range(7))]
    tallies = [Tally(click.write, seconds=3_600, most=3) for _ in range(4)]

    def hammer(number: int):
        def run() -> None:
            for n in range(60):
                order = links if number % 2 else links[::-1]
                tallies[number % 4].add(click.Click(order[n % 8], timezone.now()))

        return run

    Threads(*map(hammer, range(8))).finish()
    for tally in tallies:
        tally.flush()
    assert sum(TrackedLink.objects.values_list("clicks", flat=True)) == 8 * 60


def a_copy(link: TrackedLink, number: int) -> TrackedLink:
    return TrackedLink.objects.create(
        key=f"{number:a>16}", issue=link.issue, position=number, url=link.url, target=link.target
    )


@pytest.mark.django_db(transaction=True)
def test_what_is_waiting_is_written_by_itself():
    scene = LinkScene("counted")
    written = threading.Event()

    def write(clicks) -> None:
        click.write(clicks)
        written.set()

    Tally(write, seconds=0.01).add(click.Click(scene.link.pk, timezone.now()))
    assert written.wait(30)
    scene.link.refresh_from_db()
    assert scene.link.clicks == 1


def test_counts_that_cannot_be_written_are_lost_and_told_and_nothing_else(scene, caplog):
    def away(_clicks) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")

    tally = Tally(away, seconds=3_600, most=2)
    with transaction.atomic():
        tally.add(click.Click(scene.link.pk, timezone.now()))
        tally.add(click.Click(scene.link.pk, timezone.now()))
        transaction.set_rollback(True)
    assert "2 clicks could not be counted" in caplog.text


def test_a_forked_child_writes_nothing_of_its_parents():
    REAL._waiting.append(click.Click(1, timezone.now()))
    try:
        child = os.fork()
        if child == 0:
            os._exit(len(REAL._waiting))
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert len(REAL._waiting) == 1
    finally:
        REAL.forget()
