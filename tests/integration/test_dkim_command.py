"""`pressrun dkim`: what is printed for DNS, what waits for it, and what never is printed."""

import json
import re

import pytest
from django.utils import timezone

from pipeline import rotation
from pipeline.domains import lookup
from pipeline.domains.lookup import LookupFailedError
from pipeline.models import DkimKey, Marker

pytestmark = pytest.mark.django_db
DAY = f"{timezone.now():%Y%m%d}"


@pytest.fixture
def zone(monkeypatch):
    """DNS: what it has by name."""
    records: dict[str, str] = {}

    def ask(name: str, kind: str) -> tuple[str, ...]:
        assert kind == "TXT"
        if "dead" in records:
            raise LookupFailedError(f"TXT of {name} could not be looked up (Timeout)")
        return (records[name],) if name in records else ()

    monkeypatch.setattr(lookup, "ask", ask)
    return records


def document(said: tuple[str, ...]) -> dict:
    return json.loads(said[0])


def states() -> list[str]:
    return [key.state for key in DkimKey.objects.order_by("pk")]


def test_a_new_key_prints_the_record_and_signs_when_dns_has_it(pressrun, zone):
    said, _ = pressrun("dkim", "new", "City.Example")
    name, strings = re.search(r"(?m)^(\S+)\. IN TXT \(\n((?:  \"[^\"]*\"\n?)+) \)", said).groups()
    assert name == f"r{DAY}._domainkey.city.example"
    parts = re.findall('"([^"]*)"', strings)
    assert all(len(part) <= 255 for part in parts)
    assert len(parts) == 2
    assert states() == ["waiting"]

    said, _ = pressrun("dkim", "activate", "city.example", status=1)
    assert "does not sign yet" in said
    assert "has no record" in said
    zone[name] = "".join(parts)
    said, _ = pressrun("dkim", "activate", "city.example")
    assert "signs from now on" in said
    assert states() == ["active"]
    assert "No key waits" in pressrun("dkim", "activate", "city.example")[0]


@pytest.mark.parametrize(
    ("published", "why"),
    [
        ("v=DKIM1; k=rsa; p=AAAA", "another key"),
        ("v=DKIM1; k=rsa; p=", "revoked"),
        ("v=spf1 -all", "does not begin with v=DKIM1"),
        ("hello", "cannot be read"),
    ],
)
def test_a_wrong_record_starts_nothing(pressrun, zone, published, why):
    [made] = document(pressrun("dkim", "new", "city.example", "--json"))["keys"]
    zone[made["name"]] = published
    [key] = document(pressrun("dkim", "activate", "city.example", "--json", status=1))["keys"]
    assert (key["signs"], key["state"]) == (False, "waiting")
    assert why in key["dns"]


def test_a_dns_that_is_silent_starts_nothing_but_a_person_may(pressrun, zone):
    pressrun("dkim", "new", "city.example")
    zone["dead"] = "yes"
    said, _ = pressrun("dkim", "activate", "city.example", status=1)
    assert "Timeout" in said
    pressrun("dkim", "activate", "city.example", "--unseen")
    assert states() == ["active"]


def test_a_rotation_keeps_the_old_key_until_the_new_one_is_published(pressrun, zone):
    for key in document(pressrun("dkim", "new", "city.example", "--ed25519", "--json"))["keys"]:
        zone[key["name"]] = key["record"]
    pressrun("dkim", "activate", "city.example")
    made = document(pressrun("dkim", "rotate", "city.example", "--json"))["keys"]
    assert [key["algorithm"] for key in made] == ["rsa-sha256", "ed25519-sha256"]
    pressrun("dkim", "activate", "city.example", status=1)
    assert states() == ["active", "active", "waiting", "waiting"]
    zone.update({key["name"]: key["record"] for key in made})
    pressrun("dkim", "activate", "city.example")
    assert states() == ["retired", "retired", "active", "active"]
    assert "signs no more" in pressrun("dkim", "retire", "city.example", made[1]["selector"])[0]


def test_a_key_starts_by_itself_once_dns_has_it(pressrun, zone):
    assert not rotation.is_time_to_look()
    rsa, ed25519 = document(pressrun("dkim", "new", "city.example", "--ed25519", "--json"))["keys"]
    assert [rotation.is_time_to_look(), rotation.is_time_to_look()] == [True, False]
    zone[ed25519["name"]] = ed25519["record"]
    assert rotation.start_published(lookup.ask) == []
    zone[rsa["name"]] = rsa["record"]
    assert len(rotation.start_published(lookup.ask)) == 2
    assert states() == ["active", "active"]
    Marker.objects.update(at=timezone.now() - rotation.LOOK_EVERY)
    assert not rotation.is_time_to_look()
    pressrun("dkim", "rotate", "city.example")
    assert rotation.is_time_to_look()


def test_what_cannot_be_done_is_said_and_changes_nothing(pressrun, zone):
    refusals = [
        (("rotate", "city.example"), "not a sender domain here"),
        (("new", "city example"), "cannot be a DKIM domain"),
        (("new", "city.example", "--selector", "a b"), "cannot be a DKIM selector"),
    ]
    for words, why in refusals:
        assert why in pressrun("dkim", *words, status=1)[1]
        assert states() == []
    pressrun("dkim", "new", "city.example", "--selector", "s1")
    later = [
        (("new", "city.example"), "has keys already"),
        (("rotate", "city.example"), "still waits to be started"),
        (("retire", "city.example", "s2"), "has no key s2"),
    ]
    for words, why in later:
        assert why in pressrun("dkim", *words, status=1)[1]
        assert states() == ["waiting"]
    pressrun("dkim", "retire", "city.example", "s1")
    assert "has no key to rotate" in pressrun("dkim", "rotate", "city.example", status=1)[1]
    assert "Choose another --selector" in pressrun("dkim", "new", "city.example", "--selector", "s1", status=1)[1]


def test_nothing_private_is_ever_printed(pressrun, zone):
    said = [
        *pressrun("dkim", "new", "city.example"),
        *pressrun("dkim", "list", "--json"),
        *pressrun("dkim", "list", "city.example"),
        *pressrun("dkim", "activate", "city.example", "--unseen", "--json"),
        *pressrun("dkim", "body", "city.example", "relaxed"),
        *pressrun("dkim", "rotate", "city.example", "--json"),
    ]
    secrets = [line for key in DkimKey.objects.all() for line in key.private_pem.reveal().splitlines()]
    assert len(secrets) > 40
    assert not [line for line in secrets if line in "".join(said)]
