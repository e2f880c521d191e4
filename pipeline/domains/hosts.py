"""Names that mail needs beside records of its own: where bounces go, and what the relay's addresses are called."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.lookup import Lookup, LookupFailedError

MX: Final = "bounce MX"
PTR: Final = "PTR"
WAY_IN: Final = "way in"
_NULL_MX: Final = ["0"]
"""`0 .` as a `Lookup` gives it, without the dot."""


def judge_bounces(domain: str, lookup: Lookup) -> Finding:
    """Whether mail to the bounce domain arrives: an MX record whose host has an address (RFC 5321 section 5.1)."""
    try:
        hosts = [each.split()[-1] for each in lookup(domain, "MX")]
        if not hosts:
            return Finding(MX, Verdict.BAD, f"{domain} has no MX record, so bounces would be lost")
        if hosts == _NULL_MX:
            return Finding(MX, Verdict.BAD, f"{domain} says that it takes no mail (RFC 7505), so bounces would be lost")
        silent = [host for host in hosts if not (lookup(host, "A") or lookup(host, "AAAA"))]
    except LookupFailedError as error:
        return Finding(MX, Verdict.UNKNOWN, str(error))
    if silent:
        return Finding(MX, Verdict.BAD, f"the MX of {domain} is {', '.join(silent)}, which has no address")
    return Finding(MX, Verdict.OK, f"bounces to {domain} go to {', '.join(hosts)}")


def judge_way_in(domain: str, lookup: Lookup) -> Finding:
    """Whether mail to a domain has a place to go to: an MX record, else an address (RFC 5321 section 5.1).

    A resolver that knows nothing at all, not even `com`, has not said that this domain is missing.
    """
    try:
        hosts = [each.split()[-1] for each in lookup(domain, "MX")]
        if hosts == _NULL_MX:
            return Finding(WAY_IN, Verdict.BAD, f"{domain} says that it takes no mail (RFC 7505)")
        if hosts or lookup(domain, "A") or lookup(domain, "AAAA"):
            return Finding(WAY_IN, Verdict.OK, f"DNS knows where mail to {domain} goes: {', '.join(hosts) or domain}")
        if not lookup("com", "NS"):
            return Finding(WAY_IN, Verdict.UNKNOWN, "the resolver of this machine knows no domain at all")
    except LookupFailedError as error:
        return Finding(WAY_IN, Verdict.UNKNOWN, str(error))
    return Finding(WAY_IN, Verdict.BAD, f"DNS knows no place where mail to {domain} goes")


def judge_names(egress: Sequence[str], lookup: Lookup) -> Finding:
    """Whether each address that we send from has a name which leads back to it (RFC 1912 section 2.1)."""
    if not egress:
        return Finding(
            PTR, Verdict.UNKNOWN, "which addresses the relay sends from is not known here; `doctor --probe` shows them"
        )
    try:
        wrong = [words for each in egress if (words := _wrong(each, lookup))]
    except LookupFailedError as error:
        return Finding(PTR, Verdict.UNKNOWN, str(error))
    if wrong:
        return Finding(PTR, Verdict.BAD, f"{'; '.join(wrong)}. Whoever runs the address must set it")
    return Finding(PTR, Verdict.OK, f"{', '.join(egress)}: the name leads back to the address")


def _wrong(address: str, lookup: Lookup) -> str:
    ip = ip_address(address)
    names = lookup(ip.reverse_pointer, "PTR")
    if not names:
        return f"{address} has no name (PTR)"
    kind = "A" if ip.version == 4 else "AAAA"
    back = {ip_address(found) for name in names for found in lookup(name, kind)}
    return "" if ip in back else f"{address} is called {names[0]}, which does not lead back to it"
