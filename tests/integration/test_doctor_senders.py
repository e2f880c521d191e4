"""What `pressrun doctor` says of the domains that newsletters come from."""

import datetime as dt

import pytest
from django.conf import settings
from newsroom import a_newsletter
from zone import SILENT, Zone

from pipeline import readiness, rotation
from pipeline.commands.doctor.senders import examine_senders
from pipeline.delivery.signing import forget_signers
from pipeline.models import DkimKey, Route, Secret, Transport

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 22)
HOST = "news.city.org"


@pytest.fixture(autouse=True)
def bounces(monkeypatch):
    monkeypatch.setattr(settings, "BOUNCE_DOMAIN", "b.city.org")


def verdicts(zone: Zone) -> dict[str, str]:
    return {found.name: found.verdict.value for found in examine_senders(zone)}


def the_zone() -> Zone:
    return Zone(
        {
            "TXT b.city.org": "v=spf1 ip4:192.0.2.10 -all",
            "TXT _dmarc.city.org": "v=DMARC1; p=none; rua=mailto:d@city.org",
            "MX b.city.org": "10 mx.city.org",
            "A mx.city.org": "192.0.2.20",
            "PTR 10.2.0.192.in-addr.arpa": "out.city.org",
            "A out.city.org": "192.0.2.10",
        }
    )


def a_relay(**fields: object) -> Transport:
    return Transport.objects.create(url="smtp://127.0.0.1:1", **fields)


def test_each_domain_is_looked_at_once_with_its_own_relays():
    first, second = a_newsletter(sender_address=f"desk@{HOST}"), a_newsletter(slug="b", sender_address=f"b@{HOST}")
    for newsletter, address in ((first, "192.0.2.10"), (second, "192.0.2.11")):
        Route.objects.create(newsletter=newsletter, transport=a_relay(name=address, egress_ips=[address]))
    names = [found.name for found in examine_senders(the_zone())]
    assert names.count(f"{HOST}: SPF") == 1
    found = verdicts(the_zone())
    assert (found[f"{HOST}: SPF"], found[f"{HOST}: SPF of the relay"]) == ("ok", "bad")


def test_keys_that_sign_and_keys_that_wait():
    a_newsletter(sender_address=f"desk@{HOST}")
    a_relay(name="default", egress_ips=["192.0.2.10"])
    zone = the_zone()
    assert verdicts(zone)[f"{HOST}: DKIM"] == "unknown"
    [row] = rotation.new_keys("city.org", ed25519=False, selector="s1", today=TODAY, actor="ada")
    assert verdicts(zone)[f"{HOST}: next DKIM key"] == "warn"
    rotation.start_keys("city.org", zone, unseen=True, actor="ada")
    found = verdicts(zone)
    assert (found[f"{HOST}: DKIM"], found[f"{HOST}: Naver"]) == ("bad", "bad")
    zone.records["TXT s1._domainkey.city.org"] = rotation.key_of(row).record()
    found = verdicts(zone)
    assert (found[f"{HOST}: DKIM"], found[f"{HOST}: DKIM alignment"], found[f"{HOST}: Naver"]) == ("ok", "ok", "ok")
    # TLS from the relay onwards is not seen from here, and unknown is never good
    assert found[f"{HOST}: Gmail"] == "unknown"


def test_a_key_that_cannot_be_used_is_told_and_the_rest_goes_on():
    a_newsletter(sender_address=f"desk@{HOST}")
    rotation.new_keys("city.org", ed25519=False, selector="s1", today=TODAY, actor="ada")
    rotation.start_keys("city.org", the_zone(), unseen=True, actor="ada")
    DkimKey.objects.update(private_pem=Secret("broken"))
    forget_signers()
    found = [each for each in examine_senders(the_zone()) if each.name == f"{HOST}: DKIM"]
    assert [each.verdict.value for each in found] == ["bad"]
    assert "broken" not in str(found)


def test_a_domain_that_is_not_public_is_unknown():
    a_newsletter()
    assert verdicts(Zone({}))["city.example: DNS"] == "unknown"


def test_a_bounce_domain_that_cannot_be_looked_up_is_unknown_and_not_wrong(monkeypatch):
    a_newsletter(sender_address=f"desk@{HOST}")
    Transport.objects.create(name="default", url="smtp://relay.city.org")
    monkeypatch.setattr(settings, "BASE_URL", "https://news.city.org")
    monkeypatch.setattr(settings, "PICTURES_URL", "https://news.city.org/media")
    silent = Zone({"MX b.city.org": SILENT})
    monkeypatch.setattr(readiness.lookup, "ask", silent)
    assert verdicts(silent)["newsletter city"] == "unknown"
    monkeypatch.setattr(readiness.lookup, "ask", Zone({}))
    assert verdicts(silent)["newsletter city"] == "bad"
    monkeypatch.setattr(readiness.lookup, "ask", the_zone())
    assert "newsletter city" not in verdicts(the_zone())
