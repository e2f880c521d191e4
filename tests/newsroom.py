"""A small newsroom for tests of pages: a newsletter, its lists and readers, an issue, and a send of it."""

import datetime as dt

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from pipeline import transitions
from pipeline.content.types import Article, Button, IssueDocument, Paragraph, Picture, Section
from pipeline.documents import fill_in
from pipeline.keys import keyring
from pipeline.models import Delivery, Issue, Newsletter, Send, TrackedLink, Transport
from pipeline.sending import make_proof
from pipeline.staff.roles import ensure_roles
from pipeline.tokens import Purpose
from subscribers import transitions as people
from subscribers.addresses import parse_address
from subscribers.models import List, Subscriber

A_TARGET = "https://a.example/"
PASSWORD = "correct-horse-battery"
DOCUMENT = IssueDocument(
    newsletter="city",
    number=20,
    date=dt.date(2026, 11, 22),
    language="en",
    title="Issue No. 20",
    subject='News for {{ first_name | default("you") }}',
    preheader="What is new in the city",
    sections=(
        Section(
            "Policy",
            (
                Article(
                    "A bridge opens",
                    (
                        Paragraph('Dear {{ first_name | default("reader") }}, the bridge is <strong>open</strong>.'),
                        Picture("https://example.org/bridge.png", "The bridge at noon"),
                        Button("Look at it", "https://example.org/bridge"),
                    ),
                    "City Hall",
                    dt.date(2026, 11, 20),
                ),
            ),
        ),
    ),
)


def a_newsletter(**fields: object) -> Newsletter:
    given = {
        "slug": "city", "name": "City Letter", "sender_name": "City Desk", "sender_address": "desk@city.example",
        "postal_address": "1 Town Square, Sejong",
    }  # fmt: skip
    return Newsletter.objects.create(**(given | fields))


def a_list(newsletter: Newsletter, slug: str = "readers") -> List:
    made = List.objects.create(slug=slug, name=slug.capitalize(), opt_in=List.OptIn.SINGLE)
    newsletter.default_lists.add(made)
    return made


def a_reader(email: str, *lists: List, first_name: str = "", language: str = "") -> Subscriber:
    person = people.add_person(parse_address(email), first_name=first_name, language=language)
    for each in lists:
        people.subscribe(person, to=each, text="yes please", source="form", by="the person", at=timezone.now())
    return person


def an_issue(newsletter: Newsletter, document: IssueDocument = DOCUMENT) -> Issue:
    issue = Issue(newsletter=newsletter)
    fill_in(issue, document)
    issue.save()
    issue.save_revision().publish()
    issue.refresh_from_db()
    return issue


def a_send(issue: Issue, *lists: List, started: bool = True) -> Send:
    transport, _ = Transport.objects.get_or_create(name="default", defaults={"url": "smtp://127.0.0.1:1"})
    send = transitions.create_send(
        transitions.NewSend(
            newsletter_id=issue.newsletter_id,
            transport=transport,
            proofs={issue.language: make_proof(issue).hash},
            lists=[each.pk for each in lists],
            due_at=timezone.now(),
            valid_for=dt.timedelta(hours=72),
            retry=[dt.timedelta(minutes=1)],
            approved_by="ada",
        )
    )
    if started:
        transitions.start_send(send.pk)
    send.refresh_from_db()
    return send


def delivery_of(send: Send, person: Subscriber) -> Delivery:
    return Delivery.objects.get(send_id=send.pk, subscriber_id=person.pk)


def unsubscribe_token(person: Subscriber, newsletter: Newsletter, delivery: Delivery | None = None) -> str:
    ids = (delivery.send_id, delivery.id) if delivery else (0, 0)
    return keyring().sign(Purpose.UNSUBSCRIBE, *ids, person.pk, newsletter.pk)


def a_user(name: str, *rights: str, group: str = "", superuser: bool = False):
    """Ada edits, Bo administers; `rights` are `app.codename`."""
    ensure_roles()
    user = get_user_model().objects.create_user(name, password=PASSWORD, is_superuser=superuser)
    if group:
        user.groups.add(Group.objects.get(name=group))
    for right in rights:
        app, _, codename = right.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


class Newsroom:
    """A list of five, one of whom gets nothing, and a send to them that goes on."""

    def __init__(self) -> None:
        self.newsletter = a_newsletter()
        self.readers = a_list(self.newsletter)
        self.people = [a_reader(f"reader{n}@example.com", self.readers, first_name=f"R{n}") for n in range(5)]
        people.suppress("reader4@example.com", reason="dead-address", source="test", by="test")
        self.issue = an_issue(self.newsletter)
        self.send = a_send(self.issue, self.readers)
        self.link = TrackedLink.objects.create(
            key="k" * 16, issue=self.issue, position=1, url=A_TARGET, target=A_TARGET
        )


def signed_in(name: str, *rights: str, group: str = "", superuser: bool = False) -> Client:
    client = Client()
    client.force_login(a_user(name, *rights, group=group, superuser=superuser))
    return client
