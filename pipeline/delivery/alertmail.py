"""Alerts by mail: a stream of its own, through a relay that is not the failing one.

Our own notes to the people who run this, so none of an issue's headers, and a From of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from pipeline.content import headers, quoted
from pipeline.content.headers import HeaderText
from pipeline.delivery.envelope import Envelope, Verdict
from pipeline.delivery.relay import Relay, RelayUrlError, parse_relay
from pipeline.delivery.smtp import Connection, RelayTrouble, Timeouts
from pipeline.models import Transport
from pipeline.readiness import NotReadyError, relay_of

TIMEOUTS: Final = Timeouts(connect=10, greeting=20, command=20, data=20, block=20, dot=60)
RELAYS_TRIED: Final = 3


class MailFailedError(Exception):
    """No relay took it. `for_good`: none ever will, for the address or the message is refused."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One alert for one address. The same `id` gives the same Message-ID, so that a repetition is seen as one."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime


def mail(note: Note, relays: Iterable[Relay]) -> None:
    """Hand it to the first relay that takes it. Raises MailFailedError with what each said."""
    if not headers.is_address(note.to):
        raise MailFailedError(f"{note.to!r} is not an address that can be written to.", for_good=True)
    letter = Envelope(note.id, sender(), note.to, wire(note))
    said, verdicts = list[str](), set[Verdict]()
    for relay in relays:
        verdict, words = _offer(relay, letter)
        if verdict is Verdict.ACCEPTED:
            return
        said.append(f"{relay.place}: {words}")
        verdicts.add(verdict)
        if verdict is Verdict.UNCERTAIN:
            break  # another relay could make it two; the same one, later, repeats the Message-ID
    why = "\n".join(said) or "There is no relay to mail through."
    raise MailFailedError(why, for_good=verdicts == {Verdict.REJECTED})


def sender() -> str:
    """From and return path: below the bounce domain, which is ours and in nobody's list of newsletters."""
    return f"alerts@{settings.BOUNCE_DOMAIN}"


def wire(note: Note) -> bytes:
    """The whole message (RFC 3834: sent by a program, so that no program answers)."""
    subject = HeaderText.tamed(note.subject)
    head = [
        headers.field("Date", headers.date(note.at)),
        headers.field("From", headers.address(HeaderText("Pressrun"), sender(), used=len("From: "))),
        headers.field("To", headers.address("", note.to)),
        headers.field("Subject", headers.unstructured(subject, used=len("Subject: "))),
        headers.field("Message-ID", f"<{note.id}@{settings.BOUNCE_DOMAIN}>"),
        headers.field("MIME-Version", "1.0"),
        headers.field("Auto-Submitted", "auto-generated"),
        headers.field("X-Auto-Response-Suppress", "All"),
        headers.field("Content-Type", "text/plain; charset=utf-8"),
        headers.field("Content-Transfer-Encoding", "quoted-printable"),
    ]
    return "".join(head).encode("ascii") + b"\r\n" + quoted.encode(note.text) + b"\r\n"


def relays(*, failing: int | None = None) -> Sequence[Relay]:
    """Where to try: the alerts' own relay, then those of sends, the working ones before the failing one.

    `failing` is a transport's number; one that is left alone for now counts as failing as well.
    """
    distinct = {relay.place: relay for relay in reversed([*_own(), *_of_sends(failing)])}
    return list(reversed(distinct.values()))[:RELAYS_TRIED]


def _own() -> Iterator[Relay]:
    if settings.ALERT_SMTP_URL:
        yield parse_relay(settings.ALERT_SMTP_URL, variable="PRESSRUN_ALERT_SMTP_URL")


def _of_sends(failing: int | None) -> Iterator[Relay]:
    known = list(Transport.objects.order_by("pk")) or [Transport()]
    for transport in sorted(known, key=lambda each: (each.pk == failing, each.backoff_until is not None)):
        try:
            yield relay_of(transport)
        except (NotReadyError, RelayUrlError):
            continue


def _offer(relay: Relay, letter: Envelope) -> tuple[Verdict, str]:
    try:
        with Connection.open(relay, helo=settings.BOUNCE_DOMAIN, timeouts=TIMEOUTS) as connection:
            [result] = connection.send([letter], may_start=lambda: True)
    except RelayTrouble as trouble:
        return Verdict.UNSENT, str(trouble)
    return result.verdict, result.text
