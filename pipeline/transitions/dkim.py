"""The life of a DKIM key: made, active once its record is published, retired by the next; each step on record."""

from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from pipeline.errors import PressrunError
from pipeline.models import AuditEvent, DkimKey, Secret, SenderDomain

_SIGNING: Final = Q(activated_at__isnull=False, retired_at__isnull=True)


class DkimKeyError(PressrunError):
    """What was asked for cannot be done with the key or the domain. Nothing was changed."""


@transaction.atomic
def keep_dkim_key(domain: SenderDomain, *, selector: str, algorithm: str, private_pem: Secret, actor: str) -> DkimKey:
    """Keep a new key. It signs nothing yet. Raises DkimKeyError when the selector is taken."""
    if domain.dkim_keys.filter(selector=selector).exists():
        raise DkimKeyError(f"{domain} has a key {selector} already. Nothing was made. Choose another --selector.")
    key = domain.dkim_keys.create(selector=selector, algorithm=algorithm, private_pem=private_pem)
    _note(key, "dkim.made", actor=actor)
    return key


@transaction.atomic
def activate_dkim_key(key: DkimKey, *, actor: str, why: str) -> None:
    """Sign with this key from now on; the one before it, of the same algorithm, signs no more."""
    others = _locked(key.sender_domain)
    if key.algorithm == DkimKey.Algorithm.ED25519 and not others.filter(algorithm=DkimKey.Algorithm.RSA).exists():
        raise DkimKeyError(f"{key} is an Ed25519 key, which signs only beside an active RSA key. Nothing was changed.")
    for old in others.filter(algorithm=key.algorithm).exclude(pk=key.pk):
        _retire(old, actor=actor)
    if DkimKey.objects.filter(pk=key.pk, activated_at=None, retired_at=None).update(activated_at=Now()):
        _note(key, "dkim.activated", actor=actor, why=why)


@transaction.atomic
def retire_dkim_key(key: DkimKey, *, actor: str) -> None:
    """Sign with this key no more. Raises DkimKeyError when an Ed25519 key would be left alone."""
    others = _locked(key.sender_domain).exclude(pk=key.pk)
    alone = (
        others.filter(algorithm=DkimKey.Algorithm.ED25519).exists()
        and not others.filter(algorithm=DkimKey.Algorithm.RSA).exists()
    )
    if key.algorithm == DkimKey.Algorithm.RSA and alone:
        raise DkimKeyError(f"An Ed25519 key would be left to sign without {key}. Nothing was changed. Retire it first.")
    _retire(key, actor=actor)


def set_dkim_body(domain: SenderDomain, body: str, *, actor: str) -> None:
    """How bodies are canonicalised from now on."""
    SenderDomain.objects.filter(pk=domain.pk).update(dkim_body=body)
    AuditEvent.objects.create(
        actor=actor, action="dkim.body", subject=f"sender-domain:{domain.pk}", detail={"body": str(body)}
    )


def _locked(domain: SenderDomain) -> QuerySet[DkimKey]:
    """The keys that sign for the domain; whoever changes them waits for whoever does so already."""
    SenderDomain.objects.select_for_update().get(pk=domain.pk)
    return domain.dkim_keys.filter(_SIGNING)


def _retire(key: DkimKey, *, actor: str) -> None:
    if DkimKey.objects.filter(pk=key.pk, retired_at=None).update(retired_at=Now()):
        _note(key, "dkim.retired", actor=actor)


def _note(key: DkimKey, action: str, *, actor: str, **detail: str) -> None:
    AuditEvent.objects.create(
        actor=actor, action=action, subject=f"dkim-key:{key.pk}", detail={"record": str(key), **detail}
    )
