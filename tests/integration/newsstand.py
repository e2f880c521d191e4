"""A newsletter in several languages, for tests of who gets which edition."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from django.db import transaction
from django.utils import timezone
from newsroom import DOCUMENT, a_list, a_newsletter, an_issue

from pipeline import transitions
from pipeline.models import Delivery, Issue, Newsletter, Send, Transport
from pipeline.sending import Plan, create_send
from subscribers.models import Subscriber, Subscription

HOUR = dt.timedelta(hours=1)


class Stand:
    """A newsletter with a list and a list to leave out; its issues by language."""

    def __init__(self, *languages: str, **choices: object) -> None:
        self.newsletter = a_newsletter(**choices)
        self.list, self.apart = a_list(self.newsletter), a_list(self.newsletter, "apart")
        Transport.objects.create(name="default", url="smtp://127.0.0.1:1")
        self.issues = {each: self.issue(each) for each in languages}

    def issue(self, language: str, number: int = 20) -> Issue:
        return an_issue(self.newsletter, replace(DOCUMENT, language=language, number=number))

    def choose(self, **choices: object) -> None:
        """Edit the newsletter; who looks at an issue next sees it."""
        Newsletter.objects.update(**choices)
        for each in (self.newsletter, *self.issues.values()):
            each.refresh_from_db()

    def person(self, name: str, language: str = "", *, state: str = "subscribed", apart: bool = False) -> Subscriber:
        key = f"{name}@example.com"
        made = Subscriber.objects.create(email=key, address_key=key, domain="example.com", language=language)
        self.put(made, state)
        if apart:
            Subscription.objects.create(subscriber=made, list=self.apart, state="subscribed", changed_by="t")
        return made

    def put(self, person: Subscriber, state: str) -> None:
        Subscription.objects.update_or_create(
            subscriber=person, list=self.list, defaults={"state": state, "changed_by": "t"}
        )

    def plan(self, **given: object) -> Plan:
        return Plan(**({"lists": ["readers"], "excluded": ["apart"], "due_at": timezone.now(), "approved_by": "ada"}
                       | given))  # fmt: skip

    def following(self, parent: Send) -> Plan:
        return self.plan(lists=(), excluded=(), parent=parent)

    def send(self, issues: Sequence[Issue] = (), *, plan: Plan | None = None) -> Send:
        return start(create_send(list(issues) or list(self.issues.values()), plan or self.plan()))


def start(send: Send) -> Send:
    assert transitions.start_send(send.pk)
    send.refresh_from_db()
    return send


def fates(send: Send) -> dict[str, str]:
    """Local part of the address → the language they get, or why they get nothing, of everyone in the books."""
    languages = dict(send.sendproof_set.values_list("proof_id", "language"))
    found = Delivery.objects.filter(send_id=send.pk).values_list("email", "state", "reason", "proof_hash")
    assert len(found) == send.audience
    return {
        email.partition("@")[0]: languages[proof] if state == "pending" else reason
        for email, state, reason, proof in found
    }


@contextmanager
def undone() -> Iterator[None]:
    """For an example among many: what it writes is gone at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
