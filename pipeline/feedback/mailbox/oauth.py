"""Access tokens for mailboxes (RFC 6749 sections 4.4 and 6): kept until they expire, then fetched anew."""

import json
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.utils import timezone

from pipeline import transitions
from pipeline.feedback.mailbox.opening import MailboxError
from pipeline.guarded import Client, Limits, RefusedError, UnreachableError
from pipeline.models import Mailbox, Secret

CLIENT: Final = Client(Limits(seconds=15.0, redirects=0, bytes=100_000))
"""No redirects: what is posted are secrets."""
EARLY: Final = timedelta(minutes=1)
"""Not used any more so long before its end, since a look takes time."""
_FOR_NOW: Final = 300
"""Seconds that a token holds whose end is not told."""


def access_token(mailbox: Mailbox, *, fresh: bool = False) -> Secret:
    """The one that was kept, or a new one. Raises MailboxError in words."""
    kept, until = mailbox.access_token, mailbox.access_until
    if not fresh and kept.reveal() and until and until > timezone.now() + EARLY:
        return kept
    answer = _ask(mailbox)
    token = Secret(str(answer["access_token"]))
    holds = timedelta(seconds=_number(answer.get("expires_in")))
    refresh = Secret(str(answer["refresh_token"])) if answer.get("refresh_token") else None
    transitions.keep_access_token(mailbox, token, until=timezone.now() + holds, refresh=refresh)
    return token


def _ask(mailbox: Mailbox) -> dict[str, Any]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        answer = CLIENT.ask("POST", mailbox.token_url, body=urlencode(_form(mailbox)).encode(), headers=headers)
    except RefusedError as error:
        raise MailboxError(f"There is no access token: {error}", needs_person=True) from error
    except UnreachableError as error:
        raise MailboxError(f"There is no access token: {error}") from error
    told = _read(answer.body)
    if answer.status == 200 and isinstance(told.get("access_token"), str):
        return told
    why = f"{told.get('error', '')} {told.get('error_description', '')}".strip()[:300] or f"status {answer.status}"
    is_theirs = answer.status >= 500 or answer.status == 429
    advice = "" if is_theirs else " Check the client ID, its secret and the refresh token; it may have been withdrawn."
    place = f"{mailbox.token_url} gives no access token: {why}."
    raise MailboxError(f"{place}{advice}", needs_person=not is_theirs)


def _form(mailbox: Mailbox) -> dict[str, str]:
    """With a refresh token in the name of a person; without one in that of the application itself."""
    refresh = mailbox.refresh_token.reveal()
    given = {
        "grant_type": "refresh_token" if refresh else "client_credentials",
        "refresh_token": refresh,
        "client_id": mailbox.client_id,
        "client_secret": mailbox.client_secret.reveal(),
        "scope": mailbox.scope,
    }
    return {name: value for name, value in given.items() if value}


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(told: object) -> int:
    try:
        return max(0, int(str(told)))
    except ValueError:
        return _FOR_NOW
