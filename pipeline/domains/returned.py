"""A seed mail's copy as a mailbox got it: what its provider says of SPF, DKIM and DMARC (RFC 8601). Pure.

Only the topmost Authentication-Results counts: it is the one that the mailbox's own provider wrote.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from ipaddress import ip_address
from typing import Final

from pipeline.domains.finding import Finding, Verdict
from pipeline.domains.tags import TagError, parse_tags
from pipeline.errors import PressrunError

_LONG: Final = 20_000
"""Characters of a field that are looked at."""
_DEEP: Final = 10
"""Comments within comments."""
PROBE: Final = "X-Pressrun-Probe"
SECOND: Final = "second signature"
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')
_PAIR = re.compile(r'([A-Za-z0-9_.-]+)(?:/[0-9]+)?\s*=\s*("[^"]*"|[^\s;]+)')
_HOP = re.compile(r"from\b.*?\[(?:IPv6:)?([0-9A-Fa-f.:]+)\].*?\bby\s+(\S+)(.*)", re.DOTALL)
_ENCRYPTED = re.compile(r"with\s+(?:UTF8)?E?(?:SMTP|LMTP)SA?\b|\bTLS", re.IGNORECASE)


class ReturnedError(PressrunError):
    """The text is not the whole source of a seed mail as it arrived."""


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result, such as dkim=pass, and its properties, such as header.d."""

    method: str
    verdict: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """Whose it is: d= or the domain of i= for DKIM, of the return path for SPF."""
        names = ("header.d", "header.i", "smtp.mailfrom", "header.from")
        value = next((self.properties[name] for name in names if name in self.properties), "")
        return value.rpartition("@")[2].lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class Copy:
    """What a returned copy tells. `address`: which the provider got it from; `encrypted`: None where it is not seen."""

    probe: str
    server: str
    results: tuple[Result, ...]
    signatures: tuple[tuple[str, str], ...]
    address: str = ""
    encrypted: bool | None = None


def read_copy(raw: bytes) -> Copy:
    """Read a mail's source. Raises ReturnedError when it holds no probe of ours, or nobody has judged it."""
    head = BytesHeaderParser().parsebytes(raw)
    probe = str(head.get(PROBE, "")).strip()
    if not probe:
        raise ReturnedError(
            f"There is no {PROBE} field in it, so it is not a copy of a seed mail. Save the whole source of the mail "
            "as it arrived (*Show original*, *원문 보기*), not a forwarded one."
        )
    judged = head.get("Authentication-Results")
    if judged is None:
        raise ReturnedError("There is no Authentication-Results field in it: its provider has not said what it found.")
    server, results = _results(str(judged)[:_LONG])
    address, encrypted = _hop([str(each)[:1000] for each in head.get_all("Received", [])], server)
    signatures = tuple(_signature(str(each)) for each in head.get_all("DKIM-Signature", []))
    return Copy(probe, server, results, signatures, address, encrypted)


def judge_copy(copy: Copy, *, domain: str, bounce_domain: str, ours: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """What it means for mail from `domain`. `ours`: domain and selector of each key that signs."""
    yield from _spf(copy, bounce_domain)
    yield from _dkim(copy, domain, ours)
    yield _dmarc(copy)
    if copy.encrypted is not None:
        verdict, word = (Verdict.OK, "encrypted") if copy.encrypted else (Verdict.BAD, "in plain text")
        yield Finding("TLS", verdict, f"the relay handed it on {word}")
    others = [each for each in copy.signatures if each not in ours]
    if ours and others:
        names = ", ".join(f"d={domain} s={selector}" for domain, selector in others)
        words = f"the relay signs too ({names}). That does no harm, but one is enough: keep the aligned one"
        yield Finding(SECOND, Verdict.WARN, words)


def _spf(copy: Copy, bounce_domain: str) -> Iterator[Finding]:
    found = _first(copy, "spf")
    if found is None:
        yield Finding("SPF of the relay", Verdict.UNKNOWN, f"{copy.server} says nothing of SPF")
        return
    good = found.verdict == "pass"
    yield Finding("SPF of the relay", Verdict.OK if good else Verdict.BAD, f"{copy.server} says spf={found.verdict}")
    if found.domain == bounce_domain:
        yield Finding("return path", Verdict.OK, f"it arrived with ours, at {bounce_domain}")
    elif found.domain:
        yield Finding(
            "return path", Verdict.WARN, f"the relay puts {found.domain} in place of {bounce_domain}: bounces go there"
        )


def _dkim(copy: Copy, domain: str, ours: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    results = [each for each in copy.results if each.method == "dkim"]
    if ours:
        yield _our_signature(copy, results, ours)
        return
    passed = [each.domain for each in results if each.verdict == "pass"]
    if not passed:
        yield Finding("DKIM", Verdict.BAD, "nobody signs: neither Pressrun (`pressrun dkim new`) nor the relay")
        return
    yield Finding("DKIM", Verdict.OK, f"the relay signs for {', '.join(passed)}")
    aligned = [each for each in passed if f".{each}".endswith(f".{domain}") or f".{domain}".endswith(f".{each}")]
    verdict = Verdict.OK if aligned else Verdict.BAD
    yield Finding("DKIM alignment", verdict, f"the relay signs for {', '.join(aligned or passed)}, From is {domain}")


def _our_signature(copy: Copy, results: Sequence[Result], ours: Sequence[tuple[str, str]]) -> Finding:
    if not set(ours) & set(copy.signatures):
        return Finding(
            "DKIM", Verdict.BAD, "our signature is not in the copy: the relay takes it out, or did not get it"
        )
    about = [each for each in results if (each.domain, each.properties.get("header.s", "")) in ours]
    if not about:  # some do not say which selector
        domains = {name for name, _ in ours}
        about = [each for each in results if each.domain in domains and "header.s" not in each.properties]
    if any(each.verdict == "pass" for each in about):
        return Finding("DKIM", Verdict.OK, f"{copy.server} verified our signature")
    if not about:
        return Finding("DKIM", Verdict.UNKNOWN, f"{copy.server} says nothing of our signature")
    words = (
        f"{copy.server} says dkim={about[0].verdict} of our signature. If its record is right, the relay changes mail "
        "after it was signed: try `pressrun dkim body DOMAIN relaxed`"
    )
    return Finding("DKIM", Verdict.BAD, words)


def _dmarc(copy: Copy) -> Finding:
    found = _first(copy, "dmarc")
    if found is None:
        return Finding("DMARC as seen", Verdict.UNKNOWN, f"{copy.server} says nothing of DMARC")
    verdict = Verdict.OK if found.verdict in {"pass", "bestguesspass"} else Verdict.BAD
    return Finding("DMARC as seen", verdict, f"{copy.server} says dmarc={found.verdict}")


def _first(copy: Copy, method: str) -> Result | None:
    return next((each for each in copy.results if each.method == method), None)


def _results(value: str) -> tuple[str, tuple[Result, ...]]:
    """The server's name, which some leave out, and what it found."""
    parts = _bare(value).split(";")
    server = "" if "=" in parts[0] else (parts[0].split() or [""])[0].lower()
    found = []
    for part in parts if not server else parts[1:]:
        pairs = [(name.lower(), text.strip('"')) for name, text in _PAIR.findall(part)]
        if pairs:
            found.append(Result(pairs[0][0], pairs[0][1].lower(), dict(pairs[1:])))
    return server or "the provider", tuple(found)


def _bare(value: str) -> str:
    """Without comments, nested ones too; quoted strings stay, without what would end a part."""
    for _ in range(_DEEP):
        bare = _QUOTED_OR_COMMENT.sub(lambda found: found[0].replace(";", ",") if found[0][0] == '"' else " ", value)
        if bare == value:
            break
        value = bare
    return value


def _hop(received: Sequence[str], server: str) -> tuple[str, bool | None]:
    """Where the provider got it from, as it wrote down itself: the lowest of its own Received fields."""
    house = server.split(".")[-2:]
    for line in reversed(received):
        found = _HOP.search(line)
        if found and found[2].rstrip(";").lower().split(".")[-2:] == house and _is_global(found[1]):
            return str(ip_address(found[1])), bool(_ENCRYPTED.search(line))
    return "", None


def _is_global(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _signature(value: str) -> tuple[str, str]:
    try:
        tags = parse_tags(" ".join(value.split()))
    except TagError:
        return "", ""
    return tags.get("d", "").lower(), tags.get("s", "").lower()
