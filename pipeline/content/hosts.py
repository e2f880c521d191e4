"""Which hosts the public can reach, as far as a name or an address says by itself. Pure: nothing is looked up.

Sources: the IANA registries of special-purpose addresses (RFC 6890) and names (RFC 6761, 2606, 6762, 9476), and the
ways of writing an IPv4 address that C libraries and browsers take (`2130706433`, `0x7f.1`, `0177.0.0.1`).
"""

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


class Reach(StrEnum):
    PUBLIC = "public"
    """Nothing speaks against it; whether it exists is another question."""
    INSIDE = "inside"
    """Inside some network: private addresses, names without a dot, `.local`, `.internal`."""
    NOWHERE = "nowhere"
    """The reader's own machine, or none at all: `localhost`, loopback, link-local, multicast, `.test`, `.invalid`."""
    EXAMPLE = "example"
    """Set aside for examples: `.example`."""


def reach(host: str) -> Reach:
    """How far a host is known; `host` as `urlsplit(…).hostname` gives it, in A-labels or not."""
    name = host.rstrip(".").lower()
    if address := literal(name):
        return Reach.PUBLIC if is_public(address) else _reach_of(address)
    for reserved, suffixes in _NAMES.items():
        if f".{name}".endswith(suffixes):
            return reserved
    return Reach.PUBLIC if "." in name else Reach.INSIDE


def is_public(address: Address) -> bool:
    """Whether an address is of the public internet: not private, reserved, link-local, multicast nor metadata.

    An IPv4 address that travels inside an IPv6 one (mapped, NAT64) counts as itself; other such forms are refused.
    """
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_UNICAST and not any(address in network for network in _V6_REFUSED)
    return not any(address in network for network in _V4_REFUSED)


def literal(host: str) -> Address | None:
    """The address that a host is written as, in any of the usual ways; None for a name."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return _legacy_v4(host)


def _legacy_v4(host: str) -> IPv4Address | None:
    """One to four numbers, decimal, octal or hexadecimal, the last of which fills all bytes that are left."""
    parts = host.split(".")
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        return None
    *front, last = [int(part, 16 if part.startswith("0x") else 8 if part.startswith("0") else 10) for part in parts]
    room = 4 - len(front)
    if any(part > 255 for part in front) or last >= 256**room:
        return None
    return IPv4Address(sum(part << 8 * (3 - at) for at, part in enumerate(front)) + last)


def _inner(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _reach_of(address: Address) -> Reach:
    here = _inner(address) or address
    return Reach.INSIDE if any(here in network for network in _INSIDE) else Reach.NOWHERE


_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|0[0-7]{0,11}|[1-9][0-9]{0,9}")
_NAMES: Final[dict[Reach, tuple[str, ...]]] = {
    Reach.NOWHERE: (".localhost", ".test", ".invalid", ".localdomain"),
    Reach.INSIDE: (".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp", ".home"),
    Reach.EXAMPLE: (".example",),
}
_INSIDE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"))
)
_V4_REFUSED: Final[tuple[IPv4Network, ...]] = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, where clouds keep their metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_V6_REFUSED: Final[tuple[IPv6Network, ...]] = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",
            "2002::/16",  # 6to4 carries any IPv4 address
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
_NAT64: Final = ip_network("64:ff9b::/96")
