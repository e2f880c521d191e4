"""A test send: a proof's own bytes to a few addresses, with a mark in front of the subject, and never in the books.

There are no deliveries, and nothing is retried: whoever asked is told what the relay said. The links that would act for
a reader lead to a page which says that this was a test. Whether the installation is ready for the public is not asked,
nor whether preflight would let the issue go: the mail goes to named colleagues who want to see it as it is.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from secrets import token_hex
from typing import Final

from django.conf import settings
from django.db import transaction

from pipeline.content import headers, merge, message
from pipeline.content.reader import values_of
from pipeline.content.types import ContentError
from pipeline.content.types import Proof as Segments
from pipeline.delivery.batch.wires import segments
from pipeline.delivery.envelope import Envelope, Result, Verdict
from pipeline.delivery.relay import Relay
from pipeline.delivery.signing import signed
from pipeline.delivery.smtp import Connection, RelayTrouble, Timeouts
from pipeline.errors import PressrunError
from pipeline.models import AuditEvent, Newsletter, Proof, Transport
from pipeline.queries.sql import execute
from pipeline.readiness import relay_of
from pipeline.tokens import StandIn
from subscribers.addresses import Address, AddressError, parse_address
from subscribers.models import Subscriber
from subscribers.queries import active_suppressions

MARK: Final = "[TEST]"
AT_ONCE: Final = 20
PER_HOUR: Final = 100
"""Addresses that one person may test with in an hour. A test is no way around the books."""
TIMEOUTS: Final = Timeouts(connect=10, greeting=20, command=20, data=20, block=30, dot=60)
"""Somebody waits at a screen. Giving up early makes no duplicates here, for nothing is repeated."""
START_FOR_SECONDS: Final = 60.0


class TestRefusedError(PressrunError):
    """The test did not take place. Nothing was handed over."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the test at one address."""

    email: str
    verdict: Verdict
    reply: str
    """The relay's words as they came, or ours where it said nothing."""


def send_test(proof: Proof, addresses: Sequence[str], *, actor: str, reader: Subscriber | None = None) -> list[Answer]:
    """Send the proof to each address, as `reader` would get it, or somebody with a name that is nobody's.

    Raises TestRefusedError for what is not an address, for too many of them, and for a relay that does not let us in;
    NotReadyError when there is no relay. What becomes of one address is in its answer.
    """
    people = _people(addresses)
    relay = relay_of(Transport.objects.filter(name="default").first() or Transport())
    _note_beforehand(proof, people, actor=actor, reader=reader)
    newsletter = proof.issue.newsletter
    made = {person.email: _made(proof, person, newsletter, reader=reader) for person in people}
    envelopes = [each for each in made.values() if isinstance(each, Envelope)]
    handed = {result.key: _answer(result) for result in hand_over(relay, envelopes)}
    answers = [each if isinstance(each, Answer) else handed[email] for email, each in made.items()]
    _note(actor, "proof.test-answered", proof, {"answers": [asdict(each) for each in answers]})
    return answers


def _people(addresses: Sequence[str]) -> list[Address]:
    """Each address once. Raises TestRefusedError."""
    try:
        found = {address.key: address for address in map(parse_address, addresses)}
    except AddressError as error:
        raise TestRefusedError(f"{error} Nothing was sent.") from error
    if not found:
        raise TestRefusedError("Nobody is named to send the test to. Nothing was sent.")
    if len(found) > AT_ONCE:
        raise TestRefusedError(
            f"These are {len(found)} addresses; a test goes to {AT_ONCE} at most. Nothing was sent. What goes to more "
            "people is a send, with books."
        )
    return list(found.values())


@transaction.atomic
def _note_beforehand(proof: Proof, people: Sequence[Address], *, actor: str, reader: Subscriber | None) -> None:
    """Who tests with whom is on record before anything goes out. Raises TestRefusedError when it is too much."""
    execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"test send of {actor}"])
    since = datetime.now(UTC) - timedelta(hours=1)
    before = AuditEvent.objects.filter(actor=actor, action="proof.tested", at__gt=since)
    sent = sum(len(detail["to"]) for detail in before.values_list("detail", flat=True))
    if sent + len(people) > PER_HOUR:
        raise TestRefusedError(
            f"With these {len(people)} it would be {sent + len(people)} test addresses within an hour; {PER_HOUR} is "
            "the limit. Nothing was sent. Try again later."
        )
    known = {"as": reader.pk} if reader else {}
    _note(actor, "proof.tested", proof, {"to": [person.email for person in people], **known})


def _note(actor: str, action: str, proof: Proof, detail: dict[str, object]) -> None:
    AuditEvent.objects.create(
        actor=actor, action=action, subject=f"issue:{proof.issue_id}", detail={"proof": proof.hash, **detail}
    )


def _made(proof: Proof, person: Address, newsletter: Newsletter, *, reader: Subscriber | None) -> Envelope | Answer:
    """The message for one address, or why it gets none."""
    held = active_suppressions(person.key).filter(scope__in=["all", newsletter.scope]).first()
    if held is not None:
        why = f"This address gets nothing ({held.get_reason_display()}), no test either; an admin may lift that."
        return Answer(person.email, Verdict.REJECTED, why)
    marked = _marked(proof.hash)
    try:
        wire = signed(newsletter, message.fill(marked, _values(marked, person, newsletter, reader=reader)))
    except ContentError as error:
        return Answer(person.email, Verdict.REJECTED, f"No message could be made: {error}.")
    return Envelope(person.email, f"b-{StandIn.TEST}@{settings.BOUNCE_DOMAIN}", person.email, wire)


@lru_cache(maxsize=4)
def _marked(proof_hash: str) -> Segments:
    return message.marked(segments(proof_hash), MARK)


def _values(marked: Segments, person: Address, newsletter: Newsletter, *, reader: Subscriber | None) -> dict[str, str]:
    if reader is None:
        known = values_of(email=person.email, language=marked.language, **merge.samples(marked.language))
    else:
        known = values_of(
            email=reader.email, first_name=reader.first_name, last_name=reader.last_name, language=reader.language
        )
    return {
        **known,
        "to": headers.address("", person.email),
        "date": headers.date(datetime.now(UTC).replace(microsecond=0)),
        "message_id": f"<{StandIn.TEST}.{token_hex(12)}@{newsletter.sender_address.rpartition('@')[2]}>",
        **message.stand_ins(marked, StandIn.TEST),
    }


def hand_over(relay: Relay, envelopes: Sequence[Envelope]) -> list[Result]:
    """Over a connection of its own. Raises TestRefusedError when the relay does not let us in."""
    if not envelopes:
        return []
    deadline = time.monotonic() + START_FOR_SECONDS
    try:
        with Connection.open(relay, helo=settings.BOUNCE_DOMAIN, timeouts=TIMEOUTS) as connection:
            return connection.send(envelopes, may_start=lambda: time.monotonic() < deadline)
    except RelayTrouble as trouble:
        raise TestRefusedError(f"{trouble.happened} A test is not repeated by itself.") from trouble


def _answer(result: Result) -> Answer:
    return Answer(str(result.key), result.verdict, result.text)
