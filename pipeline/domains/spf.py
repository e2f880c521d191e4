"""SPF (RFC 7208): whether a return-path domain's record is sound, and lets our relay's addresses pass.

The whole tree of includes is walked once with an address that matches nothing, so that the counts are those of the
worst case; then once for each address that we send from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.lookup import Lookup, LookupFailedError

NAME: Final = "SPF"
RELAY: Final = "SPF of the relay"
LOOKUPS_AT_MOST: Final = 10
VOIDS_AT_MOST: Final = 2
"""RFC 7208 section 4.6.4."""
_RESULTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})

Address: TypeAlias = IPv4Address | IPv6Address


class SpfError(ValueError):
    """Receivers end with permerror; says why."""


def judge_spf(domain: str, egress: Sequence[str], lookup: Lookup) -> list[Finding]:
    """Two findings: the record, and whether mail from `egress` passes. `domain` is that of the return path."""
    walk = _Walk(lookup)
    try:
        final = walk.check(domain, None)
    except (LookupFailedError, _UnknowableError) as error:
        return [Finding(NAME, Verdict.UNKNOWN, str(error)), Finding(RELAY, Verdict.UNKNOWN, str(error))]
    except SpfError as error:
        return [Finding(NAME, Verdict.BAD, f"{domain}: {error}"), Finding(RELAY, Verdict.BAD, "no record to pass")]
    counts = f"{walk.lookups} of {LOOKUPS_AT_MOST} lookups"
    said = {
        "pass": (Verdict.BAD, "ends in +all, which lets everybody send in its name"),
        "neutral": (Verdict.WARN, "says nothing of who else sends; end it with ~all or -all"),
    }
    verdict, words = said.get(final, (Verdict.OK, f"is sound ({counts}, others: {final})"))
    return [Finding(NAME, verdict, f"{domain} {words}"), _relay(domain, egress, lookup)]


def _relay(domain: str, egress: Sequence[str], lookup: Lookup) -> Finding:
    if not egress:
        return Finding(
            RELAY,
            Verdict.UNKNOWN,
            "which addresses the relay sends from is not known here; `doctor --probe` shows them",
        )
    try:
        results = {each: _Walk(lookup).check(domain, ip_address(each)) for each in egress}
    except (LookupFailedError, _UnknowableError) as error:
        return Finding(RELAY, Verdict.UNKNOWN, str(error))
    except SpfError as error:
        return Finding(RELAY, Verdict.BAD, f"{domain}: {error}")
    wrong = [f"{each} gets {result}" for each, result in results.items() if result != "pass"]
    if wrong:
        return Finding(RELAY, Verdict.BAD, f"by the record of {domain} {', '.join(wrong)}: add the relay to it")
    return Finding(RELAY, Verdict.OK, f"{', '.join(results)} pass")


class _UnknowableError(Exception):
    """It depends on more than the address: a macro, or the name of the host."""


@dataclass(frozen=True, slots=True)
class _Term:
    qualifier: str
    name: str
    value: str
    is_modifier: bool

    @classmethod
    def read(cls, text: str) -> "_Term":
        """`-include:x` or `redirect=x`; what stands behind the name begins with one of : / =."""
        qualifier, rest = (text[0], text[1:]) if text[0] in _RESULTS else ("+", text)
        name = re.split("[:/=]", rest, maxsplit=1)[0]
        behind = rest[len(name) :]
        return cls(qualifier, name.lower(), behind.removeprefix(":").removeprefix("="), behind.startswith("="))


class _Walk:
    """One evaluation, with its counts (RFC 7208 section 4.6.4)."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.lookups = 0
        self._voids = 0

    def check(self, domain: str, ip: Address | None) -> str:
        """`check_host`: pass, fail, softfail or neutral; None matches nothing. Raises SpfError, LookupFailedError."""
        redirect = ""
        for term in self._terms(domain):
            if term.name in _ASKING:
                self._count()
            if term.name == "redirect":
                redirect = term.value
            elif self._matches(term, domain, ip):
                return _RESULTS[term.qualifier]
        if redirect:
            return self.check(_plain(redirect), ip)
        return "neutral"

    def _terms(self, domain: str) -> list[_Term]:
        records = [text for text in self._lookup(domain, "TXT") if f"{text.lower()} ".startswith("v=spf1 ")]
        if not records:
            raise SpfError(f"{domain} has no SPF record")
        if len(records) > 1:
            raise SpfError(f"{domain} has {len(records)} SPF records, and may have one (RFC 7208 section 3.2)")
        terms = [_Term.read(word) for word in records[0].split()[1:]]
        has_all = any(term.name == "all" for term in terms)
        return [term for term in terms if not (has_all and term.name == "redirect")]  # section 6.1: ignored then

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS_AT_MOST:
            raise SpfError(
                f"it takes more than {LOOKUPS_AT_MOST} lookups, so receivers give up (RFC 7208 section 4.6.4)"
            )

    def _ask(self, name: str, kind: str) -> tuple[str, ...]:
        found = self._lookup(name, kind)
        self._voids += not found
        if self._voids > VOIDS_AT_MOST:
            raise SpfError(f"more than {VOIDS_AT_MOST} of the names in it do not exist ({name} is one)")
        return found

    def _matches(self, term: _Term, domain: str, ip: Address | None) -> bool:
        if term.is_modifier:
            return False  # exp, or one that nobody knows, which is left out (section 6)
        match term.name:
            case "all":
                matches = True
            case "include":
                matches = self.check(_plain(term.value), ip) == "pass"
            case "ip4" | "ip6":
                matches = _in_network(term, ip)
            case "a" | "mx":
                matches = self._is_host(term, domain, ip)
            case "exists":
                matches = self._exists(term.value, ip)
            case "ptr":
                matches = _ptr(domain, ip)
            case _:
                raise SpfError(f"{term.name!r} is nothing that a record may hold")
        return matches

    def _exists(self, name: str, ip: Address | None) -> bool:
        if ip is None and "%" in name:
            return False
        return bool(self._ask(_plain(name), "A")) and ip is not None

    def _is_host(self, term: _Term, domain: str, ip: Address | None) -> bool:
        name, _, lengths = term.value.partition("/")
        four, _, six = lengths.partition("//") if not lengths.startswith("/") else ("", "", lengths[1:])
        names = [_plain(name or domain)]
        if term.name == "mx":
            names = [each.split()[-1] for each in self._ask(names[0], "MX")]
            if len(names) > LOOKUPS_AT_MOST:
                raise SpfError(f"{name or domain} has more than {LOOKUPS_AT_MOST} MX records (section 4.6.4)")
        if ip is None:
            for each in names:
                self._lookup(each, "AAAA") or self._ask(each, "A")
            return False
        kind, length = ("A", four) if ip.version == 4 else ("AAAA", six)
        return any(_covers(found, length, ip) for each in names for found in self._ask(each, kind))


def _covers(found: str, length: str, ip: Address) -> bool:
    try:
        return ip in ip_network(f"{found}/{length or ip.max_prefixlen}", strict=False)
    except ValueError:
        raise SpfError(f"/{length} is not the length of a network") from None


def _ptr(domain: str, ip: Address | None) -> bool:
    if ip is None:
        return False
    raise _UnknowableError(f"the record of {domain} holds ptr, which receivers may leave out; do without it")


def _in_network(term: _Term, ip: Address | None) -> bool:
    try:
        network = ip_network(term.value, strict=False)
    except ValueError:
        raise SpfError(f"{term.name}:{term.value} is not an address or network") from None
    if f"ip{network.version}" != term.name:
        raise SpfError(f"{term.name}:{term.value} is an address of the other kind")
    return ip is not None and ip in network


def _plain(name: str) -> str:
    """A name without macros. Raises _UnknowableError, since with one it depends on the message."""
    if "%" in name:
        raise _UnknowableError(f"the record asks for {name}, which depends on each message")
    if not name:
        raise SpfError("a mechanism lacks its domain")
    return name.lower().rstrip(".")
