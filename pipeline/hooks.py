"""Webhooks as people set them up: their address, what their requests must bear, what is still missing."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse

from pipeline import transitions
from pipeline.errors import PressrunError
from pipeline.feedback.webhooks.sns import TOPIC
from pipeline.keys import keyring
from pipeline.models import Hook, Secret
from pipeline.providers import PROVIDERS, Check
from pipeline.standardwebhooks import secret_of
from pipeline.tokens import BadTokenError, Purpose

CHANGEABLE: Final = ("provider", "transport", "enabled", "secret", "topics", "networks")
_KEYS: Final = frozenset({"sendgrid", "postal"})
"""Whose secret is a public key."""


class HookError(PressrunError):
    """A webhook cannot be found or changed so. Nothing was changed."""


def find_hook(name: str, *, lock: bool = False) -> Hook:
    """The webhook of that name. Raises HookError, which names those there are."""
    found = (Hook.objects.select_for_update() if lock else Hook.objects).filter(name=name).first()
    if found is None:
        have = ", ".join(Hook.objects.values_list("name", flat=True)) or "none yet"
        raise HookError(f"There is no webhook {name!r}. Nothing was changed. Webhooks: {have}.")
    return found


def change_hook(
    name: str, changes: Mapping[str, Any], *, create: bool = False, renew: bool = False, actor: str
) -> Hook:
    """Set what stands in a webhook's row; `renew` ends its address for a new one. Raises HookError in words."""
    with transaction.atomic():
        hook = Hook(name=name) if create else find_hook(name, lock=True)
        if create and Hook.objects.filter(name=name).exists():
            raise HookError(f"There is a webhook {name!r} already. Nothing was changed.")
        for field, value in changes.items():
            setattr(hook, field, Secret(value) if field == "secret" else value)
        hook.generation += renew
        _check(hook)
        hook.save(update_fields=None if create else [*changes, *(["generation"] if renew else [])])
        transitions.note_hook_change(hook.pk, {**changes, **({"address": "renewed"} if renew else {})}, actor=actor)
    return hook


def remove_hook(name: str, *, actor: str) -> None:
    """Take a webhook away. What it has told stays."""
    with transaction.atomic():
        hook = find_hook(name)
        transitions.note_hook_change(hook.pk, {"removed": name}, actor=actor)
        hook.delete()


def address_of(hook: Hook) -> str:
    """What is pasted at the provider. Whoever knows it may knock."""
    return settings.BASE_URL + reverse("feedback-hook", args=[hook.name, _token(hook)])


def is_address_of(hook: Hook, token: str) -> bool:
    """Whether the token is the one of the hook's address, now."""
    try:
        return keyring().verify(Purpose.WEBHOOK, token) == (hook.pk, hook.generation)
    except BadTokenError:
        return False


def missing(hook: Hook) -> str:
    """What is still to be set before anything is believed, in the provider's words; or nothing."""
    known = PROVIDERS[hook.provider]
    if known.check is Check.SNS:
        return "" if hook.topics else "SNS topics"
    return known.key_title if known.key and not hook.secrets else ""


def _token(hook: Hook) -> str:
    return keyring().sign(Purpose.WEBHOOK, hook.pk, hook.generation)


def _check(hook: Hook) -> None:
    if hook.provider not in PROVIDERS:
        raise HookError(f"{hook.provider!r} is none of {', '.join(PROVIDERS)}. Nothing was changed.")
    if not hook.transport_id:
        raise HookError("Say which relay it belongs to. Nothing was changed.")
    try:
        hook.full_clean(exclude=("event_at", "refused_at"))
    except ValidationError as error:
        lines = "; ".join(f"{field}: {' '.join(words)}" for field, words in error.message_dict.items())
        raise HookError(f"{lines} Nothing was changed.") from error
    for topic in hook.topics:
        if not TOPIC.fullmatch(topic):
            raise HookError(f"{topic!r} is not like arn:aws:sns:eu-west-1:123456789012:name. Nothing was changed.")
    for network in hook.networks:
        _check_network(network)
    for secret in hook.secrets:
        _check_secret(hook, secret)


def _check_network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        raise HookError(f"{text!r} is no network such as 192.0.2.0/24. Nothing was changed.") from error


def _check_secret(hook: Hook, secret: str) -> None:
    """Without it in the words: it is never shown."""
    known = PROVIDERS[hook.provider]
    try:
        if known.check is Check.STANDARD:
            secret_of(secret)
        elif hook.provider in _KEYS:
            load_pem_public_key(f"-----BEGIN PUBLIC KEY-----\n{secret}\n-----END PUBLIC KEY-----".encode())
        else:
            secret.encode("ascii")
    except (ValueError, UnsupportedAlgorithm) as error:
        title = known.key_title or "secret"
        raise HookError(f"This cannot be what {known.title} calls: {title}. Nothing was changed.") from error
