"""A claimed delivery becomes an envelope: tokens, merge fields, one join of byte strings."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from django.conf import settings

from pipeline.content import headers, message
from pipeline.content.reader import values_of
from pipeline.content.tracking import READER
from pipeline.content.types import Proof as Segments
from pipeline.delivery.envelope import Envelope
from pipeline.delivery.signing import signed
from pipeline.keys import keyring
from pipeline.models import Newsletter, Proof
from pipeline.tokens import Purpose
from pipeline.transitions import Claimed


@lru_cache(maxsize=8)
def segments(proof_hash: str) -> Segments:
    """A proof's segments, kept: an issue in two languages is read twice per process, not per message."""
    return message.load(bytes(Proof.objects.values_list("packed", flat=True).get(pk=proof_hash)))


@lru_cache(maxsize=8)
def slots(proof_hash: str) -> frozenset[str]:
    """The names of a proof's slots."""
    return frozenset(slot.name for slot in segments(proof_hash).slots)


@lru_cache(maxsize=8)
def _is_ascii(proof_hash: str) -> bool:
    """Whether messages of a proof are: what fills its slots always is."""
    return all(segment.isascii() for segment in segments(proof_hash).segments)


def values(newsletter: Newsletter, send_id: int, one: Claimed, *, date: str = "") -> dict[str, str]:
    """What fills this person's slots: merge fields, tokens, and the headers that differ by person."""
    sign = keyring().sign
    person = values_of(email=one.email, first_name=one.first_name, last_name=one.last_name, language=one.language)
    personal = READER in slots(one.proof_hash)
    return {
        **person,
        "date": date,
        "message_id": message_id(newsletter, send_id, one.id),
        "token.unsubscribe": sign(Purpose.UNSUBSCRIBE, send_id, one.id, one.subscriber_id, newsletter.pk),
        "token.view": sign(Purpose.VIEW, send_id, one.id),
        "token.id": sign(Purpose.HEADER, send_id, one.id),
        **({READER: sign(Purpose.CLICK, send_id, one.id)} if personal else {}),
    }


def message_id(newsletter: Newsletter, send_id: int, delivery_id: int) -> str:
    """The same for every try of a delivery, on a domain of the sender's."""
    domain = newsletter.sender_address.rpartition("@")[2]
    return f"<{keyring().sign(Purpose.MESSAGE_ID, send_id, delivery_id)}@{domain}>"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def envelope(newsletter: Newsletter, send_id: int, one: Claimed) -> Envelope:
    """The message as it goes over the wire, with its signed return path. Raises ContentError."""
    date = _date(int(time.time()))
    return_path = keyring().sign(Purpose.RETURN_PATH, send_id, one.id)
    return Envelope(
        key=one.id,
        sender=f"b-{return_path}@{settings.BOUNCE_DOMAIN}",
        recipient=one.email,
        wire=signed(newsletter, message.fill(segments(one.proof_hash), values(newsletter, send_id, one, date=date))),
        envid=f"{send_id}-{one.id}",
        is_ascii=_is_ascii(one.proof_hash),
    )


def with_id_fields(made: Envelope, id_fields: Sequence[str], send_id: int, delivery_id: int) -> Envelope:
    """Likewise, with our signed id in the fields from which the relay's provider gives it back by webhook.

    They stand before everything else, in no signature: most providers take them out.
    """
    token = keyring().sign(Purpose.HEADER, send_id, delivery_id)
    named = ((each % token).split(": ", 1) for each in id_fields)
    head = "".join(headers.field(name, value) for name, value in named).encode("ascii")
    return made._replace(wire=head + made.wire)
