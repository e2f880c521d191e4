"""What the large providers of mailboxes ask of bulk senders, from `providers.tsv`, held against what was found."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from pipeline.domains.finding import Finding, Verdict

_TABLE: Final = Path(__file__).with_name("providers.tsv")
_WORST: Final = (Verdict.BAD, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK)
"""The first of these among the needs of a provider is its verdict."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. Every group of `needs` must be met, by any of its names."""

    provider: str
    required: bool
    needs: tuple[tuple[str, ...], ...]
    since: str
    seen: str
    source: str


@cache
def rules() -> tuple[Rule, ...]:
    """The table, in its order."""
    lines = [line for line in _TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return tuple(
        Rule(
            provider=row["provider"],
            required=row["weight"] == "required",
            needs=tuple(tuple(group.split("|")) for group in row["needs"].split(",")),
            since=row["since"],
            seen=row["seen"],
            source=row["source"],
        )
        for row in csv.DictReader(lines, delimiter="\t")
    )


def judge_providers(found: Sequence[Finding]) -> Iterator[Finding]:
    """One finding per provider. What is not among `found` is unknown, and unknown is never good."""
    verdicts = {finding.name: finding.verdict for finding in found}
    for provider, group in groupby(rules(), key=lambda rule: rule.provider):
        yield _judged(provider, list(group), verdicts)


def _judged(provider: str, group: Sequence[Rule], verdicts: Mapping[str, Verdict]) -> Finding:
    named = [(" or ".join(names), _met(rule, names, verdicts), rule) for rule in group for names in rule.needs]
    worst = min((verdict for _, verdict, _ in named), key=_WORST.index)
    short = {Verdict.BAD: "lacks", Verdict.UNKNOWN: "it is not known whether it has", Verdict.WARN: "look at"}
    seen = max(rule.seen for rule in group)
    if worst is Verdict.OK:
        return Finding(provider, worst, f"has what it asks for (as of {seen})")
    names = ", ".join(name for name, verdict, _ in named if verdict is worst)
    source = next(rule.source for _, verdict, rule in named if verdict is worst)
    return Finding(provider, worst, f"{short[worst]} {names}, which it asks for ({source}, seen {seen})")


def _met(rule: Rule, names: Sequence[str], verdicts: Mapping[str, Verdict]) -> Verdict:
    """The best of the names; what is only advised is never worse than a warning."""
    best = max((verdicts.get(name, Verdict.UNKNOWN) for name in names), key=_WORST.index)
    return Verdict.WARN if best is Verdict.BAD and not rule.required else best
