"""A send whose links are led, for tests of the redirect: clicks are written when a test says so."""

from newsroom import a_list, a_newsletter, a_reader, a_send, an_issue, delivery_of

from pipeline import transitions
from pipeline.keys import keyring
from pipeline.models import Delivery, Send, TrackedLink
from pipeline.public import click
from pipeline.public.tally import Tally
from pipeline.tokens import Purpose
from pipeline.transitions import Claimed

BRIDGE = "https://example.org/bridge"
"""The one link of the newsroom's issue."""


class LinkScene:
    """A newsletter whose links are led, one reader, and a send that has started."""

    def __init__(self, links: str = "personal") -> None:
        self.newsletter = a_newsletter(links=links)
        self.list = a_list(self.newsletter)
        self.kim = a_reader("kim@example.com", self.list)
        self.issue = an_issue(self.newsletter)
        self.send = a_send(self.issue, self.list)
        self.link = TrackedLink.objects.get()
        self.token = keyring().sign(Purpose.CLICK, self.send.pk, self.delivery().id)
        self.url = f"/c/{self.link.key}/{self.token}"

    def delivery(self) -> Delivery:
        return delivery_of(self.send, self.kim)

    def clicks(self) -> int:
        click.CLICKS.flush()
        self.link.refresh_from_db()
        return self.link.clicks


def by_hand(monkeypatch) -> Tally:
    """A tally that writes when a test says so; and no test knows another's targets."""
    tally = Tally(click.write, seconds=3_600)
    monkeypatch.setattr(click, "CLICKS", tally)
    monkeypatch.setattr(click, "_TARGETS", {})
    return tally


def claim_one(send: Send) -> Claimed:
    grant = transitions.open_lease(send.pk, owner="here:1:2", host="here:1:", wanted=1, at_most=9, siblings=9)
    assert grant
    [claimed] = transitions.claim(send.pk, lease_id=grant.lease_id, most=1)
    return claimed
