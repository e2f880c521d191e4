"""The keys that sign tokens: versioned rows, made at first use, read once per process."""

import secrets
from functools import cache

from django.db import transaction

from pipeline.errors import PressrunError
from pipeline.models import TokenKey
from pipeline.tokens import Keyring

KEY_BYTES = 32


class UnreadableKeyError(PressrunError):
    """The database has a token key that this version cannot use."""


@cache
def keyring() -> Keyring:
    """Every key version of this installation. The first is made when there is none."""
    found = {key.version: bytes(key.secret) for key in TokenKey.objects.all()} or _first()
    for version, secret in found.items():
        if len(secret) != KEY_BYTES:
            raise UnreadableKeyError(
                f"Token key {version} in the database has {len(secret)} bytes instead of {KEY_BYTES}. Links in mails "
                "sent with it could not be verified. Restore the row, or run the version of Pressrun that made it."
            )
    return Keyring(found)


def _first() -> dict[int, bytes]:
    with transaction.atomic():
        TokenKey.objects.bulk_create(
            [TokenKey(version=1, secret=secrets.token_bytes(KEY_BYTES))], ignore_conflicts=True
        )
    return {key.version: bytes(key.secret) for key in TokenKey.objects.all()}
