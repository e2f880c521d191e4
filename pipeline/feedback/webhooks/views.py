"""What django-anymail's webhook views know: whether a request is signed, and what its events are.

They are used as libraries, without their HTTP handlers: those answer strangers, sign nothing off on a missing secret,
and confirm any subscription. A request of ours stands in for Django's.
"""

import importlib
import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, QueryDict

from pipeline.feedback.webhooks.reading import Event, read_event
from pipeline.providers import PROVIDERS, Check

logger = logging.getLogger(__name__)
# They have not tried it of late, for want of an account. Our own tests have, with bodies from SendGrid's documentation.
warnings.filterwarnings("ignore", message="django-anymail has dropped official support for SendGrid")

FIELDS_AT_MOST: Final = 10
_SENDGRIDS_TIME: Final = "HTTP_X_TWILIO_EMAIL_EVENT_WEBHOOK_TIMESTAMP"


class _Request(HttpRequest):
    """One that was read already."""

    body: bytes = b""

    def __init__(self, meta: Mapping[str, Any], body: bytes, *, content_type: str, form: bool) -> None:
        super().__init__()
        self.META, self.method, self.body, self.content_type = dict(meta), "POST", body, content_type
        if form:
            self.POST = QueryDict(body)


def field_of(body: bytes, name: str) -> str:
    """A field of a form. Raises ValueError without it, or with too many others."""
    try:
        form = QueryDict(body)
    except TooManyFieldsSent as error:
        raise ValueError("too many fields") from error
    if len(form) > FIELDS_AT_MOST or name not in form:
        raise ValueError(f"no field {name}")
    return str(form[name])


def is_signed(provider: str, secret: str, meta: Mapping[str, Any], body: bytes, address: str) -> bool:
    """Whether the view's own validation finds the signature right, by this secret."""
    known = PROVIDERS[provider]
    extra = {"webhook_url": address} if provider == "mandrill" else {}
    try:
        view = _class(provider)(**{known.key: secret}, **extra)
        view.run_validators(_request(provider, meta, body))
    except Exception as error:  # noqa: BLE001 (whatever a hostile body makes it raise, it is not signed)
        logger.info("a request to a webhook of %s is not signed: %s", known.title, type(error).__name__)
        return False
    return True


def signed_at(provider: str, meta: Mapping[str, Any], document: Any) -> str | None:
    """The Unix seconds that a right signature covers; None where it covers none.

    Read where the view reads them, to the letter: a second `Signature` beside must not lend its time to the first.
    """
    if provider == "mailgun":
        return str(document["signature"]["timestamp"])
    return str(meta.get(_SENDGRIDS_TIME, "")) if provider == "sendgrid" else None


def events(provider: str, document: object, meta: Mapping[str, Any]) -> Sequence[Event] | None:
    """The events of a part of a body; None when it cannot be read."""
    known = PROVIDERS[provider]
    body = json.dumps(document)
    if known.form_field:
        body = urlencode({known.form_field: body})
    # Who sent it is known by now. What else a view wants is given to it, lest it warn of what it cannot know.
    given = {"webhook_secret": ["unused"]} | ({known.key: "unused"} if known.check is Check.ANYMAIL else {})
    if provider == "sendgrid":
        given.pop(known.key)  # it would be parsed
    try:
        told = _class(provider)(**given).parse_events(_request(provider, meta, body.encode()))
        return [read_event(provider, each) for each in told]
    except Exception as error:  # noqa: BLE001 (what providers write is anything)
        logger.warning("an event of %s cannot be read: %s", known.title, type(error).__name__)  # its text quotes bodies
        return None


def _request(provider: str, meta: Mapping[str, Any], body: bytes) -> _Request:
    known = PROVIDERS[provider]
    return _Request(meta, body, content_type=known.content_type, form=bool(known.form_field))


@cache
def _class(provider: str) -> Any:
    module, _, name = PROVIDERS[provider].view.rpartition(".")
    return getattr(importlib.import_module(f"anymail.webhooks.{module}"), name)
