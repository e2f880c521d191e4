"""The one place that asks DNS about sender domains. Everything else here takes a `Lookup`."""

from collections.abc import Callable
from typing import Final, TypeAlias

import dns.exception
import dns.resolver
from dns.rdatatype import RdataType

from pipeline.errors import PressrunError

SECONDS: Final = 5.0
Lookup: TypeAlias = Callable[[str, str], tuple[str, ...]]
"""Name and type (TXT, MX, A, AAAA, PTR) → the answers as text; none when there is no such name or record.

A TXT record is one text, whatever strings it is made of; an MX record is `10 mx.example.org`. No name has a dot at its
end. Raises LookupFailedError when DNS did not say.
"""


class LookupFailedError(PressrunError):
    """DNS gave no answer. What was asked for is unknown, which is not the same as missing."""


def ask(name: str, kind: str) -> tuple[str, ...]:
    """The `Lookup` that asks the resolver of this machine, for five seconds at most."""
    try:
        answer = dns.resolver.resolve(name, kind, search=False, lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except dns.exception.DNSException as error:
        raise LookupFailedError(f"{kind} of {name} could not be looked up ({type(error).__name__})") from error
    if answer.rdtype is RdataType.TXT:
        return tuple(b"".join(each.strings).decode("utf-8", "replace") for each in answer)
    return tuple(each.to_text().rstrip(".") for each in answer)
