"""A DKIM key's DNS record (RFC 6376 section 3.6.1, RFC 8463), against the key that it is for. Pure."""

from collections.abc import Sequence
from typing import Final

from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.tags import TagError, parse_tags

NAME: Final = "DKIM"


def judge_record(place: str, texts: Sequence[str], *, ours: str) -> Finding:
    """Whether mail signed with our key is verified: `texts` is what DNS has at `place`, `ours` the key's own record."""
    if not texts:
        return Finding(NAME, Verdict.BAD, f"{place} has no record. Publish it: `pressrun dkim list` prints it")
    if len(texts) > 1:
        return Finding(NAME, Verdict.BAD, f"{place} has {len(texts)} TXT records; receivers may take any of them")
    try:
        found, wanted = parse_tags(texts[0]), parse_tags(ours)
    except TagError as error:
        return Finding(NAME, Verdict.BAD, f"the record at {place} cannot be read: {error}")
    if trouble := _trouble(found, wanted):
        return Finding(NAME, Verdict.BAD, f"{place} {trouble}")
    if "y" in _items(found.get("t", "")):
        return Finding(NAME, Verdict.WARN, f"{place} says t=y (testing): receivers treat its mail as not signed")
    return Finding(NAME, Verdict.OK, f"{place} holds the key that signs")


def _trouble(found: dict[str, str], wanted: dict[str, str]) -> str:
    """What keeps a signature of our key from being verified; empty for nothing."""
    key = "".join(found.get("p", "").split())
    checks = (
        ("v" not in found or next(iter(found.items())) == ("v", "DKIM1"), "does not begin with v=DKIM1"),
        ("p" in found, "has no p=, so no key"),
        (bool(key), "has an empty p=: this key was revoked"),
        (found.get("k", "rsa") == wanted["k"], f"is for k={found.get('k', 'rsa')}, and the key is {wanted['k']}"),
        (key == wanted["p"], "holds another key than ours: every signature fails. Publish ours anew"),
        ("h" not in found or "sha256" in _items(found["h"]), "does not allow sha256 (h=)"),
        ("s" not in found or {"*", "email"} & set(_items(found["s"])), "is not for mail (s=)"),
    )
    return next((words for good, words in checks if not good), "")


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(":")]
