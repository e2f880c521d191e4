"""Alerts by webhook: one JSON document per alert, for a chat or an on-call service.

With a secret each is signed as Standard Webhooks says (https://www.standardwebhooks.com), so that whoever receives it
can tell that it is ours, whole, and of now.
"""

import json
import time
from typing import Final

from django.conf import settings

from pipeline.alerts.words import languages_of, words_of
from pipeline.guarded import Client, Limits, RefusedError, UnreachableError
from pipeline.models import Alert
from pipeline.standardwebhooks import signature as signed

# The address is the operator's own, from the environment and not from a page, and what it leads to is often a
# neighbour: an on-call service on the same network. So it may be private and on any port. The other guards stay: one
# lookup, no redirects, no proxies, an end to everything after ten seconds.
CLIENT: Final = Client(Limits(seconds=10.0, redirects=0), may_reach=lambda _address: True, ports=range(1, 65536))


class WebhookError(Exception):
    """It was not taken; the text says why, without the address, which may hold a secret."""


def post(alert: Alert, url: str) -> None:
    """Hand one alert over. Raises WebhookError unless the answer is a 2xx."""
    body = json.dumps(document(alert, url), ensure_ascii=False).encode()
    name = f"pressrun-alert-{alert.pk}"
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": name}
    if settings.ALERT_SECRET:
        headers |= signature(settings.ALERT_SECRET, name, body, at=int(time.time()))
    try:
        answer = CLIENT.ask("POST", settings.ALERT_URL, body=body, headers=headers)
    except (RefusedError, UnreachableError) as error:
        raise WebhookError(str(error)) from error
    if not 200 <= answer.status < 300:
        raise WebhookError(f"The webhook answers {answer.status}, and 2xx is expected.")


def signature(secret: bytes, name: str, body: bytes, *, at: int) -> dict[str, str]:
    """The headers that sign a body. The name stays the same when it is tried again; the time is that of the try."""
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": signed(secret, name, body, at=at),
    }


def document(alert: Alert, url: str) -> dict[str, object]:
    """What is posted. `text` alone is enough for the chats that take incoming webhooks."""
    words = {language: words_of(alert.kind, alert.facts, language) for language in languages_of(alert.language)}
    return {
        "id": alert.pk,
        "event": alert.key,
        "kind": alert.kind,
        "at": alert.raised_at.isoformat(),
        "send": alert.send_id,
        "url": url,
        "text": "\n\n".join(f"{each.subject}\n{each.text(url)}" for each in words.values()),
        "words": {
            language: {"subject": each.subject, "happened": each.happened, "safe": each.safe, "next": each.next}
            for language, each in words.items()
        },
    }
