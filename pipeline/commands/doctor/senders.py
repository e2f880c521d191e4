"""The checks of `pressrun doctor` for each domain that a newsletter's mail comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from django.conf import settings

from pipeline import rotation
from pipeline.delivery.dkim import DkimError
from pipeline.delivery.probe import last_copy
from pipeline.delivery.signing import key_of
from pipeline.domains.dkimrecord import NAME as DKIM
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.lookup import Lookup
from pipeline.domains.sender import Sender, Signing, examine
from pipeline.errors import PressrunError
from pipeline.models import Newsletter, Transport
from pipeline.queries.signing import dkim_domain, dkim_keys
from pipeline.readiness import NotKnownError, is_public, require_ready


def examine_senders(lookup: Lookup) -> Iterator[Finding]:
    """Every newsletter's readiness, then its sender domain, each once."""
    newsletters = sorted(Newsletter.objects.all(), key=sender_host)
    for newsletter in newsletters:
        yield from _readiness(newsletter)
    for host, group in groupby(newsletters, key=sender_host):
        for finding in _examined(host, list(group), lookup):
            yield replace(finding, name=f"{host}: {finding.name}")


def sender_host(newsletter: Newsletter) -> str:
    """The domain of its From address."""
    return newsletter.sender_address.rpartition("@")[2].lower()


def transports_of(newsletters: Sequence[Newsletter]) -> list[Transport]:
    """The relays that they go out through; the default one where none is named."""
    named = Transport.objects.filter(routes__newsletter__in=newsletters).distinct().order_by("pk")
    return list(named) or list(Transport.objects.filter(name="default")) or [Transport(name="default")]


def _readiness(newsletter: Newsletter) -> Iterator[Finding]:
    for transport in transports_of([newsletter]):
        try:
            require_ready(newsletter, transport)
        except PressrunError as error:
            verdict = Verdict.UNKNOWN if isinstance(error, NotKnownError) else Verdict.BAD
            yield Finding(f"newsletter {newsletter.slug}", verdict, str(error))


def _examined(host: str, newsletters: Sequence[Newsletter], lookup: Lookup) -> Iterator[Finding]:
    if not is_public(host):
        yield Finding("DNS", Verdict.UNKNOWN, f"{host} is not a public domain, so there is nothing to look up")
        return
    broken: Finding | None = None
    signing: tuple[Signing, ...] = ()
    try:
        signing = signing_of(host)
    except DkimError as error:
        broken = Finding(DKIM, Verdict.BAD, f"{error}. Sends of this domain pause until it is mended")
    address, seen = last_copy(host)
    egress = {str(each) for transport in transports_of(newsletters) for each in transport.egress_ips}
    egress |= {address} - {""}
    sender = Sender(
        domain=host,
        bounce_domain=settings.BOUNCE_DOMAIN,
        signing=signing,
        egress=tuple(sorted(egress)),
        seen=seen,
    )
    for finding in examine(sender, lookup):
        yield broken if broken and finding.name == DKIM else finding
    yield from _waiting(host, lookup)


def signing_of(host: str) -> tuple[Signing, ...]:
    """The keys that sign mail of this domain. Raises DkimError."""
    domain = dkim_domain(host)
    keys = [key_of(row) for row in dkim_keys(domain, state="active")] if domain else []
    return tuple(Signing(key.domain, key.selector, key.place, key.record()) for key in keys)


def _waiting(host: str, lookup: Lookup) -> Iterator[Finding]:
    """Keys that were made and do not sign yet."""
    for row in rotation.waiting_keys(host):
        seen = rotation.look_at(row, lookup)
        if seen.verdict is Verdict.OK:
            words = f"{row} is published and does not sign yet: run `pressrun dkim activate {row.sender_domain}`"
        else:
            words = f"{row} waits for its record: {seen.detail}"
        yield Finding("next DKIM key", Verdict.WARN, words)
