"""A mailbox over months: an issue each so many days, taken by the relay, and what comes back of it."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

from django.utils import timezone
from newsroom import DOCUMENT, a_send, an_issue
from returned import return_path
from scene import Scene, accepted

from pipeline import transitions
from pipeline.feedback.apply import take_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Feedback, Issue, Ruling, Send, Transport
from subscribers.models import Suppression

SAMPLES = Path(__file__).resolve().parents[1] / "corpus" / "feedback"
DAY = dt.timedelta(days=1)
SAMPLE_OF = {
    "no-such-mailbox": "dsn-unknown-user",
    "no-such-domain": "dsn-no-such-domain",
    "mailbox-disabled": "dsn-disabled",
    "mailbox-full": "dsn-mailbox-full",
    "recipient-filter": "dsn-refused-after-body",
    "temporary": "dsn-expired",
}


class Mailbox:
    """The first of a few readers, all of one domain. Days are counted from a year ago but a little."""

    def __init__(self, readers: int = 1) -> None:
        keyring()
        self.scene = Scene(readers)
        self.start = timezone.now() - 300 * DAY
        self.last = 1

    def at(self, day: float) -> dt.datetime:
        return self.start + day * DAY

    def handed_over(self, day: float, *, issue: int | None = None) -> list[Delivery]:
        """Everybody's delivery of an issue that went out on a day; without a number, of the next issue."""
        scene, self.last = self.scene, issue or self.last + 1
        made = Issue.objects.filter(number=self.last, newsletter=scene.newsletter).first()
        scene.send = a_send(made or an_issue(scene.newsletter, replace(DOCUMENT, number=self.last)), scene.list)
        scene.lease = scene.a_lease()
        transitions.record(scene.send.pk, [accepted(one) for one in scene.fly(len(scene.people))])
        Send.objects.filter(pk=scene.send.pk).update(started_at=self.at(day))
        Delivery.objects.filter(send_id=scene.send.pk, state="accepted").update(updated_at=self.at(day))
        return list(Delivery.objects.filter(send_id=scene.send.pk, state="accepted").order_by("id"))

    def comes_back(self, delivery: Delivery, reason: str, *, after: float = 0.1) -> Feedback:
        """The sample of a reason, or of this name, so many days after it left."""
        raw = (SAMPLES / f"{SAMPLE_OF.get(reason, reason)}.eml").read_bytes()
        raw = raw.replace(b"ada@reader.example", delivery.email.encode())
        now = delivery.updated_at + after * DAY
        return take_in(raw, source="smtp", envelope_to=return_path(delivery), envelope_from="", now=now)

    def fails(self, day: float, reason: str) -> Delivery:
        """An issue of which the copy of the first reader comes back."""
        first = self.handed_over(day)[0]
        self.comes_back(first, reason)
        return first


def states() -> list[str]:
    return list(Ruling.objects.order_by("pk").values_list("state", flat=True))


def is_suppressed() -> bool:
    return Suppression.objects.filter(lifts=None, lifted_by=None).exists()


def relay_knows(**known: bool) -> None:
    Transport.objects.update(**known)
