"""DKIM keys from the making to the end: made, published by a person, started when DNS has them, retired by the next.

A new key gets a selector of its own, so that both records stand beside each other: what the old key has signed is
verified for as long as it may be on its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from pipeline import transitions
from pipeline.delivery.dkim import RSA_BITS, Algorithm, check_names
from pipeline.delivery.signing import forget_signers, key_of
from pipeline.domains.dkimrecord import NAME, judge_record
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.lookup import Lookup, LookupFailedError
from pipeline.models import DkimKey, Marker, Secret, SenderDomain
from pipeline.queries.signing import dkim_keys
from pipeline.transitions import DkimKeyError

ON_ITS_WAY: Final = timedelta(days=7)
"""How long mail may be under way (RFC 5321 section 4.5.4.1 gives up after four to five days), and some more."""
LOOK_EVERY: Final = timedelta(minutes=10)
_LOOKED: Final = "dkim-looked"
"""The marker of when DNS was last asked for waiting keys."""
_ALONE: Final = Finding(NAME, Verdict.WARN, "it waits for an active RSA key, beside which alone it may sign")
_LETTERS: Final = {Algorithm.RSA: "r", Algorithm.ED25519: "e"}


@dataclass(frozen=True, slots=True)
class Started:
    """What was found of a waiting key's record, and whether the key signs now."""

    key: DkimKey
    finding: Finding
    signs: bool


def new_keys(name: str, *, ed25519: bool, selector: str, today: date, actor: str) -> list[DkimKey]:
    """The first key or keys of a domain, which wait for their records. Raises DkimKeyError where there are some."""
    with transaction.atomic():
        domain = _domain(name)
        if dkim_keys(domain, state="active") or dkim_keys(domain, state="waiting"):
            raise DkimKeyError(
                f"{domain} has keys already. Nothing was made. `pressrun dkim rotate {domain}` makes the next."
            )
        algorithms = [Algorithm.RSA, Algorithm.ED25519] if ed25519 else [Algorithm.RSA]
        return _make(domain, algorithms, selector=selector, today=today, actor=actor)


def rotate_keys(name: str, *, selector: str, today: date, actor: str) -> list[DkimKey]:
    """A next key for each active one; the active ones sign on until it is started. Raises DkimKeyError."""
    with transaction.atomic():
        domain = find_domain(name)
        SenderDomain.objects.select_for_update().get(pk=domain.pk)
        active, waiting = dkim_keys(domain, state="active"), dkim_keys(domain, state="waiting")
        if waiting:
            raise DkimKeyError(
                f"{waiting[0]} still waits to be started. Nothing was made. Publish it and run `pressrun dkim activate "
                f"{domain}`, or `pressrun dkim retire {domain} {waiting[0].selector}`."
            )
        if not active:
            raise DkimKeyError(
                f"{domain} has no key to rotate. Nothing was made. `pressrun dkim new {domain}` makes one."
            )
        algorithms = [Algorithm(key.algorithm) for key in active]
        return _make(domain, algorithms, selector=selector, today=today, actor=actor)


def start_keys(name: str, lookup: Lookup, *, unseen: bool, actor: str) -> list[Started]:
    """Sign with the waiting keys whose records DNS has, or with all if a person vouches for them (`unseen`)."""
    started = []
    for key in dkim_keys(find_domain(name), state="waiting"):
        finding = look_at(key, lookup) if _may_sign(key) else _ALONE
        signs = finding is not _ALONE and (unseen or finding.verdict is Verdict.OK)
        if signs:
            why = "a person vouched for its record" if unseen else "DNS has its record"
            transitions.activate_dkim_key(key, actor=actor, why=why)
        started.append(Started(key, finding, signs))
    forget_signers()
    return started


def is_time_to_look() -> bool:
    """Whether DNS should be asked for the records of waiting keys: when there are some, every ten minutes.

    True to one caller only, however many ask.
    """
    if not DkimKey.objects.filter(activated_at=None, retired_at=None).exists():
        return False
    Marker.objects.get_or_create(name=_LOOKED, defaults={"at": timezone.now() - LOOK_EVERY})
    return bool(Marker.objects.filter(name=_LOOKED, at__lte=Now() - LOOK_EVERY).update(at=Now()))


def start_published(lookup: Lookup) -> list[DkimKey]:
    """Let every waiting key sign whose record DNS has by now. A key that cannot be used yet waits on."""
    started = []
    waiting = DkimKey.objects.filter(activated_at=None, retired_at=None)
    for domain in SenderDomain.objects.filter(pk__in=waiting.values("sender_domain")):
        found = start_keys(domain.from_domain, lookup, unseen=False, actor="rotation")
        started += [each.key for each in found if each.signs]
    return started


def _may_sign(key: DkimKey) -> bool:
    """An Ed25519 key waits for its RSA key, which comes before it in the list."""
    return key.algorithm == Algorithm.RSA or any(
        each.algorithm == Algorithm.RSA for each in dkim_keys(key.sender_domain, state="active")
    )


def retire_key(name: str, selector: str, *, actor: str) -> DkimKey:
    """Sign with it no more. Raises DkimKeyError."""
    key = find_domain(name).dkim_keys.select_related("sender_domain").filter(selector=selector).first()
    if key is None:
        raise DkimKeyError(f"{name} has no key {selector}. Nothing was changed. `pressrun dkim list` lists them.")
    transitions.retire_dkim_key(key, actor=actor)
    forget_signers()
    return key


def look_at(key: DkimKey, lookup: Lookup) -> Finding:
    """What DNS has of the key."""
    ours = key_of(key)
    try:
        texts: Sequence[str] = lookup(ours.place, "TXT")
    except LookupFailedError as error:
        return Finding(NAME, Verdict.UNKNOWN, str(error))
    return judge_record(ours.place, texts, ours=ours.record())


def waiting_keys(host: str) -> list[DkimKey]:
    """Those of this domain, and of domains above it, that were made and never started."""
    above = [domain for domain in SenderDomain.objects.all() if f".{host}".endswith(f".{domain.from_domain}")]
    return [key for domain in above for key in dkim_keys(domain, state="waiting")]


def find_domain(name: str) -> SenderDomain:
    """Raises DkimKeyError for a domain that has never had a key or a newsletter."""
    found = SenderDomain.objects.filter(from_domain=name.lower().rstrip(".")).first()
    if found is None:
        raise DkimKeyError(
            f"{name} is not a sender domain here. Nothing was changed. `pressrun dkim new {name}` makes it one."
        )
    return found


def _domain(name: str) -> SenderDomain:
    """The sender domain, made when it is new, and locked. Raises DkimError for what is no domain."""
    host = name.lower().rstrip(".")
    check_names(host, "any")
    SenderDomain.objects.get_or_create(from_domain=host, defaults={"bounce_domain": settings.BOUNCE_DOMAIN})
    return SenderDomain.objects.select_for_update().get(from_domain=host)


def _make(
    domain: SenderDomain, algorithms: Sequence[Algorithm], *, selector: str, today: date, actor: str
) -> list[DkimKey]:
    taken = set(domain.dkim_keys.values_list("selector", flat=True))
    return [
        transitions.keep_dkim_key(
            domain,
            selector=_selector(algorithm, selector, today=today, taken=taken),
            algorithm=algorithm.value,
            private_pem=_generated(algorithm),
            actor=actor,
        )
        for algorithm in algorithms
    ]


def _selector(algorithm: Algorithm, wanted: str, *, today: date, taken: set[str]) -> str:
    """The one that was asked for, an Ed25519 key's with `-ed` behind; else one that tells kind and day."""
    if wanted:
        check_names("example", wanted)
        return wanted if algorithm is Algorithm.RSA else f"{wanted}-ed"
    name = f"{_LETTERS[algorithm]}{today:%Y%m%d}"
    return next(each for number in count(1) if (each := name if number == 1 else f"{name}-{number}") not in taken)


def _generated(algorithm: Algorithm) -> Secret:
    private = (
        generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        if algorithm is Algorithm.RSA
        else Ed25519PrivateKey.generate()
    )
    return Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
