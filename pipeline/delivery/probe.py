"""A seed mail: one small mail of a newsletter to a mailbox of ours, so that its provider says what it makes of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Final

from django.conf import settings

from pipeline.content import headers, quoted
from pipeline.content.headers import HeaderText
from pipeline.delivery.envelope import Envelope
from pipeline.delivery.signing import signed
from pipeline.delivery.testsend import Answer, TestRefusedError, hand_over
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.returned import PROBE, SECOND, Copy, ReturnedError
from pipeline.models import AuditEvent, Newsletter, Transport
from pipeline.readiness import relay_of
from pipeline.tokens import StandIn
from subscribers.addresses import AddressError, parse_address

VALID_FOR: Final = timedelta(days=30)
"""How long what a mailbox said is held to be so."""
_TEXT: Final = """\
This is a seed mail of {name}, sent by `pressrun doctor --probe`. Nobody else gets it.

Open its source in your mailbox (Show original, View source, 원문 보기), save it whole as a file, and run

    pressrun doctor --returned FILE

It then says what your provider found of SPF, DKIM, DMARC and encryption.
"""


def send_probe(newsletter: Newsletter, transport: Transport, address: str, *, actor: str) -> Answer:
    """Mail one seed through one relay, noted beforehand. Raises TestRefusedError, and NotReadyError without a relay."""
    try:
        to = parse_address(address)
    except AddressError as error:
        raise TestRefusedError(f"{error} Nothing was sent.") from error
    relay, probe = relay_of(transport), token_hex(8)
    wire = signed(newsletter, _wire(newsletter, to.email, probe))
    AuditEvent.objects.create(
        actor=actor,
        action="sender.probe-sent",
        subject=f"probe:{probe}",
        detail={"newsletter": newsletter.pk, "transport": transport.pk, "to": to.email},
    )
    envelope = Envelope(probe, f"b-{StandIn.TEST}@{settings.BOUNCE_DOMAIN}", to.email, wire)
    [result] = hand_over(relay, [envelope])
    return Answer(to.email, result.verdict, result.text)


def probed(probe: str) -> tuple[Newsletter, Transport | None]:
    """What a seed was sent for, and through. Raises ReturnedError for one that was not sent from here."""
    sent = AuditEvent.objects.filter(subject=f"probe:{probe}"[:100], action="sender.probe-sent").first()
    newsletter = Newsletter.objects.filter(pk=sent.detail["newsletter"]).first() if sent else None
    if sent is None or newsletter is None:
        raise ReturnedError("This seed mail was not sent from here, or its newsletter is gone. Nothing was noted.")
    return newsletter, Transport.objects.filter(pk=sent.detail["transport"]).first()


def note_copy(host: str, copy: Copy, found: Sequence[Finding], *, transport: Transport | None, actor: str) -> None:
    """Keep what the mailbox said, for the next doctor; that a relay signs too is noted once for each relay."""
    AuditEvent.objects.create(
        actor=actor,
        action="sender.probe-returned",
        subject=_subject(host),
        detail={"server": copy.server, "address": copy.address, "findings": [asdict(each) for each in found]},
    )
    for each in found:
        if each.name == SECOND and transport is not None:
            AuditEvent.objects.get_or_create(
                action="transport.signs-too",
                subject=f"transport:{transport.pk}",
                defaults={"actor": actor, "detail": {"words": each.detail}},
            )


def last_copy(host: str) -> tuple[str, tuple[Finding, ...]]:
    """The address that mail of this domain last came from, and what was found of it; nothing when it is too old."""
    since = datetime.now(UTC) - VALID_FOR
    events = AuditEvent.objects.filter(subject=_subject(host), action="sender.probe-returned", at__gt=since)
    last = events.order_by("-at").first()
    if last is None:
        return "", ()
    day, server = f"{last.at:%Y-%m-%d}", last.detail["server"]
    found = [
        Finding(each["name"], Verdict(each["verdict"]), f"{each['detail']} (seen at {server} on {day})")
        for each in last.detail["findings"]
    ]
    return last.detail["address"], tuple(found)


def _subject(host: str) -> str:
    return f"sender:{host}"[:100]


def _wire(newsletter: Newsletter, to: str, probe: str) -> bytes:
    """A mail from the newsletter's own address, and so signed and judged as its issues are."""
    sender = headers.address(HeaderText.tamed(newsletter.sender_name), newsletter.sender_address, used=len("From: "))
    host = newsletter.sender_address.rpartition("@")[2]
    head = [
        headers.field("Date", headers.date(datetime.now(UTC).replace(microsecond=0))),
        headers.field("From", sender),
        headers.field("To", headers.address("", to)),
        headers.field("Subject", headers.unstructured(HeaderText(f"Seed mail {probe}"), used=len("Subject: "))),
        headers.field("Message-ID", f"<{StandIn.TEST}.{probe}@{host}>"),
        headers.field("MIME-Version", "1.0"),
        headers.field("Auto-Submitted", "auto-generated"),
        headers.field("X-Auto-Response-Suppress", "All"),
        headers.field(PROBE, probe),
        headers.field("Content-Type", "text/plain; charset=utf-8"),
        headers.field("Content-Transfer-Encoding", "quoted-printable"),
    ]
    text = _TEXT.format(name=HeaderText.tamed(newsletter.name).text)
    return "".join(head).encode("ascii") + b"\r\n" + quoted.encode(text) + b"\r\n"
