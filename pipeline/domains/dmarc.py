"""DMARC (RFC 9989): the policy for a From domain, found by walking up the DNS tree, and who aligns with it."""

from dataclasses import dataclass
from typing import Final

from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.lookup import Lookup, LookupFailedError
from pipeline.domains.tags import TagError, parse_tags

NAME: Final = "DMARC"
LABELS_AT_MOST: Final = 7
"""A longer name is cut to so many labels for its second query, so that a walk takes eight (section 4.10)."""
POLICIES: Final = ("none", "quarantine", "reject")
REMOVED: Final = ("pct", "rf", "ri")
"""Tags of RFC 7489 that RFC 9989 took out."""


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC record and where it stands."""

    domain: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Walk:
    """What a tree walk found, from the domain itself upwards, and domains with more than one record."""

    start: str
    records: tuple[Record, ...]
    doubled: tuple[str, ...] = ()

    @property
    def organisation(self) -> str:
        """The organisational domain (section 4.10.2): where the walk ended, or one label below a public suffix."""
        if not self.records:
            return self.start
        top = self.records[-1]
        if top.tags.get("psd", "").lower() == "y" and top.domain != self.start:
            return ".".join(self.start.split(".")[-len(top.domain.split(".")) - 1 :])
        return top.domain

    @property
    def policy(self) -> Record | None:
        """The record that counts for the From domain: its own, the organisation's, or a public suffix's (4.10.1)."""
        if not self.records:
            return None
        by_domain = {record.domain: record for record in self.records}
        return by_domain.get(self.start) or by_domain.get(self.organisation) or self.records[-1]


def walk(domain: str, lookup: Lookup) -> Walk:
    """Ask `_dmarc.` of the domain and of each domain above it, eight at most. Raises LookupFailedError."""
    records, doubled = list[Record](), list[str]()
    for name in _names(domain):
        found = [tags for text in lookup(f"_dmarc.{name}", "TXT") if (tags := _read(text)) is not None]
        if len(found) > 1:  # all are discarded (section 4.10)
            doubled.append(name)
        elif found:
            records.append(Record(name, found[0]))
            if found[0].get("psd", "").lower() in {"y", "n"}:
                break
    return Walk(domain, tuple(records), tuple(doubled))


def judge_dmarc(found: Walk) -> Finding:
    """The policy, and what is wrong with its record."""
    if found.doubled:
        where = ", ".join(f"_dmarc.{name}" for name in found.doubled)
        return Finding(NAME, Verdict.BAD, f"{where} has more than one DMARC record, so receivers use none of them")
    record = found.policy
    if record is None:
        return Finding(NAME, Verdict.BAD, f"neither _dmarc.{found.start} nor a domain above it has a DMARC record")
    place, policy = f"_dmarc.{record.domain}", _policy(record, found.start)
    if policy not in POLICIES:
        return Finding(NAME, Verdict.BAD, f"{place} says {policy!r}, which is none of {', '.join(POLICIES)}")
    old = [tag for tag in REMOVED if tag in record.tags]
    if old:
        return Finding(NAME, Verdict.WARN, f"{place}: {', '.join(old)} has no meaning since RFC 9989; take it out")
    if "rua" not in record.tags:
        return Finding(NAME, Verdict.WARN, f"{place} says {policy}, but no rua=: nobody will tell you what fails")
    return Finding(NAME, Verdict.OK, f"{place} says {policy}; the organisation is {found.organisation}")


def judge_alignment(what: str, other: str, found: Walk, lookup: Lookup) -> Finding:
    """Whether `other` (what: SPF's return-path domain, or DKIM's d=) counts as the From domain (section 4.10.3)."""
    name = f"{what} alignment"
    record = found.policy
    strict = record is not None and record.tags.get(f"a{what.lower()}", "r").lower() == "s"
    if other == found.start:
        return Finding(name, Verdict.OK, f"{other} is the From domain itself")
    if strict:
        tag = f"a{what.lower()}=s"
        return Finding(
            name, Verdict.BAD, f"{other} is not {found.start}, and _dmarc says {tag}, which asks for the same"
        )
    try:
        theirs = walk(other, lookup).organisation
    except LookupFailedError as error:
        return Finding(name, Verdict.UNKNOWN, str(error))
    if theirs == found.organisation:
        return Finding(name, Verdict.OK, f"{other} and {found.start} both belong to {theirs}")
    return Finding(name, Verdict.BAD, f"{other} belongs to {theirs}, and {found.start} to {found.organisation}")


def _names(domain: str) -> list[str]:
    labels = domain.split(".")
    first = 1 if len(labels) <= LABELS_AT_MOST else len(labels) - LABELS_AT_MOST
    return [domain, *(".".join(labels[at:]) for at in range(first, len(labels)))]


def _read(text: str) -> dict[str, str] | None:
    """The tags of a DMARC record; None for a text that is none, which is left out."""
    try:
        tags = parse_tags(text)
    except TagError:
        return None
    return tags if next(iter(tags.items()), None) == ("v", "DMARC1") else None


def _policy(record: Record, start: str) -> str:
    """`p`, or `sp` where the record is of a domain above; without either it is none (section 4.7)."""
    own = record.tags.get("p", "none")
    return (own if record.domain == start else record.tags.get("sp", own)).lower()
