"""Everything about one sender domain: its records, who aligns, where bounces go, and what providers make of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.domains.dkimrecord import NAME as DKIM
from pipeline.domains.dkimrecord import judge_record
from pipeline.domains.dmarc import NAME as DMARC
from pipeline.domains.dmarc import judge_alignment, judge_dmarc, walk
from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.hosts import judge_bounces, judge_names
from pipeline.domains.lookup import Lookup, LookupFailedError
from pipeline.domains.providers import judge_providers
from pipeline.domains.spf import RELAY, judge_spf

TLS: Final = "TLS"


@dataclass(frozen=True, slots=True)
class Signing:
    """A key that signs: its d= and s=, where its record stands, and what that must be."""

    domain: str
    selector: str
    place: str
    record: str


@dataclass(frozen=True, slots=True)
class Sender:
    """A From domain and what its mail goes out with.

    `egress`: addresses that the relays send from, where known. `seen`: what a mailbox said of a seed mail; it answers
    what cannot be looked up from here, and nothing else.
    """

    domain: str
    bounce_domain: str
    signing: tuple[Signing, ...]
    egress: tuple[str, ...]
    seen: tuple[Finding, ...] = ()


def examine(sender: Sender, lookup: Lookup) -> Iterator[Finding]:
    """Every finding, the providers' last. What DNS does not say is unknown, never good."""
    asked = _Remembering(lookup)
    found = [
        *judge_spf(sender.bounce_domain, sender.egress, asked),
        _dkim(sender.signing, asked),
        *_dmarc(sender, asked),
        judge_bounces(sender.bounce_domain, asked),
        judge_names(sender.egress, asked),
        Finding(TLS, Verdict.UNKNOWN, "how the relay hands on is not seen from here; `doctor --probe` shows it"),
    ]
    seen = {finding.name: finding for finding in sender.seen if finding.name in _only_seen(sender)}
    found = [seen.get(finding.name, finding) for finding in found]
    yield from found
    yield from judge_providers(found)


def _only_seen(sender: Sender) -> Iterator[str]:
    """What only a mailbox can tell, for want of keys and addresses to look up."""
    yield TLS
    if not sender.signing:
        yield from (DKIM, "DKIM alignment")
    if not sender.egress:
        yield RELAY


class _Remembering:
    """A lookup that asks each question once: several checks want the same records."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[tuple[str, str], tuple[str, ...] | LookupFailedError] = {}

    def __call__(self, name: str, kind: str) -> tuple[str, ...]:
        key = name.lower().rstrip("."), kind
        if key not in self._known:
            try:
                self._known[key] = self._lookup(*key)
            except LookupFailedError as error:
                self._known[key] = error
        answer = self._known[key]
        if isinstance(answer, LookupFailedError):
            raise answer
        return answer


def _dkim(signing: Sequence[Signing], lookup: Lookup) -> Finding:
    """The worst of the keys' records."""
    if not signing:
        return Finding(
            DKIM,
            Verdict.UNKNOWN,
            "Pressrun has no key for it (`pressrun dkim new`); whether the relay signs shows `--probe`",
        )
    found = []
    for each in signing:
        try:
            found.append(judge_record(each.place, lookup(each.place, "TXT"), ours=each.record))
        except LookupFailedError as error:
            found.append(Finding(DKIM, Verdict.UNKNOWN, str(error)))
    order = (Verdict.BAD, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK)
    return min(found, key=lambda finding: order.index(finding.verdict))


def _dmarc(sender: Sender, lookup: Lookup) -> Iterator[Finding]:
    try:
        found = walk(sender.domain, lookup)
    except LookupFailedError as error:
        for name in (DMARC, "SPF alignment", "DKIM alignment"):
            yield Finding(name, Verdict.UNKNOWN, str(error))
        return
    yield judge_dmarc(found)
    yield judge_alignment("SPF", sender.bounce_domain, found, lookup)
    if sender.signing:
        yield judge_alignment("DKIM", sender.signing[0].domain, found, lookup)
    else:
        yield Finding(
            "DKIM alignment", Verdict.UNKNOWN, "Pressrun does not sign; whether the relay does shows `--probe`"
        )
