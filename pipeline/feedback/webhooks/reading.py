"""One event of a provider, as django-anymail has read it, with what Pressrun looks for beside. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pipeline.feedback.mime import address_of, storable
from pipeline.feedback.webhooks.paths import first
from pipeline.providers import PROVIDERS


@dataclass(frozen=True, slots=True)
class Event:
    provider: str
    """A name of `PROVIDERS`."""
    type: str
    """`anymail.signals.EventType`: bounced, deferred, rejected, complained …"""
    raw: Mapping[str, Any]
    """As the provider wrote it."""
    recipient: str = ""
    at: datetime | None = None
    words: str = ""
    """Of the recipient's server."""
    status: str = ""
    description: str = ""
    """The provider's own. Often the same for everything of its kind, so nothing is concluded from it."""
    signed_id: str = ""
    """Ours, as it came back, not verified. Taken from its own place alone: whoever answers could quote another's."""
    message_id: str = ""
    """Perhaps ours, not verified."""
    once: bytes = b""
    """The same when the provider tells it again: a hash of its id, else of all of it."""

    @property
    def body(self) -> bytes:
        """What is kept."""
        return canonical(self.raw)


def read_event(provider: str, told: Any) -> Event:
    """Take over an `AnymailTrackingEvent`, its texts as the database can hold them."""
    known = PROVIDERS[provider]
    raw = told.esp_event if isinstance(told.esp_event, Mapping) else {}
    recipient = storable(address_of(_text(told.recipient)) or _text(told.recipient))
    return Event(
        provider=provider,
        type=_text(told.event_type),
        raw=raw,
        recipient=recipient,
        at=_moment(told.timestamp),
        words=_text(told.mta_response) or storable(first(raw, *known.words_at)),
        status=storable(first(raw, known.status_at)) if known.status_at else "",
        description=_text(told.description),
        signed_id=storable(first(raw, *known.id_at) or first(told.metadata, "pressrun-id")).strip(),
        message_id=storable(first(raw, *known.message_id_at)).strip().strip("<>"),
        once=_once(provider, raw, _text(told.event_id), recipient),
    )


def canonical(raw: object) -> bytes:
    """JSON in one spelling, so that the same content has the same bytes."""
    return json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")


def _once(provider: str, raw: object, event_id: str, recipient: str) -> bytes:
    """Mailgun signs time and token alone, so that any body may be put under a signature: each signature counts once.

    The token would not do: where it begins is not signed.
    """
    signed = raw.get("signature") if provider == "mailgun" and isinstance(raw, Mapping) else None
    if isinstance(signed, Mapping) and signed.get("signature"):
        name = str(signed["signature"]).encode("utf-8", "replace")
    elif not event_id:
        name = canonical(raw)
    else:
        name = f"{event_id}\0{recipient.lower()}".encode("utf-8", "replace")
    return sha256(b"webhook\0" + provider.encode() + b"\0" + name).digest()


def _moment(told: object) -> datetime | None:
    if not isinstance(told, datetime):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _text(told: object) -> str:
    return "" if told is None else storable(str(told))
