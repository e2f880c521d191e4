"""An event that was kept, read again: what is kept of it is the provider's own, without what it came in."""

import json
from collections.abc import Iterator
from typing import Any

from pipeline.feedback.webhooks import views
from pipeline.feedback.webhooks.reading import Event, canonical
from pipeline.feedback.webhooks.receiving import in_a_batch
from pipeline.providers import PROVIDERS, Check, Provider


def read_stored(provider: str, raw: bytes, *, recipient: str) -> Event | None:
    """The event about a recipient, as a webhook of this provider would read it today; None when it cannot be read."""
    try:
        kept = json.loads(raw)
    except ValueError:
        return None
    for document in _as_it_came(PROVIDERS[provider], kept):
        for event in views.events(provider, document, {}) or ():
            if canonical(event.raw) == raw and recipient in {"", event.recipient}:
                return event
    return None


def _as_it_came(known: Provider, kept: Any) -> Iterator[Any]:
    """The documents that it may have been part of, the likeliest first."""
    if known.check is Check.SNS:
        yield {"Type": "Notification", "Message": json.dumps(kept), "MessageId": "", "TopicArn": ""}
    if known.batch is not None:
        wrap = known.batch_wrap
        yield in_a_batch(known, {wrap[0]: kept, "event_name": wrap[1]} if wrap else kept)
    yield kept
