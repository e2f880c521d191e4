"""Where mail goes: the domains of a provider are one destination (`destinations.tsv`), any other is its own."""

from importlib.resources import files
from typing import Final


def read(text: str) -> dict[str, str]:
    """Domain → group. Raises ValueError naming the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        group, domain, *_ = [*line.split("\t"), ""]
        if not group or "." not in domain or "." in group or domain != domain.lower() or domain in found:
            raise ValueError(f"destinations.tsv line {number}: expected group, new domain and source: {line!r}")
        found[domain] = group
    return found


GROUPS: Final = read(files("pipeline.limits").joinpath("destinations.tsv").read_text(encoding="utf-8"))
"""Domain (A-label, lower-case) → group. A group's name has no dot, so that it is never a domain."""


def destination_of(address: str) -> str:
    """The destination of an address, or of a bare domain."""
    domain = address.rpartition("@")[2].lower()
    return GROUPS.get(domain, domain)
