"""Our own mails, such as alerts: a stream of its own, with a From of its own and a share of each relay's limits.

They have none of an issue's headers. Of a relay's hour and day issues leave them a share, and of its rate they take
the next piece. Which relay they go through does not follow an issue: one that fails comes last.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import DatabaseError

from pipeline import transitions
from pipeline.content import headers, quoted
from pipeline.content.headers import HeaderText
from pipeline.delivery.dkim import DkimError
from pipeline.delivery.envelope import Envelope, Verdict
from pipeline.delivery.outcome import outcome
from pipeline.delivery.relay import Relay, RelayUrlError, parse_relay
from pipeline.delivery.signing import signed_from
from pipeline.delivery.smtp import Connection, RelayTrouble, Timeouts
from pipeline.limits.metering import AHEAD, Unused
from pipeline.models import Transport
from pipeline.queries import relays_by_health
from pipeline.readiness import NotReadyError, relay_of
from pipeline.transitions import Drawn
from pipeline.transitions.brakes import OURS

TIMEOUTS: Final = Timeouts(connect=10, greeting=20, command=20, data=20, block=20, dot=60)
RELAYS_TRIED: Final = 3


class MailFailedError(Exception):
    """No relay took it. `for_good`: none ever will, for the address or the message is refused."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail for one address. The same `id` gives the same Message-ID, so that a repetition is seen as one."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime
    reply_to: str = ""
    """Who is written to by whoever answers it; empty: its From."""
    returns_to: str = ""
    """Its return path, where that is not the one of all our own mails."""


@dataclass(frozen=True, slots=True)
class Way:
    """A relay, and the transport whose limits hold for it; None: nobody else uses it."""

    relay: Relay
    transport_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    verdict: Verdict
    words: str
    for_good: bool = False


def mail(letter: Letter, ways: Iterable[Way], *, sign: bool = True) -> None:
    """Hand it to the first relay that takes it. Raises MailFailedError with what each said.

    Where a key signs for its sender it is signed, unless there is no database to look for one.
    """
    if not headers.is_address(letter.to):
        raise MailFailedError(f"{letter.to!r} is not an address that can be written to.", for_good=True)
    message = _signed(wire(letter)) if sign else wire(letter)
    envelope = Envelope(letter.id, letter.returns_to or return_path(), letter.to, message)
    lines, final = list[str](), list[bool]()
    for way in ways:
        said = _offer(way, envelope)
        if said.verdict is Verdict.ACCEPTED:
            return
        lines.append(f"{way.relay.place}: {said.words}")
        final.append(said.for_good)
        if said.verdict is Verdict.UNCERTAIN:
            break  # another relay could make it two; the same one, later, repeats the Message-ID
    why = "\n".join(lines) or "There is no relay to mail through."
    raise MailFailedError(why, for_good=bool(final) and all(final))


def return_path() -> str:
    """Below the bounce domain, whoever the mail is from: what comes back comes to us, and is in no send's books."""
    return f"pressrun@{settings.BOUNCE_DOMAIN}"


def wire(letter: Letter) -> bytes:
    """The whole message (RFC 3834: sent by a program, so that no program answers)."""
    name, sender = settings.MAIL_FROM
    subject = HeaderText.tamed(letter.subject)
    head = [
        headers.field("Date", headers.date(letter.at)),
        headers.field("From", headers.address(HeaderText(name), sender, used=len("From: "))),
        *([headers.field("Reply-To", headers.address("", letter.reply_to))] if letter.reply_to else []),
        headers.field("To", headers.address("", letter.to)),
        headers.field("Subject", headers.unstructured(subject, used=len("Subject: "))),
        headers.field("Message-ID", f"<{letter.id}@{settings.BOUNCE_DOMAIN}>"),
        headers.field("MIME-Version", "1.0"),
        headers.field("Auto-Submitted", "auto-generated"),
        headers.field("X-Auto-Response-Suppress", "All"),
        headers.field("Content-Type", "text/plain; charset=utf-8"),
        headers.field("Content-Transfer-Encoding", "quoted-printable"),
    ]
    return "".join(head).encode("ascii") + b"\r\n" + quoted.encode(letter.text) + b"\r\n"


def ways(*, own: str = "", suspects: Collection[int] = ()) -> Sequence[Way]:
    """Where to try: the stream's own relay, if it has one, then those of sends, the working ones first.

    `suspects` are transports that the mail had better not go through. One that is left alone for now, because it
    failed, is not used while there is any other.
    """
    first = [Way(parse_relay(own))] if own else []
    # A place that stands there twice is where it is needed last.
    distinct = {way.relay.place: way for way in reversed([*first, *_of_sends(suspects)])}
    return list(reversed(distinct.values()))[:RELAYS_TRIED]


def _of_sends(suspects: Collection[int]) -> Iterator[Way]:
    known = Transport.objects.in_bulk()
    for pk in relays_by_health(suspects):
        if (way := _way(known[pk], pk)) is not None:
            yield way
    if not known and (way := _way(Transport(), None)) is not None:
        yield way


def _way(transport: Transport, transport_id: int | None) -> Way | None:
    try:
        return Way(relay_of(transport), transport_id)
    except (NotReadyError, RelayUrlError):
        return None


def _signed(message: bytes) -> bytes:
    """With the key of its sender's domain, if there is one. Better without than not at all."""
    try:
        return signed_from(settings.MAIL_FROM[1], message)
    except (DkimError, DatabaseError):
        return message


def _offer(way: Way, envelope: Envelope) -> _Said:
    """Hand it to one relay, within its limits."""
    drawn = _draw(way)
    if drawn is not None and not drawn.grant.number:
        return _Said(Verdict.UNSENT, f"its limit for this {drawn.grant.rests_for or 'moment'} is used up.")
    try:
        with Connection.open(way.relay, helo=settings.BOUNCE_DOMAIN, timeouts=TIMEOUTS) as connection:
            [result] = connection.send([envelope], may_start=lambda: True)
    except RelayTrouble as trouble:
        if way.transport_id is not None and drawn is not None and drawn.limited:
            transitions.give_back_unused(way.transport_id, Unused(1, drawn.at))
        return _Said(Verdict.UNSENT, str(trouble))
    # What a relay has against us it may have mended tomorrow; what it has against the address stays.
    refused = result.verdict is Verdict.REJECTED and outcome(result).reason not in OURS
    return _Said(result.verdict, result.text, for_good=refused)


def _draw(way: Way) -> Drawn | None:
    """One message of the relay's limits; waits for its piece of the rate, for a second at most."""
    if way.transport_id is None:
        return None
    drawn = transitions.draw_for_own_mail(way.transport_id, rate=way.relay.rate)
    if drawn.grant.number:
        time.sleep(min(drawn.grant.begins - drawn.at, AHEAD).total_seconds())
    return drawn
